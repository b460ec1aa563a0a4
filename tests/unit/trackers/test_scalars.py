import json
import math
from pathlib import Path
from typing import Any

import pytest

from fedhca import RunFolder
from fedhca.trackers import scalars

CLIENTS = {"a": ("depth", "edge"), "b": ("sal",)}


def line(**changes: Any) -> dict[str, Any]:
    """A line of a method that remembers nothing, in a round without evaluation."""
    bare: dict[str, Any] = {
        "round": 3,
        "losses": {"a": {"depth": 0.5, "edge": 0.25}, "b": {"sal": 2.0}},
        "metrics": {},
        "encoder": {"mixing": [[1.0, 0.0], [0.0, 1.0]]},
        "decoder": {"mixing": [[1.0]]},
        "seconds": {"train": 1.5, "aggregate": 0.5},
        "bytes": {"a": {"down": 10, "up": 20}, "b": {"down": 30, "up": 40}},
    }
    return bare | changes


def test_what_every_method_has() -> None:
    assert scalars(line(), CLIENTS) == {
        "loss/a/depth": 0.5,
        "loss/a/edge": 0.25,
        "loss/b/sal": 2.0,
        "seconds/train": 1.5,
        "seconds/aggregate": 0.5,
        "bytes/a/down": 10,
        "bytes/a/up": 20,
        "bytes/b/down": 30,
        "bytes/b/up": 40,
    }


def added(**changes: Any) -> dict[str, float]:
    before = scalars(line(), CLIENTS)
    return {name: value for name, value in scalars(line(**changes), CLIENTS).items() if name not in before}


def test_metrics_are_there_where_they_were_measured() -> None:
    assert added(metrics={"a": {"depth": 1.0, "edge": None}, "b": {"sal": 70}}) == {
        "metric/a/depth": 1.0,
        "metric/b/sal": 70,
    }


def test_hyper_weights_bear_the_names_of_whose_they_are() -> None:
    betas = [[0.1, 0.3], [0.2, 0.2], [0.0, 1.0]]
    assert added(encoder={"alpha": [0.1, 0.4]}, decoder={"beta": betas, "attention_entropy": [1.0, 2.0, 6.0]}) == {
        "alpha/a": 0.1,
        "alpha/b": 0.4,
        "beta/a/depth": pytest.approx(0.2),
        "beta/a/edge": 0.2,
        "beta/b/sal": 0.5,
        "attention_entropy": 3.0,
    }


def test_numbers_without_an_owner_are_an_error() -> None:
    with pytest.raises(ValueError, match="zip"):
        scalars(line(encoder={"alpha": [0.1, 0.2, 0.3]}), CLIENTS)


@pytest.mark.parametrize(
    ("gram", "mean", "negative"),
    [
        ([[1.0, 0.5], [0.5, 1.0]], 0.5, 0.0),
        ([[4.0, -2.0], [-2.0, 4.0]], -0.5, 1.0),
        ([[4e20, 0.0], [0.0, 1e-20]], 0.0, 0.0),
        ([[1.0, -1.0, 0.5], [-1.0, 1.0, -0.5], [0.5, -0.5, 1.0]], -1 / 3, 2 / 3),
        ([[1.0, -1.0, 0.0], [-1.0, 1.0, 0.0], [0.0, 0.0, 0.0]], -1.0, 1.0),  # the third did not move
    ],
)
def test_conflict_is_over_the_pairs_that_moved(gram: list[list[float]], mean: float, negative: float) -> None:
    for part in ("encoder", "decoder"):
        assert added(**{part: {"gram": gram}}) == {
            f"conflict/{part}/mean_cosine": pytest.approx(mean),
            f"conflict/{part}/negative_pairs": pytest.approx(negative),
        }


@pytest.mark.parametrize("gram", [[], [[3.0]], [[0.0, 0.0], [0.0, 0.0]], [[None, None], [None, 1.0]]])
def test_where_there_are_no_pairs_there_is_no_conflict(gram: list[list[float | None]]) -> None:
    assert added(encoder={"gram": gram}) == {}


def test_a_real_journal_gives_finite_numbers_for_all_it_has(finished: Path) -> None:
    folder = RunFolder.open(finished)
    clients = {client.name: client.tasks for client in folder.recipe.roster}
    for entry in folder.journal:
        found = scalars(entry, clients)
        assert all(isinstance(value, float) and math.isfinite(value) for value in found.values())
        kinds = {name.partition("/")[0] for name in found}
        assert kinds >= {"loss", "metric", "alpha", "beta", "attention_entropy", "conflict", "seconds", "bytes"}
        assert found == scalars(json.loads(json.dumps(entry)), clients)
        for client, tasks in clients.items():
            assert found[f"alpha/{client}"] == entry["encoder"]["alpha"][list(clients).index(client)]
            for task in tasks:
                assert found[f"loss/{client}/{task}"] == entry["losses"][client][task]
                assert found[f"metric/{client}/{task}"] == entry["metrics"][client][task]
