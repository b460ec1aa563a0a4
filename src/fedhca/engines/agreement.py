"""What a run may have for itself, and what stays as it was agreed on when the federation was made."""

from pathlib import Path
from typing import Any

from pydantic import BaseModel

from fedhca.config.owner import Owner
from fedhca.errors import RecipeError
from fedhca.experiment.difference import first_difference
from fedhca.experiment.recipe import Recipe


def require_agreed(agreed: Recipe, asked: Recipe, run: str) -> None:
    """Raise RecipeError if a run is not what was agreed on.

    It may differ in what is the server's or a site's own: nothing that changes who learns what from which data, or what
    blurs it. What the server does about clients that are late, or lie, is its own affair.
    """
    mine, theirs = _binding(agreed), _binding(asked)
    if mine != theirs:
        raise RecipeError(f"Run '{run}' is not what was agreed on: {first_difference(mine, theirs)}.")


def _binding(value: Any) -> Any:
    """Return as plain values what all have agreed on in a recipe, or in a part of one."""
    if isinstance(value, BaseModel):
        fields = type(value).model_fields.items()
        return {
            name: _binding(getattr(value, name))
            for name, field in fields
            if Owner.SERVER not in field.metadata and Owner.SITE not in field.metadata
        }
    if isinstance(value, dict):
        return {key: _binding(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_binding(each) for each in value]
    return str(value) if isinstance(value, Path) else value
