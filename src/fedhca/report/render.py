"""From a drawing to what stands on the page: light and dark, wide and narrow; as short SVG, and in files beside it."""

import base64
import io
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure
from PIL import Image

from fedhca.data.picture_file import open_picture
from fedhca.report.figures.canvas import Canvas
from fedhca.report.figures.theme import DARK, LIGHT, Theme, colours
from fedhca.report.image_grid import png
from fedhca.storage.atomic import write_atomically

Draw = Callable[[Canvas], Figure]

KINDS = ("svg", "png")
"""Of the files of every figure."""
LARGE = 150_000
"""Bytes of SVG beyond which a PNG stands on the page instead; the file beside it stays SVG."""
DOTS, SHADES = 200, 128
"""Of a PNG: dots per inch, and colours where it stands on the page."""


@dataclass(frozen=True)
class Printed:
    """One drawing as data URIs: by theme, and for a wide page or a phone."""

    light: str
    dark: str
    narrow_light: str
    narrow_dark: str


def print_figure(draw: Draw, folder: Path, name: str, *, shaded: bool = False) -> Printed:
    """Draw in both themes and widths, and write FOLDER/NAME.svg and .png in the light one.

    Args:
        draw: draws the figure.
        folder: of the files.
        name: of the files.
        shaded: whether it has colours between those of its theme, so that the dark one has to be drawn anew.

    """
    wide, narrow = Canvas(), Canvas(narrow=True)
    drawn = _rendered(draw, wide, *KINDS)
    for kind, content in zip(KINDS, drawn, strict=True):
        write_atomically(folder / f"{name}.{kind}", content)
    if len(shortened(drawn[0].decode())) > LARGE:
        others = (replace(wide, theme=DARK), narrow, replace(narrow, theme=DARK))
        return Printed(_as_png(drawn[1]), *(_as_png(_rendered(draw, canvas, "png")[0]) for canvas in others))
    (slim,) = _rendered(draw, narrow, "svg")
    return Printed(*_as_svg(draw, wide, drawn[0], shaded), *_as_svg(draw, narrow, slim, shaded))


def data_uri(content: bytes, kind: str) -> str:
    """Return content as an address that holds it."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _as_svg(draw: Draw, canvas: Canvas, svg: bytes, shaded: bool) -> tuple[str, str]:
    """Return a drawing for light and for dark pages."""
    light, night = shortened(svg.decode()), replace(canvas, theme=DARK)
    dark = shortened(_rendered(draw, night, "svg")[0].decode()) if shaded else recoloured(light, LIGHT, DARK)
    return data_uri(light.encode(), "image/svg+xml"), data_uri(dark.encode(), "image/svg+xml")


def _as_png(content: bytes) -> str:
    with open_picture(io.BytesIO(content)) as image:
        return data_uri(png(image.convert("RGB").quantize(SHADES, dither=Image.Dither.NONE)), "image/png")


def _rendered(draw: Draw, canvas: Canvas, *kinds: str) -> list[bytes]:
    """Return one drawing in each kind of file."""
    files = []
    with rc_context(canvas.settings()):
        figure = draw(canvas)
        for kind in kinds:
            file = io.BytesIO()
            metadata = {"Date": None, "Creator": None} if kind == "svg" else {"Software": None}
            figure.savefig(file, format=kind, dpi=DOTS, metadata=metadata)
            figure.set_layout_engine("none")  # laid out once; a second time would give the same
            files.append(lettered(file.getvalue().decode()).encode() if kind == "svg" else file.getvalue())
    return files


FONT = "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,'Liberation Sans','DejaVu Sans',sans-serif"
SHORTER = (
    (r"<\?xml.*?\?>|<!DOCTYPE[^>]*>|<!--.*?-->|<metadata>.*?</metadata>", ""),
    (r' transform="rotate\(-0 [^)]*\)"', ""),
    (r'<g id="[^"]*">', "<g>"),
    (r">\s+<", "><"),
    (r"\s+", " "),
)
"""What matplotlib writes and a page has no use for: pattern and what stands in its place."""


def lettered(svg: str) -> str:
    """Set all text in the reader's own font: said once, not at every word."""
    plain = re.sub(r"font-family: [^;\"]*;? ?", "", svg)
    return plain.replace("<defs>", f"<style>text{{font-family:{FONT}}}</style><defs>", 1)


def recoloured(svg: str, before: Theme, after: Theme) -> str:
    """Put one theme's colours in the place of another's."""
    instead = dict(zip(colours(before), colours(after), strict=True))
    return re.sub(r"#[0-9a-f]{6}\b", lambda found: instead.get(found[0], found[0]), svg)


def shortened(svg: str) -> str:
    """Leave out what a page has no use for."""
    for pattern, instead in SHORTER:
        svg = re.sub(pattern, instead, svg, flags=re.DOTALL)
    return re.sub(r"<[^>]*>", lambda tag: _tightened(tag[0]), svg).strip()  # in tags only: labels are numbers, too


def _tightened(tag: str) -> str:
    """Round coordinates to hundredths of a point, and leave out spaces that say nothing."""
    tag = re.sub(r"(\.\d\d)\d+", r"\1", tag)
    tag = re.sub(r' d="([^"]*)"', lambda path: f' d="{_path(path[1])}"', tag)
    return re.sub(r"([:;]) ", r"\1", tag)


def _path(steps: str) -> str:
    return re.sub(r"\s*([MLCQz])\s*", r"\1", steps).strip().replace(" ", ",")
