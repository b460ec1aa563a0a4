"""A private federation of the command: what it says before, while and after, and its page."""

import json
from pathlib import Path

from tiny import RECIPE, Command

PRIVATE = ("privacy.clip=0.01", "privacy.noise=0.001")


def test_a_private_run_is_checked_run_measured_and_reported(command: Command, tmp_path: Path) -> None:
    said = command("check", RECIPE, *PRIVATE).out
    assert "at δ = 1e-05 for each client after 2 answers" in said
    out = tmp_path / "run"
    went = command("run", RECIPE, "--set", *PRIVATE, "--out", out)
    assert (went.code, went.err) == (0, "")
    assert "no losses" in went.out
    first, last = (json.loads(line) for line in (out / "journal.jsonl").read_text().splitlines())
    assert first["losses"] == {"rooms-all": {}, "figures-sal": {}, "figures-semseg": {}}
    assert last["metrics"]["figures-sal"] == {"sal": None}
    counted = out / "clients" / "figures-sal" / "privacy.json"
    assert json.loads(counted.read_text())["answers"] == 2
    measured = command("evaluate", out).out
    assert "figures-sal" in measured
    assert "nan" not in measured
    reported = command("report", out, "--pictures", "0")
    assert (reported.code, reported.err) == (0, "")
    assert (out / "report" / "report.html").stat().st_size > 10_000


def test_where_no_metrics_are_told_a_comparison_has_no_numbers_and_no_traceback(
    command: Command, tmp_path: Path
) -> None:
    words = ("--methods", "local,fedavg", "--pictures", "0", "--out", tmp_path)
    went = command("compare", RECIPE, *words, "--set", "rounds=1", *PRIVATE)
    assert went.code == 0, went.err
    assert command("report", tmp_path, "--pictures", "0").code == 0
