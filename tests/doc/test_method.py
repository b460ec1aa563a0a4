"""docs/method.md and docs/methods.md: what they say in numbers is what the code answers."""

import inspect
import re
from pathlib import Path

import pytest
import torch
from torch import Tensor

from fedhca import conflict_averse
from fedhca.aggregation import Member, Mixing, Rows, message_passing
from fedhca.aggregation.cross_attention import attention_matrix
from fedhca.client.training import Schedule
from fedhca.methods import METHODS
from fedhca.wire.layout import Layout
from rules import rules_of_the_package

DOCS = Path(__file__).parents[2] / "docs"
METHOD, CATALOGUE = ((DOCS / name).read_text(encoding="utf-8") for name in ("method.md", "methods.md"))


def table(page: str, head: str) -> list[list[str]]:
    """Return the cells of the lines below a head."""
    lines = page.split(head)[1].split("\n\n", maxsplit=1)[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").replace(r"\|", "¦").split("|")] for line in lines]


def averse(*updates: tuple[float, ...], c: float = 0.4) -> Tensor:
    return conflict_averse(torch.tensor(updates, dtype=torch.float64), c, rescale=False)


def test_a_client_alone_takes_a_longer_step_of_its_own() -> None:
    assert "Ũ = Δθ_i (1 + c)/(1 + c²)" in METHOD
    for c in (0.0, 0.4, 0.9):
        alone = torch.tensor([[2.0, -1.0]])
        torch.testing.assert_close(conflict_averse(alone, c), alone[0] * (1 + c) / (1 + c * c))


def test_where_9_is_undefined_and_where_it_is_not() -> None:
    assert "for (1, 0), (−1, 0), (1, 10)\n  and c = 0.4 it is (0, 10/3), while Δ̄ = (1/3, 10/3)" in METHOD
    assert averse((1, 0), (-1, 0), (1, 10)).tolist() == pytest.approx([0, 10 / 3])
    assert "(3, 0) and (−1, 0) have U_w* = (−1, 0), and (9) gives 0.6 Δ̄" in METHOD
    assert averse((3, 0), (-1, 0)).tolist() == pytest.approx([0.6, 0])


def test_the_figure_of_three_updates() -> None:
    updates = ((1.6, 0.5), (1.3, -0.35), (-0.55, 0.75))  # as in docs/figures/conflict.py
    mean = torch.tensor(updates, dtype=torch.float64).mean(0)
    third = torch.tensor(updates[2], dtype=torch.float64)
    assert rf"\bar\Delta \rangle = {float(third @ mean):.2f}$" in METHOD
    assert f"gains {float(third @ averse(*updates, c=0.8)):.2f} by the other" in METHOD


def test_how_much_a_decoder_listens_to_itself() -> None:
    assert "among nine such\ndecoders it listens to itself with a weight of 1/4. At 0.25 that weight is 0.87" in METHOD
    for temperature, weight in ((1.0, 0.25), (0.25, 0.87)):
        found = attention_matrix(torch.eye(9).double(), 10, logits="cosine", temperature=temperature)
        assert float(found[0, 0]) == pytest.approx(weight, abs=0.005)


def test_short_runs_have_a_shorter_warm_up() -> None:
    assert "⌊(E − 1)/2⌋" in METHOD
    for epochs in range(1, 6):
        schedule = Schedule(1.0, epochs, warmup=5)
        rates = [schedule.after(epoch) for epoch in range(epochs)]
        assert rates.index(max(rates)) == (epochs - 1) // 2


def test_the_raw_kernel_of_fedamp() -> None:
    assert "the self weight is −4 for six clients close together" in CATALOGUE
    members, layout = tuple(Member(f"{i}", "data", ("depth",)) for i in range(6)), Layout.of({"a.weight": (3,)})
    rows = Rows(torch.zeros(6, 3), torch.ones(6, 3), members, layout)
    mixing = message_passing(kernel="raw").decide({}, rows).mixing
    assert isinstance(mixing, Mixing)
    assert mixing.matrix[0].diagonal().tolist() == pytest.approx([-4.0] * 6)


def defaults(method: str) -> dict[str, str]:
    parameters = inspect.signature(METHODS[method]).parameters.values()
    return {each.name: f"{each.default:g}" if type(each.default) is float else str(each.default) for each in parameters}


def test_every_method_is_in_the_catalogue() -> None:
    listed = [re.findall("`(.*?)`", cells[0])[0] for cells in table(CATALOGUE, "| method | encoders")]
    assert sorted(listed) == sorted(METHODS)
    assert len(METHODS) == 19
    for name in ("index.md", "choosing.md", "first-federation.md"):
        assert "nineteen methods" in (DOCS / name).read_text(encoding="utf-8").lower()


def test_every_method_and_every_rule_is_in_the_reference() -> None:
    pages = {name: (DOCS / "api" / f"{name}.md").read_text(encoding="utf-8") for name in ("methods", "aggregation")}
    methods, rules = (set(re.findall(r"^::: [\w.]+\.(\w+)$", pages[name], re.MULTILINE)) for name in pages)
    assert METHODS.keys() - methods == set()
    assert {rule.__name__ for rule in rules_of_the_package()} - rules == set()


def test_every_option_is_in_the_catalogue() -> None:
    """What only `fedhca2` has is in the table of how it differs from the paper."""
    listed = {"fedhca2": set(re.findall(r"`(\w+)", " ".join(cells[-1] for cells in table(METHOD, "| | paper |"))))}
    methods: list[str] = []
    for names, options, *_ in table(CATALOGUE, "| method | option"):
        methods = re.findall("`(.*?)`", names) or methods
        for method in methods:
            listed.setdefault(method, set()).update(re.findall("`(.*?)`", options))
    silent = {name: defaults(name).keys() - listed.get(name, set()) for name in METHODS}
    assert {name: options for name, options in silent.items() if options} == {}


def test_defaults_are_those_of_the_code() -> None:
    methods: list[str] = []
    for names, options, values, _ in table(CATALOGUE, "| method | option"):
        methods = re.findall("`(.*?)`", names) or methods
        found = dict(zip(re.findall("`(.*?)`", options), values.split(", "), strict=False))
        found = {name: value for name, value in found.items() if "⌊" not in value}  # hangs on the federation
        for method in methods:
            known = {
                name: value.lower() if value in {"True", "False"} else value for name, value in defaults(method).items()
            }
            assert found.items() <= known.items(), method
    for cells in table(METHOD, "| | paper | released code"):
        for name, value in re.findall(r"`(\w+): (\w+)", cells[-1]):
            assert defaults("fedhca2")[name] == value
