"""docs/theorem-1.md: its table is what its code prints, and its figure is drawn from the same numbers."""

import re
import runpy
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
SCRIPT = runpy.run_path(str(DOCS / "figures" / "theorem_1.py"))


def test_the_page_prints_its_table(capsys: pytest.CaptureFixture[str]) -> None:
    SCRIPT["names_of"](DOCS / "theorem-1.md")
    (table,) = re.findall(r"^```text\n(.*?)^```", (DOCS / "theorem-1.md").read_text(encoding="utf-8"), re.S | re.M)
    assert capsys.readouterr().out == table


def test_the_figure_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(DOCS / "figures")
    rows = [dict.fromkeys(SCRIPT["CURVES"], 0.5**k) for k in range(4)]
    SCRIPT["draw"]([0.5**k for k in range(4)], {"A": rows, "B": rows}, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"theorem-1.svg", "theorem-1.png"}
    assert "<dc:date>" not in (tmp_path / "theorem-1.svg").read_text()
