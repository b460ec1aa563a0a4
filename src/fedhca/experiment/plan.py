"""Experiments: which federations, under which methods, make a table or a figure, and what of it is shown."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from fedhca.config.section import Section, validated
from fedhca.config.yaml import read_yaml
from fedhca.errors import RecipeError, unknown
from fedhca.experiment.build import build_method
from fedhca.experiment.compare import Entry, place
from fedhca.experiment.recipe import Recipe
from fedhca.experiment.recipes import load_recipe, with_method
from fedhca.experiment.run_folder import RunFolder

Scale = Literal["small", "small-real", "full"]
SCALES: tuple[Scale, ...] = ("small", "small-real", "full")
"""Synthetic scenes on a CPU; photographs on a CPU; the paper's protocol."""

Shown = Literal[
    "table",
    "gains",
    "scaling",
    "claims",
    "curves",
    "alpha",
    "beta",
    "conflict",
    "listening",
    "gallery",
    "bytes",
    "record",
]
"""A part of the report."""


class Setting(Section):
    """A recipe, and KEY=VALUE changes to it."""

    recipe: str
    changes: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        return {"recipe": value} if isinstance(value, str) else value

    @property
    def folder(self) -> str:
        """The name of its folder: experiments with one federation in common share its runs."""
        return re.sub(r"[^\w.+=-]", "_", "+".join([Path(self.recipe).stem, *self.changes]))


class Experiment(Section):
    """One table or figure.

    Attributes:
        title: of its page.
        lead: what is looked at, in a sentence or two.
        settings: the federations by name, each at one scale or more.
        methods: each column's name and its method in one word, such as `fedhca2+decoder=local`.
        reference: the column that Δm is against.
        shows: parts of the report.

    """

    title: str
    lead: str = ""
    settings: Annotated[dict[str, dict[Scale, Setting]], Field(min_length=1)]
    methods: Annotated[dict[str, str], Field(min_length=1)]
    reference: str = "local"
    shows: tuple[Shown, ...] = ()

    @field_validator("methods", mode="before")
    @classmethod
    def _from_list(cls, value: Any) -> Any:
        if isinstance(value, list) and (strange := [word for word in value if not isinstance(word, str)]):
            raise ValueError(f"in a list each should be one word, such as fedavg; found {strange[0]!r}")
        return {word: word for word in value} if isinstance(value, list) else value

    @model_validator(mode="after")
    def _consistent(self) -> "Experiment":
        if self.reference not in self.methods:
            raise ValueError(f"`reference` should be one of {', '.join(self.methods)}; found '{self.reference}'")
        return self

    def at(self, scale: str) -> dict[str, Setting]:
        """Return the settings at a scale; RecipeError if it does not exist, or no setting has it."""
        if scale not in SCALES:
            raise RecipeError(unknown("scale", scale, SCALES))
        found = {name: each for name, scales in self.settings.items() if (each := scales.get(scale)) is not None}
        if not found:
            there = [each for each in SCALES if any(each in scales for scales in self.settings.values())]
            raise RecipeError(f"'{self.title}' is not there at scale '{scale}'. Found: {', '.join(there)}.")
        return found


@dataclass(frozen=True)
class PlannedRun:
    """One run before its folder is made; attributes as in `Entry`, and its recipe."""

    setting: str
    method: str
    seed: int
    path: Path
    recipe: Recipe

    @property
    def finished(self) -> bool:
        """Whether it was done before."""
        return RunFolder(self.path, self.recipe).finished


@dataclass(frozen=True)
class Plan:
    """An experiment with all that is needed to run it.

    Attributes:
        name: of the experiment, and of the folder of its page.
        experiment: what it is.
        runs: of it, seed by seed, so that the first seed's are whole first.

    """

    name: str
    experiment: Experiment
    runs: tuple[PlannedRun, ...]

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        """The runs with their folders, which are made; RunFolderError where one holds rounds of another recipe."""
        return tuple(
            Entry(run.method, run.seed, RunFolder.create(run.path, run.recipe), run.setting) for run in self.runs
        )

    @property
    def left(self) -> list[RunFolder]:
        """The runs that are not finished, each once."""
        folders = {entry.folder.path: entry.folder for entry in self.entries}
        return [folder for folder in folders.values() if not folder.finished]


def embedded_experiments() -> dict[str, Path]:
    """Return the experiments that come with the package, by name."""
    folder = Path(str(resources.files("fedhca") / "experiments"))
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def load_experiment(source: str | Path) -> Experiment:
    """Read an experiment by name or path and validate it.

    Raises:
        RecipeError: the file, a key or a value is wrong; the line names file and field.

    """
    known, path = embedded_experiments(), Path(source)
    if path.suffix not in {".yaml", ".yml"}:
        if str(source) not in known:
            raise RecipeError(f"{unknown('experiment', source, known)} Or give the path of a YAML file.")
        path = known[str(source)]
    return validated(read_yaml(path, "Experiment"), Experiment, f"Experiment '{source}'")


def make_plan(
    source: str | Path,
    scale: str,
    seeds: Sequence[int],
    out: Path,
    *,
    methods: Sequence[str] = (),
    changes: Sequence[str] = (),
) -> Plan:
    """Lay out all runs of an experiment; nothing is run, and nothing written.

    Runs lie at OUT/FEDERATION/METHOD/seed-K, whatever experiment they are for, so that none is done twice.

    Args:
        source: an embedded experiment's name, or a YAML file.
        scale: `small`, `small-real` or `full`.
        seeds: of the runs.
        out: where runs and pages of this scale lie.
        methods: columns to run; all if not given. The reference is always among them.
        changes: KEY=VALUE for every recipe.

    Raises:
        RecipeError: the experiment, the scale, a column, a recipe or a method is wrong.

    """
    experiment = load_experiment(source)
    if len(set(seeds)) < len(seeds) or not seeds:
        raise RecipeError(f"Each seed should be named once. Found {', '.join(map(str, seeds)) or 'none'}.")
    columns = _columns(experiment, methods)
    recipes = {
        setting: load_recipe(_beside(source, federation.recipe), [*federation.changes, *changes])
        for setting, federation in experiment.at(scale).items()
    }
    for recipe in recipes.values():
        for word in columns.values():
            build_method(with_method(recipe, word, 0))
    several = len(recipes) > 1
    runs = tuple(
        PlannedRun(
            setting if several else "",
            label,
            seed,
            place(out / experiment.at(scale)[setting].folder, word, seed),
            with_method(recipe, word, seed),
        )
        for seed in seeds
        for setting, recipe in recipes.items()
        for label, word in columns.items()
    )
    return Plan(Path(source).stem, experiment, runs)


def _columns(experiment: Experiment, wanted: Sequence[str]) -> Mapping[str, str]:
    for label in wanted:
        if label not in experiment.methods:
            raise RecipeError(unknown("method of this experiment", label, experiment.methods))
    chosen = {experiment.reference, *wanted} if wanted else set(experiment.methods)
    return {label: word for label, word in experiment.methods.items() if label in chosen}


def _beside(source: str | Path, recipe: str) -> str | Path:
    """Return the recipe's file beside the experiment's, if it is there; else its name."""
    path = Path(source).parent / recipe
    return path if path.suffix in {".yaml", ".yml"} and path.is_file() else recipe
