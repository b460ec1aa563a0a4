"""Draw what docs/theorem-1.md measures: `python docs/figures/theorem_1.py` writes theorem-1.svg and .png beside it.

The page is the source: its blocks are run as printed, and the numbers they leave in `measured` are drawn.
"""

import re
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PAGE = HERE.parent / "theorem-1.md"

CURVES = {
    "sign flipped": (3, "--", "^"),
    "left side": (0, "-", "o"),
    "half the coefficient": (1, "--", "v"),
    "residual": (2, "-", "s"),
}
"""Place among the theme's hues, line and marker, from the top of the figure down."""
TITLES = {"A": "(A)  sum of movements", "B": "(B)  mean of movements"}


def names_of(page: Path) -> dict[str, Any]:
    """Run the Python blocks of a page in order and return the names they define."""
    names: dict[str, Any] = {"__name__": page.stem}
    for block in re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE):
        exec(compile(block, str(page), "exec"), names)
    return names


def draw(steps: list[float], measured: dict[str, list[dict[str, float]]], folder: Path) -> None:
    """Draw both forms side by side, norms against η, as SVG (for light pages and dark ones) and PNG."""
    from press import press  # noqa: PLC0415  the laws read the page without it

    press(lambda theme: _figure(theme, steps, measured), folder / "theorem-1.svg", folder / "theorem-1.png")


def _figure(theme: Any, steps: list[float], measured: dict[str, list[dict[str, float]]]) -> Any:
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(7.2, 3.6), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for panel, (form, rows) in zip(panels, measured.items(), strict=True):
        for name, (hue, line, marker) in CURVES.items():
            style = {"color": theme.hues[hue], "marker": marker, "markersize": 4.5, "linewidth": 1.4, "label": name}
            panel.loglog(steps, [row[name] for row in rows], line, **style)
        for name, power in (("half the coefficient", "η²"), ("residual", "η³")):
            lower = (steps[-2], rows[-2][name])
            panel.annotate(f"∝ {power}", lower, (7, -9), textcoords="offset points", color=theme.ink)
        panel.set_title(TITLES[form])
        panel.set_xlabel("step size η")
        panel.set_xticks(steps[1::3], [f"1/{1 / step:.0f}" for step in steps[1::3]])
        panel.minorticks_off()
        panel.tick_params(length=0)
        panel.spines[:].set_visible(False)
    panels[0].set_ylabel("norm")
    panels[0].legend(loc="upper left", borderaxespad=0)
    return figure


def main() -> None:
    """Run the page and draw into the folder given, or beside this script."""
    names = names_of(PAGE)
    draw(names["STEPS"], names["measured"], Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)


if __name__ == "__main__":
    main()
