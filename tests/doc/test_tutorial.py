"""The tutorial: page and notebook say the same, and the notebook is what the page makes."""

import runpy
from pathlib import Path

import nbformat
import pytest

DOCS = Path(__file__).parents[2] / "docs"
SCRIPT = runpy.run_path(str(DOCS / "notebook.py"))
PAGE = (DOCS / "first-federation.md").read_text(encoding="utf-8")


def cells(notebook: nbformat.NotebookNode) -> list[tuple[str, str, str]]:
    return [(cell["id"], cell["cell_type"], cell["source"]) for cell in notebook.cells]


def test_the_notebook_is_that_of_the_page() -> None:
    notebook = nbformat.read(DOCS / "first-federation.ipynb", as_version=4)
    nbformat.validate(notebook)
    assert cells(notebook) == cells(SCRIPT["notebook_of"](PAGE)), "run `make notebook`"


def test_what_the_page_prints_is_what_the_notebook_printed() -> None:
    notebook = nbformat.read(DOCS / "first-federation.ipynb", as_version=4)
    printouts = map(SCRIPT["printed"], SCRIPT["code"](notebook))
    assert SCRIPT["with_outputs"](PAGE, printouts) == PAGE, "run `make notebook`"


@pytest.mark.parametrize("text", ["a\n", ""])
def test_outputs_stand_below_their_blocks(text: str) -> None:
    page = "one\n\n```python\nprint()\n```\n\n```text\nold\n```\n\ntwo\n"
    found = SCRIPT["with_outputs"](page, iter([text]))
    assert found == "one\n\n```python\nprint()\n```\n" + (f"\n```text\n{text}```\n" if text else "") + "\ntwo\n"
