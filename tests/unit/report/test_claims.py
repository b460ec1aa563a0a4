import json
from pathlib import Path
from typing import Any

import pytest
from studies import LAYERS, made

from fedhca.experiment.compare import Entry
from fedhca.report.claims import claims, more_clients
from fedhca.report.study import Study


def verdicts(entries: list[Entry]) -> dict[str, tuple[str, bool | None]]:
    return {claim.text: (claim.measured, claim.holds) for claim in claims(Study.of(entries), "")}


def rewritten(entry: Entry, side: str, name: str, rounds: list[Any]) -> Entry:
    """Put other values into a journal."""
    path = entry.folder.path / "journal.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for line, value in zip(lines, rounds, strict=True):
        line[side][name] = value
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return entry


@pytest.fixture
def three(tmp_path: Path) -> list[Entry]:
    return [made(tmp_path, method) for method in ("local", "fedavg", "fedhca2")]


def test_claims_that_hold(three: list[Entry]) -> None:
    found = verdicts(three)
    words = "fedhca2 +9.70\xa0%, next local 0, as the reference"
    assert found["FedHCA² has the best Δm of all methods."] == (words, True)
    assert found["One average for all (FedAvg) is worse than training alone."][1] is True
    assert found["FedHCA² converges faster, and to a better result, on several metrics."] == (
        "earlier at the last value of local on 6 of 6 metrics; best at the end on 6",
        True,
    )
    assert found["α of single-task clients rises throughout."][1] is True
    assert found["α of the multi-task client peaks, then falls."] == ("peak in round 4 of 4", False)
    assert found["The decoder's layer next to the head takes in least."][1] is True
    assert found["The multi-task client's decoders take in from others to the end."][1] is True


def test_a_peak_inside_and_a_fall(three: list[Entry]) -> None:
    rewritten(three[2], "encoder", "alpha", [[0.1, 0.1, 0.1], [0.3, 0.2, 0.2], [0.2, 0.15, 0.3], [0.1, 0.1, 0.4]])
    found = verdicts(three)
    assert found["α of the multi-task client peaks, then falls."] == ("peak in round 2 of 4", True)
    assert found["α of single-task clients rises throughout."] == ("1 of 2 rise; mean α 0.100 → 0.250", False)


def test_the_layer_next_to_the_head_may_take_in_most(three: list[Entry]) -> None:
    rising = [[0.1 + 0.01 * layer for layer in range(LAYERS)]] * 6
    rewritten(three[2], "decoder", "beta", [rising] * 4)
    assert verdicts(three)["The decoder's layer next to the head takes in least."] == (
        "β of it 0.150, of the other layers 0.100 to 0.140",
        False,
    )


def test_what_was_not_measured_has_no_verdict(tmp_path: Path) -> None:
    alone = made(tmp_path, "fedhca2", rounds=1, without=["alpha", "beta"])
    assert {holds for _, holds in verdicts([alone]).values()} == {None}


def test_more_clients(tmp_path: Path) -> None:
    def study(*methods: str) -> Study:
        return Study.of(
            [
                made(tmp_path / f"x{count}", method, setting=f"×{count}", changes=[f"clients.1.count={count}"])
                for count in (1, 2)
                for method in methods
            ]
        )

    claim = more_clients(study("local", "fedavg", "fedhca2"))
    assert claim is not None
    assert claim.measured == "fedavg −21.67 → −21.67 %; fedhca2 +9.70 → +9.70 %"
    assert claim.holds is False
    assert more_clients(Study.of([made(tmp_path, "fedhca2")])) is None
    unmeasured = more_clients(study("local", "fedhca2"))
    assert unmeasured is not None
    assert unmeasured.holds is None
