"""Make the tutorial's notebook from its page: `python docs/notebook.py` runs it and writes what comes out into both.

docs/first-federation.md is the source. Its Python blocks become cells, run once in a folder of their own; what they
print goes below the cells, and into the `text` blocks that follow them on the page; pictures go into docs/figures.
"""

import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

HERE = Path(__file__).parent
PAGE, NOTEBOOK, FIGURES = HERE / "first-federation.md", HERE / "first-federation.ipynb", HERE / "figures"
CODE = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.DOTALL | re.MULTILINE)


def notebook_of(page: str) -> Any:
    """Return a page as a notebook that has not been run: Python blocks as cells, what they print left out."""
    cells = [_cell(text, is_code=is_code, number=number) for number, (text, is_code) in enumerate(_parts(page))]
    about = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return new_notebook(cells=cells, metadata=about)


def _parts(page: str) -> Iterator[tuple[str, bool]]:
    end = 0
    for block in CODE.finditer(page):
        yield page[end : block.start()].strip(), False
        yield block[1].strip(), True
        end = block.end()
    yield page[end:].strip(), False


def _cell(text: str, *, is_code: bool, number: int) -> Any:
    cell = (new_code_cell if is_code else new_markdown_cell)(text)
    cell["id"] = f"part-{number}"  # the same page makes the same file
    return cell


def code(notebook: Any) -> list[Any]:
    """Return the cells that run."""
    return [cell for cell in notebook.cells if cell["cell_type"] == "code"]


def printed(cell: Any) -> str:
    """Return what a cell printed; what libraries say on standard error is of the machine."""
    return "".join(output["text"] for output in cell["outputs"] if output.get("name") == "stdout")


def with_outputs(page: str, printouts: Iterator[str]) -> str:
    """Return the page with what its blocks printed below them."""

    def block(found: re.Match[str]) -> str:
        text = next(printouts)
        return f"```python\n{found[1]}```\n" + (f"\n```text\n{text}```\n" if text else "")

    return CODE.sub(block, page)


def run(notebook: Any) -> None:
    """Run all cells in a folder of their own, keep what they print, and take the pictures they write."""
    from nbclient import NotebookClient  # noqa: PLC0415  the tests need only what is above

    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(notebook, timeout=600, resources={"metadata": {"path": folder}}, record_timing=False).execute()
        for picture in Path(folder).glob("*.png"):
            shutil.copy(picture, FIGURES / f"{PAGE.stem}-{picture.name}")
    for cell in code(notebook):
        cell["outputs"] = [output for output in cell["outputs"] if output.get("name") == "stdout"]
    notebook.metadata.pop("language_info", None)  # it names this Python's version


def take_outputs(notebook: Any, before: Any) -> None:
    """Take what was printed before, where only words have changed."""
    if [cell["source"] for cell in code(notebook)] != [cell["source"] for cell in code(before)]:
        sys.exit("The code has changed: run it, without --words.")
    for cell, old in zip(code(notebook), code(before), strict=True):
        cell["outputs"], cell["execution_count"] = old["outputs"], old["execution_count"]


def main() -> None:
    """Write notebook, outputs of the page, and pictures; with --words nothing is run."""
    page = PAGE.read_text(encoding="utf-8")
    notebook = notebook_of(page)
    if "--words" in sys.argv[1:]:
        take_outputs(notebook, nbformat.read(NOTEBOOK, as_version=4))
    else:
        run(notebook)
    PAGE.write_text(with_outputs(page, map(printed, code(notebook))), encoding="utf-8")
    nbformat.write(notebook, NOTEBOOK)


if __name__ == "__main__":
    main()
