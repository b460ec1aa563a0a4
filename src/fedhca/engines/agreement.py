"""What a run may have for itself, and what stays as it was agreed on when the federation was made."""

from typing import Any

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
FREE_OF_DATA = {"legacy_normals"}
"""Likewise in what of its data sets: a run goes on as it began, whichever version made the federation."""


def require_agreed(agreed: Recipe, asked: Recipe, run: str) -> None:
    """Raise RecipeError if a run is not what was agreed on."""
    mine, theirs = (_binding(dump_recipe(each)) for each in (agreed, asked))
    if mine != theirs:
        raise RecipeError(f"Run '{run}' is not what was agreed on: {first_difference(mine, theirs)}.")


def _binding(recipe: dict[str, Any]) -> dict[str, Any]:
    data = {name: {key: each[key] for key in each.keys() - FREE_OF_DATA} for name, each in recipe["datasets"].items()}
    return {key: value for key, value in {**recipe, "datasets": data}.items() if key not in FREE}
