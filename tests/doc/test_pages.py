"""The Python blocks of README and docs run as printed, page by page, in order."""

import re
from pathlib import Path

import pytest

from fedhca import load_recipe

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("docs/api/*.md")])


def blocks(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)], ids=lambda page: page.name)
def test_the_code_of_a_page_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": page.stem}
    for block in blocks(page):
        exec(compile(block, str(page), "exec"), names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_no_place_is_left_to_fill(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert text.count("\n") > 5
    assert not re.findall(r"^[A-Z]+_?[A-Z0-9_]*$", text, flags=re.MULTILINE)


def test_clients_named_on_pages_are_those_of_the_demo_or_of_the_page() -> None:
    named = set()
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        made = {each.split("=")[0] for words in re.findall(r"--clients (\S+)", text) for each in words.split(",")}
        named |= set(re.findall(r"--client (\S+?)`?[\s|]", text)) - made
    assert named <= {client.name for client in load_recipe("demo").roster}
    assert named
