import json
import math
from pathlib import Path
from typing import Any

import pytest

import fedhca
from fedhca.errors import RunFolderError
from fedhca.experiment import journal
from tiny import participant

LINES: list[dict[str, Any]] = [{"round": 1, "x": 0.1}, {"round": 2, "x": None}, {"round": 3, "x": [1e-9]}]


def written(path: Path) -> Path:
    path.touch()
    for line in LINES:
        journal.append(path, line)
    return path


def test_what_was_appended_is_read(tmp_path: Path) -> None:
    assert journal.read_lines(written(tmp_path / "j")) == LINES
    assert journal.read_lines(tmp_path / "none") == []


@pytest.mark.parametrize("cut", [1, 2, 9, 20])
def test_a_last_line_cut_short_is_left_out(tmp_path: Path, cut: int) -> None:
    path = written(tmp_path / "j")
    path.write_bytes(path.read_bytes()[:-cut])
    assert journal.read_lines(path) == (LINES if cut == 1 else LINES[:2])


@pytest.mark.parametrize("before", [0, 2])
def test_a_line_cut_short_at_any_byte_is_cut_off_by_the_next_one(tmp_path: Path, before: int) -> None:
    """As after a full disk: nothing is lost but the line, and the file can be gone on with as often as one likes."""
    whole = written(tmp_path / "j").read_bytes().splitlines(keepends=True)
    start, torn = b"".join(whole[:before]), whole[before]
    for cut in range(len(torn) + 1):
        path = tmp_path / "torn"
        path.write_bytes(start + torn[:cut])
        left = LINES[: before + (cut >= len(torn) - 1)]  # only its newline may be missing
        assert journal.read_lines(path) == left
        for number in (8, 9):
            journal.append(path, {"round": number})
        assert journal.read_lines(path) == [*left, {"round": 8}, {"round": 9}]


@pytest.mark.parametrize("tail", [b"{", b'{"round": 4', b"\0\0\0\0", b"\xff\xfe\xff"])
def test_what_a_crash_leaves_behind_is_left_out_and_dropped(tmp_path: Path, tail: bytes) -> None:
    path = written(tmp_path / "j")
    with path.open("ab") as file:
        file.write(tail)
    assert journal.read_lines(path) == LINES
    journal.rewind(path, 3)
    journal.append(path, {"round": 4})
    assert journal.read_lines(path) == [*LINES, {"round": 4}]


def test_a_broken_line_in_the_middle_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = written(tmp_path / "j")
    path.write_text(path.read_text().replace('{"round": 2', "{'round': 2"))
    with pytest.raises(RunFolderError, match="line 2 should be JSON"):
        journal.read_lines(path)


@pytest.mark.parametrize("content", [b"\xff\xfe\n", None])
def test_what_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "j"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    with pytest.raises(RunFolderError, match="Cannot read"):
        journal.read_lines(path)


def test_a_journal_that_is_gone_is_not_begun_anew(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match=r"should still be there.*resume"):
        journal.append(tmp_path / "no" / "j", LINES[0])


@pytest.mark.parametrize(("rounds", "left"), [(0, 0), (1, 1), (3, 3), (9, 3)])
def test_rewinding_drops_later_rounds(tmp_path: Path, rounds: int, left: int) -> None:
    path = written(tmp_path / "j")
    journal.rewind(path, rounds)
    assert journal.read_lines(path) == LINES[:left]


def test_rewinding_changes_no_byte_of_what_stays(tmp_path: Path) -> None:
    path = written(tmp_path / "j")
    before = path.read_bytes()
    journal.rewind(path, 3)
    assert path.read_bytes() == before


def test_an_entry_holds_what_a_round_came_to(tmp_path: Path) -> None:
    people = [participant("a", "depth", "semseg"), participant("b", "edge")]
    from tiny import WIDTH, encoder  # noqa: PLC0415

    training = fedhca.Training(batch_size=2)
    options: dict[str, Any] = {"rounds": 2, "training": training, "model": {"width": WIDTH}, "evaluate_every": 2}
    (first, second) = fedhca.run(people, encoder(), "fedhca2", out=tmp_path, **options)
    entries = journal.read_lines(tmp_path / "journal.jsonl")
    assert [entry["round"] for entry in entries] == [1, 2]
    assert entries[0]["metrics"] == {}
    assert entries[1]["metrics"].keys() == {"a", "b"}
    assert entries[0]["losses"]["a"].keys() == {"depth", "semseg"}
    assert entries[1]["seconds"].keys() == {"train", "aggregate", "evaluate"}
    assert entries[0]["bytes"]["a"] == {"down": first.bytes["a"]["down"], "up": first.bytes["a"]["up"]}
    assert [len(entry["encoder"]["mixing"]) for entry in entries] == [2, 2]
    assert [len(entry["decoder"]["mixing"]) for entry in entries] == [3, 3]
    assert {"alpha"} <= entries[0]["encoder"].keys()
    assert {"beta"} <= entries[0]["decoder"].keys()
    assert any("entropy" in note for note in entries[0]["decoder"])
    assert entries[1]["losses"]["a"]["depth"] == pytest.approx(second.losses["a"]["depth"])


def test_numbers_that_are_not_finite_become_null() -> None:
    found = journal._plain({"a": math.nan, "b": [math.inf, 1 / 3], "c": {"d": -math.inf}, 1: True})
    assert found == {"a": None, "b": [None, 0.333333333], "c": {"d": None}, "1": True}
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize(
    ("number", "read"),
    [
        ("NaN", None),
        ("Infinity", None),
        ("-Infinity", None),
        ("1e308", None),
        ("-1e308", None),
        ("1" + 400 * "0", None),
        ("1e12", 1e12),
        ("-3", -3),
        ("0.1", 0.1),
    ],
)
def test_numbers_that_nothing_can_be_made_of_are_read_as_null(tmp_path: Path, number: str, read: float | None) -> None:
    """A client's word for it was taken, or another program wrote them."""
    path = tmp_path / "j"
    path.write_text(f'{{"round": 1, "metrics": {{"a": {{"depth": {number}}}}}, "encoder": {{"gram": [[{number}]]}}}}\n')
    (line,) = journal.read_lines(path)
    assert line["metrics"]["a"]["depth"] == line["encoder"]["gram"][0][0] == read
    assert not isinstance(line["metrics"]["a"]["depth"], int), "a metric is a float, even where it was written as 1"


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("[1]", "it"),
        ('{"losses": {}}', "round"),
        ('{"round": 0}', "round"),
        ('{"round": "1"}', "round"),
        ('{"round": 2, "losses": {"a": 3}}', "losses.a"),
        ('{"round": 2, "metrics": {"a": {"depth": "low"}}}', "metrics.a.depth"),
        ('{"round": 2, "seconds": {"train": "long"}}', "seconds.train"),
        ('{"round": NaN}', "round"),
        ('{"round": 2, "encoder": []}', "encoder"),
        ('{"round": 2, "missing": {"train": {"a": ["gone"]}}}', "missing.train.a"),
        ('{"round": ' + "9" * 5000 + "}", ""),
        ('{"round": 2, "encoder": {"x": ' + "[" * 100_000, ""),
    ],
)
def test_a_line_that_is_no_round_is_an_error_that_names_the_field(tmp_path: Path, line: str, field: str) -> None:
    path = written(tmp_path / "j")
    path.write_text(path.read_text() + line + "\n" + json.dumps(LINES[0]) + "\n")
    with pytest.raises(RunFolderError, match=f"line 4.*{field}") as error:
        journal.read_lines(path)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 2000
