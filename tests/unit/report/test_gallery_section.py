from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from studies import section, shown

from fedhca.experiment.compare import Entry
from fedhca.experiment.run_folder import RunFolder
from fedhca.report.report_section import ReportSection, Tiles


@pytest.fixture(scope="module")
def entries(finished: Path) -> list[Entry]:
    """The same run under two names, so that both predict the same."""
    entry = Entry("fedhca2", 3, RunFolder.open(finished))
    return [entry, replace(entry, method="twin"), replace(entry, seed=4), replace(entry, setting="other")]


@pytest.fixture(scope="module")
def found(entries: list[Entry]) -> ReportSection:
    return shown("gallery", entries, pictures=1)


def tiles(found: ReportSection) -> list[Tiles]:
    return [part for part in found.parts if isinstance(part, Tiles)]


def test_a_client_of_each_kind_has_a_row_for_each_task_and_a_column_for_each_method(found: ReportSection) -> None:
    assert "seed 3" in found.lead
    parts = {part.caption: part for part in tiles(found)}
    assert {name: [task for task, _ in part.rows] for name, part in parts.items()} == {
        "rooms-all": ["semseg", "depth", "normals", "edge"],
        "figures-sal": ["sal"],
        "figures-semseg": ["semseg"],
    }
    for part in parts.values():
        assert part.head == ["input", "truth", "fedhca2", "twin"]
        for task, row in part.rows:
            assert [words for _, words in row] == ["input", f"{task}, truth", f"{task}, fedhca2", f"{task}, twin"]
            assert row[2][0] == row[3][0] != row[1][0]  # the same model predicts the same, and not the truth


def test_the_input_of_all_tasks_stands_there_once_and_all_are_of_one_height(found: ReportSection) -> None:
    rooms = tiles(found)[0]
    assert [bool(row[0][0]) for _, row in rooms.rows] == [True, False, False, False]
    for _, row in rooms.rows:
        for content, _ in row:
            if content:
                with Image.open(BytesIO(content)) as picture:
                    assert picture.size == (240, 160)  # 48 × 32 pixels, five times as large


def test_two_pictures_have_two_rows_for_each_task(entries: list[Entry]) -> None:
    rooms = tiles(shown("gallery", entries[:1], pictures=2))[0]
    assert [task for task, _ in rooms.rows] == ["semseg", "depth", "normals", "edge"] * 2
    assert [bool(row[0][0]) for _, row in rooms.rows] == [True, False, False, False] * 2
    assert section("gallery", entries, pictures=0) is None
