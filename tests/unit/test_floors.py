"""The house has floors: a module imports only from lower ones, and the ground floors know no framework of the upper."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import fedhca

SRC = Path(fedhca.__file__).parent
MODULES = sorted(path.relative_to(SRC).with_suffix("").as_posix().replace("/", ".") for path in SRC.rglob("*.py"))

FLOORS = {
    0: "errors compiled",
    1: "stats seeds atomic tables edge_detection layout parameters",
    2: "compression tasks tensor_file",
    3: "messages aggregation models data state_folder",
    4: "methods client",
    5: "server runtimes",
    6: "experiment",
    7: "report trackers engines",
    8: "screen side_by_side progress",
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
}
UPSTAIRS = {"nvflare", "flwr", "matplotlib", "typer", "tensorboard", "wandb"}
FACE = {f"fedhca.{name}" for name in fedhca.__all__ if not (SRC / name).exists() and not (SRC / f"{name}.py").exists()}
"""What `from fedhca import …` takes from the face, and not from a module or package."""


def part(module: str) -> str:
    return module.split(".", maxsplit=1)[0]


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
        if (root in UPSTAIRS and FLOOR[part(module)] < 7) or (root in {"nvflare", "flwr"} and part(module) != "engines")
    ]
    assert strays == []


def test_nothing_is_unpickled() -> None:
    pickles = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
    assert [module for module in MODULES if {name.split(".")[0] for name in imported(module)} & pickles] == []


def risky(node: ast.Call) -> bool:
    """Whether a call runs or unpickles what it is given."""
    call = ast.unparse(node.func)
    if call in {"np.load", "numpy.load"}:
        return {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}.get("allow_pickle") != "False"
    return call in {"eval", "exec", "torch.load"}


def test_nothing_is_evaluated() -> None:
    calls = ((module, node) for module in MODULES for node in ast.walk(tree(module)) if isinstance(node, ast.Call))
    assert [f"{module}:{node.lineno} {ast.unparse(node)}" for module, node in calls if risky(node)] == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("torch.load(p)", True),
        ("eval('1')", True),
        ("model.eval()", False),
        ("np.load(p)", True),
        ("np.load(p, allow_pickle=True)", True),
        ("np.load(p, allow_pickle=False)", False),
    ],
)
def test_risky_calls_are_told_from_others(source: str, expected: bool) -> None:
    call = ast.parse(source, mode="eval").body
    assert isinstance(call, ast.Call)
    assert risky(call) == expected


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("import a.b, c", ["a.b", "c"]),
        ("def f():\n    from a import b", ["a.b"]),
        ("from . import x\nfrom ..y import z", ["fedhca.data.x", "fedhca.y.z"]),
    ],
)
def test_imports_are_found_wherever_they_hide(source: str, names: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "tree", lambda module: ast.parse(source))
    assert list(imported("data.nyud")) == names
