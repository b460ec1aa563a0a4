"""The same federation under several methods and seeds; finished runs are taken as they are."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fedhca.errors import RecipeError, RunFolderError
from fedhca.experiment.build import build_method
from fedhca.experiment.recipe import Recipe
from fedhca.experiment.recipes import with_method
from fedhca.experiment.run_folder import RunFolder


@dataclass(frozen=True)
class Entry:
    """One run of a comparison.

    Attributes:
        method: its label.
        seed: of the run.
        folder: where it is.
        setting: the federation it is of, where a comparison has several.

    """

    method: str
    seed: int
    folder: RunFolder
    setting: str = ""

    @property
    def metrics(self) -> dict[str, dict[str, float]]:
        """Metrics after the last round, by client and task; NaN where there was nothing to measure."""
        lines = self.folder.journal
        if not lines or lines[-1]["round"] != self.folder.recipe.rounds:
            mend = "Resume it."
            raise RunFolderError(f"'{self.folder.path}' should hold a finished run. Found an unfinished one. {mend}")
        found = lines[-1]["metrics"]
        return {
            client: {task: float("nan") if value is None else value for task, value in tasks.items()}
            for client, tasks in found.items()
        }


def entries(recipe: Recipe, methods: Sequence[str], seeds: Sequence[int], out: Path) -> Iterator[Entry]:
    """Yield one run per method and seed, at OUT/METHOD/seed-K; the caller runs those that are not finished.

    All are checked before the first is yielded.

    Raises:
        RecipeError: a method or its option does not exist, or one is named twice.

    """
    for kind, names in (("method", methods), ("seed", seeds)):
        if len(set(names)) < len(names) or not names:
            raise RecipeError(f"Each {kind} should be named once. Found {', '.join(map(str, names)) or 'none'}.")
    plans = [(method, seed, with_method(recipe, method, seed)) for seed in seeds for method in methods]
    for _, _, plan in plans:
        build_method(plan)
    return (Entry(method, seed, RunFolder.create(place(out, method, seed), plan)) for method, seed, plan in plans)


def place(out: Path, method: str, seed: int) -> Path:
    """Return the folder of a run among those of one federation."""
    return out / method / f"seed-{seed}"
