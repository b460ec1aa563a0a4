"""What a section of the page is made of; the template knows how each part is written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from matplotlib.figure import Figure

from fedhca.report.figures.canvas import Canvas
from fedhca.report.verdict import Word


@dataclass(frozen=True)
class Drawing:
    """A figure.

    Attributes:
        name: of its files.
        draw: draws it.
        alt: what it shows, for who cannot see it.
        caption: how to read it.
        setting: the federation it is of, where there are several.
        shaded: whether it has colours between those of its theme, such as a heat map.

    """

    kind: ClassVar[str] = "drawing"
    name: str
    draw: Callable[[Canvas], Figure]
    alt: str
    caption: str
    setting: str = ""
    shaded: bool = False


@dataclass(frozen=True)
class Cell:
    """A cell of a table.

    Attributes:
        text: what it says.
        rank: 1 is the best mean of its line, 2 the second best.
        mark: the verdict whose colour it has.
        note: what stands after it, and not so loud.

    """

    text: str
    rank: int = 0
    mark: str = ""
    note: str = ""


def verdict_cell(word: Word | None) -> Cell:
    """Return the cell of a verdict; better and worse have a colour."""
    return Cell(word or "not measured", mark=word if word in ("better", "worse") else "")


@dataclass(frozen=True)
class Grid:
    """A table.

    Attributes:
        caption: what it holds.
        head: the names of its columns.
        groups: lines of cells under a name each; the first cell of a line is its head.
        over: names over several columns each, with how many.
        downloads: files for who wants the numbers: name, kind, content.
        numeric: whether the cells are numbers, to be set to the right.
        quiet: whether the caption is for screen readers only, as the text around says it already.

    """

    kind: ClassVar[str] = "grid"
    caption: str
    head: Sequence[str]
    groups: Sequence[tuple[str, Sequence[Sequence[Cell]]]]
    over: Sequence[tuple[str, int]] = ()
    downloads: Sequence[tuple[str, str, str]] = ()
    numeric: bool = True
    quiet: bool = False


@dataclass(frozen=True)
class Tiles:
    """Pictures in rows under common heads; a picture is PNG with what it shows in words."""

    kind: ClassVar[str] = "tiles"
    caption: str
    head: Sequence[str]
    rows: Sequence[tuple[str, Sequence[tuple[bytes, str]]]]


@dataclass(frozen=True)
class Listing:
    """Text to be copied: lines, those that differ from others marked; folded away where it has a summary."""

    kind: ClassVar[str] = "listing"
    lines: Sequence[tuple[str, bool]]
    summary: str = ""
    file: str = ""

    @property
    def text(self) -> str:
        """The lines as a file would hold them."""
        return "".join(f"{line}\n" for line, _ in self.lines)


Part = Drawing | Grid | Tiles | Listing


@dataclass(frozen=True)
class ReportSection:
    """A part of the page under a head of its own; `notes` are lines after its parts."""

    name: str
    title: str
    lead: str
    parts: Sequence[Part] = ()
    notes: Sequence[str] = field(default_factory=tuple)
