"""Formulas become MathML while the site is built, so that no script has to; browsers draw it in the font beside it."""

import html
import re
from importlib import resources
from typing import Any

from latex2mathml.converter import convert
from mkdocs.structure.files import File

FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)
BARS = "<mo>&#x02016;</mo>", '<mo fence="false" stretchy="false">&#x02016;</mo>'
"""The bars of a norm, which browsers would stretch, and which should stay as they are."""
FONT = "fonts/STIXTwoMath-Regular.ttf"


def on_files(files: Any, config: Any) -> Any:
    """Put the font where the style sheet looks for it."""
    files.append(File.generated(config, "assets/formulas.ttf", abs_src_path=str(resources.files("ziamath") / FONT)))
    return files


def on_page_content(page_html: str, page: Any, config: Any, files: Any) -> str:
    """Write every formula of a page in MathML."""
    return FORMULA.sub(_written, page_html)


def _written(formula: re.Match[str]) -> str:
    kind, source = formula[1], html.unescape(formula[2]).strip()
    mathml = convert(source, display="block" if kind == "div" else "inline").replace(*BARS)
    return f'<{kind} class="formula">{mathml}</{kind}>'
