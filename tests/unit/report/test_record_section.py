import json
from pathlib import Path
from typing import Any

from studies import grids, recorded, shown, texts

from fedhca.experiment.compare import Entry
from fedhca.report.report_section import Listing, ReportSection

LINES: list[dict[str, Any]] = [{"losses": {}}] * 2


def at(entry: Entry, **facts: object) -> Entry:
    """Say on what a run was done."""
    (entry.folder.path / "environment.json").write_text(json.dumps(facts), encoding="utf-8")
    return entry


def listings(found: ReportSection) -> dict[str, Listing]:
    return {part.summary: part for part in found.parts if isinstance(part, Listing)}


def test_commands_give_the_numbers_again(tmp_path: Path) -> None:
    entries = [recorded(tmp_path, "local", LINES, seed=3)]
    entries += [recorded(tmp_path, "fedhca2", LINES, seed=seed) for seed in (0, 1)]
    commands = listings(shown("record", entries))[""]
    assert commands.text == (
        "fedhca run local.yaml --out runs/local/seed-3\n"
        "for seed in 0 1; do fedhca run fedhca2.yaml --set seed=$seed --out runs/fedhca2/seed-$seed; done\n"
        "fedhca report runs\n"
    )
    assert not any(marked for _, marked in commands.lines)


def test_names_that_a_shell_would_read_are_quoted(tmp_path: Path) -> None:
    entry = recorded(tmp_path, "fedavg", LINES, setting="it's ×2; rm")
    (command, _), _ = listings(shown("record", [entry]))[""].lines
    assert command == "fedhca run it-s-x2-rm-fedavg.yaml --out runs/it-s-x2-rm-fedavg/seed-0"


def test_lines_in_which_recipes_differ_are_marked_in_both(tmp_path: Path) -> None:
    entries = [recorded(tmp_path, name, LINES) for name in ("local", "fedprox+mu=0.5")]
    found = listings(shown("record", entries))
    assert list(found) == ["", "local.yaml", "fedprox+mu=0.5.yaml"]
    marked = {name: [line for line, odd in part.lines if odd] for name, part in found.items() if name}
    assert marked == {"local.yaml": ["  name: local"], "fedprox+mu=0.5.yaml": ["  name: fedprox", "  mu: 0.5"]}
    assert "rounds: 2\n" in found["local.yaml"].text


def test_machines_stand_beside_each_other(tmp_path: Path) -> None:
    one = {"python": "3.11", "started": "now", "packages": {"torch": "2.11", "opacus": None}}
    other = {"python": "3.12", "started": "then", "packages": {"torch": "2.11", "numpy": "2.0"}}
    entries = [at(recorded(tmp_path, "local", LINES, seed=seed), **one) for seed in (0, 1)]
    entries.append(at(recorded(tmp_path, "fedavg", LINES), **other))
    (grid,) = grids(shown("record", entries))
    assert grid.head == ["", "2 runs", "fedavg seed 0"]
    assert texts(grid) == [("", [["python", "3.11", "3.12"], ["torch", "2.11", "2.11"], ["numpy", "–", "2.0"]])]


def test_where_nothing_is_known_of_the_machine_there_is_no_table(tmp_path: Path) -> None:
    assert grids(shown("record", [at(recorded(tmp_path, "local", LINES))])) == []
