"""The house has floors: a module imports only from lower ones, and the ground floors know no framework of the upper."""

import ast

import pytest

import fedhca
import source_code
from source_code import MODULES, SRC, imported

FLOORS = {
    0: "errors compiled",
    1: "seeds extras config storage processes edge_detection",
    2: "wire",
    3: "tasks",
    4: "aggregation models data",
    5: "methods client sharing",
    6: "server runtimes",
    7: "experiment",
    8: "report trackers engines",
    9: "cli",
    10: "__init__ __main__",
}
FLOOR = {part: floor for floor, parts in FLOORS.items() for part in parts.split()}

NEVER = {
    "aggregation": {"fedhca.tasks", "fedhca.data", "fedhca.models", "fedhca.client", "transformers"},
    "methods": {"fedhca.tasks", "fedhca.data", "fedhca.models", "fedhca.client", "transformers"},
    "server": {"fedhca.tasks", "fedhca.data", "fedhca.models", "fedhca.client", "transformers"},
    "client": {"fedhca.methods", "fedhca.server", "fedhca.aggregation"},
    "tasks": {"fedhca.data"},
    "config": {"fedhca.aggregation", "fedhca.methods", "torch"},
}
UPSTAIRS = {"nvflare", "flwr", "matplotlib", "typer", "tensorboard", "wandb"}
FACE = {f"fedhca.{name}" for name in fedhca.__all__ if not (SRC / name).exists() and not (SRC / f"{name}.py").exists()}
"""What `from fedhca import …` takes from the face, and not from a module or package."""


def part(module: str) -> str:
    return module.split(".", maxsplit=1)[0]


def within(name: str, forbidden: set[str]) -> bool:
    return any(name == each or name.startswith(each + ".") for each in forbidden)


def ours(module: str) -> set[str]:
    return {name.split(".")[1] for name in imported(module) if name.startswith("fedhca.")}


def test_every_module_imports_from_lower_floors_only() -> None:
    unknown = {part(module) for module in MODULES} - FLOOR.keys()
    assert not unknown, f"give {unknown} a floor in this table"
    climbs = [
        f"{module} imports fedhca.{other}"
        for module in MODULES
        for other in ours(module) - {part(module)}
        if FLOOR[other] >= FLOOR[part(module)]
    ]
    assert climbs == []


def test_nobody_imports_the_face() -> None:
    faced = [module for module in MODULES for name in imported(module) if name in {"fedhca", *FACE}]
    assert faced == []


@pytest.mark.parametrize("tower", NEVER)
def test_the_towers_do_not_know_each_other(tower: str) -> None:
    for module in (module for module in MODULES if part(module) == tower):
        assert [name for name in imported(module) if within(name, NEVER[tower])] == [], module


@pytest.mark.parametrize("tower", ["aggregation", "methods", "server"])
def test_nor_by_way_of_others(tower: str) -> None:
    reached, asked = set(), {tower}
    while asked:
        now = asked.pop()
        reached.add(now)
        asked |= {other for module in MODULES if part(module) == now for other in ours(module)} - reached
    assert not reached & {"tasks", "data", "models", "client"}


def test_frameworks_stay_upstairs() -> None:
    strays = [
        f"{module} imports {root}"
        for module in MODULES
        for root in {name.split(".")[0] for name in imported(module)}
        if (root in UPSTAIRS and FLOOR[part(module)] < 8) or (root in {"nvflare", "flwr"} and part(module) != "engines")
    ]
    assert strays == []


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import a.b, c", ["a.b", "c"]),
        ("def f():\n    from a import b", ["a.b"]),
        ("from . import x\nfrom ..y import z", ["fedhca.data.x", "fedhca.y.z"]),
    ],
)
def test_imports_are_found_wherever_they_hide(source: str, names: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_code, "tree", lambda module: ast.parse(source))
    assert list(imported("data.nyud")) == names
