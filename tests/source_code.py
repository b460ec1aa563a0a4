"""The package's own source, as trees."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import fedhca

SRC = Path(fedhca.__file__).parent
MODULES = sorted(path.relative_to(SRC).with_suffix("").as_posix().replace("/", ".") for path in SRC.rglob("*.py"))


def path(module: str) -> Path:
    return SRC / (module.replace(".", "/") + ".py")


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(path(module).read_text(encoding="utf-8"))


def imported(module: str) -> Iterator[str]:
    """All names that a module imports, wherever in it, as whole dotted names."""
    package = ["fedhca", *module.split(".")[:-1]]
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            yield from (".".join([*above, *filter(None, [node.module]), alias.name]) for alias in node.names)
