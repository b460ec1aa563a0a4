import re
import sys
from pathlib import Path

import pytest

from fedhca.report.page import SECTIONS
from tiny import RECIPE, Command


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two methods on two seeds, trained for a moment."""
    patch = pytest.MonkeyPatch()
    out = tmp_path_factory.mktemp("compared")
    from fedhca import cli  # noqa: PLC0415  only where it is patched

    words = ["compare", str(RECIPE), "--methods", "local,fedhca2", "--seeds", "0,1", "--pictures", "0"]
    patch.setattr(sys, "argv", ["fedhca", *words, "--out", str(out)])
    with pytest.raises(SystemExit):
        cli.main()
    patch.undo()
    return out


def test_compare_then_report(command: Command, compared: Path, tmp_path: Path) -> None:
    outcome = command("report", compared, "--title", "Rooms & figures", "--out", tmp_path / "page")
    assert (outcome.code, outcome.err) == (0, "")
    page = tmp_path / "page" / "report.html"
    assert outcome.out == f"Written: {page}; every figure as PNG and SVG in {page.parent / 'figures'}\n"
    text = page.read_text(encoding="utf-8")
    assert "<title>Rooms &amp; figures</title>" in text
    assert re.findall(r'<section id="(\w+)"', text) == [name for name in SECTIONS if name not in {"scaling", "sites"}]
    assert "L6 norm (next to the head)" in text
    assert re.search(r"Against local: (better|worse|not told apart): fedhca2\.", text)
    assert "No pictures" not in text
    assert {path.suffix for path in (page.parent / "figures").iterdir()} == {".svg", ".png"}
    assert len(list((page.parent / "figures").glob("*.png"))) == text.count("<figure ")


def test_compare_ends_with_the_next_command(command: Command, compared: Path) -> None:
    words = ["compare", RECIPE, "--methods", "local,fedhca2", "--seeds", "0,1", "--pictures", "0", "--out", compared]
    assert command(*words).out.splitlines()[-1].split("  ")[-1].strip() == f"fedhca report {compared}"


def test_one_run_is_reported_into_its_own_folder(command: Command, compared: Path) -> None:
    run = compared / "local" / "seed-1"
    outcome = command("report", run, "--pictures", "0")
    assert outcome.code == 0
    text = (run / "report" / "report.html").read_text(encoding="utf-8")
    assert "<title>seed-1</title>" in text
    assert 'id="gallery"' not in text


def test_no_run_is_one_line(command: Command, tmp_path: Path) -> None:
    outcome = command("report", tmp_path)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith(f"fedhca: '{tmp_path}' should hold run folders")
    assert outcome.err.count("\n") == 1


def test_without_matplotlib_one_line_says_how_to_get_it(
    command: Command, compared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("fedhca.report.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    outcome = command("report", compared)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.endswith("Install it: pip install 'fedhca[figures]'\n")
    assert outcome.err.count("\n") == 1
