"""What a shell offers when Tab is pressed: names, found without loading what takes time to load.

A file or folder is the shell's own business: where nothing is offered here, it offers those.
"""

import ast
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

import typer

PACKAGE = Path(__file__).parents[1]
CLIENTS, RUNS = "clients", "runs"


def recipes(incomplete: str) -> list[str]:
    """Return the embedded recipes that begin so."""
    return _beginning((path.stem for path in (PACKAGE / "recipes").glob("*.yaml")), incomplete)


def experiments(incomplete: str) -> list[str]:
    """Return the embedded experiments that begin so."""
    return _beginning((path.stem for path in (PACKAGE / "experiments").glob("*.yaml")), incomplete)


def scales(incomplete: str) -> list[str]:
    """Return the scales of experiments that begin so."""
    return _beginning(("small", "small-real", "full"), incomplete)


def methods(incomplete: str) -> list[str]:
    """Return the methods that the last of several names may be, after those before it."""
    return _after_commas(method_names(), incomplete)


def trackers(incomplete: str) -> list[str]:
    """Return the trackers that the last of several names may be, after those before it."""
    return _after_commas(("tensorboard", "wandb"), incomplete)


def engines(incomplete: str) -> list[str]:
    """Return the engines that begin so."""
    return _beginning(("flare", "flower"), incomplete)


def clients(context: typer.Context, incomplete: str) -> list[str]:
    """Return the clients of the run, or of the site, whose folder was named before."""
    return _beginning(_folders_of(context, "folder", CLIENTS), incomplete)


def runs(context: typer.Context, incomplete: str) -> list[str]:
    """Return the runs of the federation, or of the site, whose folder was named before."""
    return _beginning([*_folders_of(context, "at", RUNS), *_folders_of(context, "folder", RUNS)], incomplete)


def method_names() -> list[str]:
    """Return the keys of fedhca.methods.METHODS, read from the source: to import it would take seconds."""
    spec = find_spec("fedhca.methods")
    source = Path(spec.origin).read_text(encoding="utf-8") if spec and spec.origin else ""
    for node in ast.parse(source).body:
        if isinstance(node, ast.AnnAssign) and ast.unparse(node.target) == "METHODS":
            assert isinstance(node.value, ast.DictComp)
            return [each.id for each in ast.walk(node.value.generators[0].iter) if isinstance(each, ast.Name)]
    return []


def _folders_of(context: typer.Context, parameter: str, part: str) -> list[str]:
    """Return the names of folders in a part of the folder that was named; before an option arguments are not sorted."""
    for place in (context.params.get(parameter), *context.args):
        if place and (Path(place) / part).is_dir():
            return [path.name for path in (Path(place) / part).iterdir() if path.is_dir()]
    return []


def _beginning(names: Iterable[str], incomplete: str) -> list[str]:
    return sorted(name for name in names if name.startswith(incomplete))


def _after_commas(names: Iterable[str], incomplete: str) -> list[str]:
    before, comma, last = incomplete.rpartition(",")
    return [before + comma + name for name in names if name.startswith(last) and name not in before.split(",")]
