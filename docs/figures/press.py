"""From a drawing to a file: one SVG in the colours of both themes, which takes those of the page it stands on.

An SVG in a page asks for the page's own scheme, so that the same file serves light and dark pages, here and where
else the repository is read. Colours and letters are those of the reports.
"""

import io
import re
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl

mpl.use("agg")

from matplotlib.figure import Figure

from fedhca.report.figures.canvas import Canvas
from fedhca.report.figures.theme import DARK, LIGHT, Theme
from fedhca.report.render import lettered, shortened

HERE = Path(__file__).parent
WIDTH = 7.2
"""Inches of the column that figures stand in; letters are then as large as those of the text around them."""
LARGER = {"font.size": 9.5, "axes.titlesize": 10, "axes.labelsize": 9, "xtick.labelsize": 8.5, "ytick.labelsize": 8.5}
SWITCH = (
    "<style>.dark{display:none}@media(prefers-color-scheme:dark){.light{display:none}.dark{display:inline}}</style>"
)


def press(draw: Callable[[Theme], Figure], path: Path, png: Path | None = None) -> None:
    """Draw in both themes and write one SVG; a PNG of the light one as well, if asked for."""
    light, dark = (_drawn(draw, theme, png if theme is LIGHT else None) for theme in (LIGHT, DARK))
    opening = re.match(r"<svg[^>]*>", light)
    assert opening  # matplotlib writes SVG
    inside = "".join(
        f'<g class="{theme.name}">{svg[svg.index(">") + 1 : svg.rindex("</svg>")]}</g>'
        for theme, svg in ((LIGHT, light), (DARK, dark))
    )
    path.write_text(f"{opening[0]}{SWITCH}{inside}</svg>\n", encoding="utf-8")


def _drawn(draw: Callable[[Theme], Figure], theme: Theme, png: Path | None) -> str:
    settings = {**Canvas(theme).settings(), **LARGER, "savefig.facecolor": "none", "svg.hashsalt": theme.name}
    with mpl.rc_context(settings):
        figure, file = draw(theme), io.StringIO()
        figure.set_facecolor("none")
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
        if png is not None:
            figure.savefig(png, dpi=200, metadata={"Software": None}, facecolor=theme.surface)
    return shortened(lettered(file.getvalue()))
