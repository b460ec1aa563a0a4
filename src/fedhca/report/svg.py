"""SVG for a page: in the reader's own font, in the colours of another theme, and without what makes it only longer."""

import re

from fedhca.report.figures.theme import Theme, colours

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
