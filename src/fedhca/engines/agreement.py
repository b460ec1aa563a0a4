"""What a run may have for itself, and what stays as it was agreed on when the federation was made."""

from fedhca.errors import RecipeError
from fedhca.experiment.config import Recipe
from fedhca.experiment.difference import first_difference
from fedhca.experiment.recipes import dump_recipe

FREE = {
    *("description", "seed", "rounds", "evaluate_every", "checkpoint_every", "method", "training", "weights", "device"),
    *("on_missing", "min_clients", "timeout", "guard"),
}
"""In what the recipe of a run may differ: nothing that changes who learns what from which data, or what blurs it.

What the server does about clients that are late, or lie, is its own affair."""


def require_agreed(agreed: Recipe, asked: Recipe, run: str) -> None:
    """Raise RecipeError if a run is not what was agreed on."""
    mine, theirs = (
        {key: value for key, value in dump_recipe(each).items() if key not in FREE} for each in (agreed, asked)
    )
    if mine != theirs:
        raise RecipeError(f"Run '{run}' is not what was agreed on: {first_difference(mine, theirs)}.")
