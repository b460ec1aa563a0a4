"""Draw what docs/theorem-1.md measures: `python docs/figures/theorem_1.py` writes theorem-1.svg and .png beside it.

The page is the source: its blocks are run as printed, and the numbers they leave in `measured` are drawn.
"""

import re
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PAGE = HERE.parent / "theorem-1.md"

PAPER, INK, GRID = "#ffffff", "#24292f", "#d8dee4"
CURVES = {
    "sign flipped": ("#c4541a", "--", "^"),
    "left side": ("#0550ae", "-", "o"),
    "half the coefficient": ("#a37200", "--", "v"),
    "residual": ("#1a7f37", "-", "s"),
}
"""Colour, line and marker, from the top of the figure down."""
TITLES = {"A": "(A)  sum of movements", "B": "(B)  mean of movements"}


def names_of(page: Path) -> dict[str, Any]:
    """Run the Python blocks of a page in order and return the names they define."""
    names: dict[str, Any] = {"__name__": page.stem}
    for block in re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE):
        exec(compile(block, str(page), "exec"), names)
    return names


def draw(steps: list[float], measured: dict[str, list[dict[str, float]]], folder: Path) -> None:
    """Draw both forms side by side, norms against η, as SVG and PNG."""
    import matplotlib as mpl  # noqa: PLC0415  the laws read the page without it

    mpl.use("agg")
    mpl.rcParams |= {"svg.hashsalt": "theorem-1", "svg.fonttype": "path", "font.size": 9, "text.color": INK}
    from matplotlib import pyplot as plt  # noqa: PLC0415

    figure, panels = plt.subplots(1, 2, figsize=(7.6, 3.7), sharey=True, layout="constrained", facecolor=PAPER)
    for panel, (form, rows) in zip(panels, measured.items(), strict=True):
        for name, (colour, line, marker) in CURVES.items():
            values = [row[name] for row in rows]
            panel.loglog(steps, values, line, color=colour, marker=marker, markersize=4.5, linewidth=1.4, label=name)
        for name, power in (("half the coefficient", "η²"), ("residual", "η³")):
            lower = (steps[-2], rows[-2][name])
            panel.annotate(f"∝ {power}", lower, (7, -9), textcoords="offset points", color=INK)
        panel.set_title(TITLES[form], fontsize=10, loc="left", color=INK)
        panel.set_xlabel("step size η", color=INK)
        panel.set_xticks(steps[1::3], [f"1/{1 / step:.0f}" for step in steps[1::3]])
        panel.minorticks_off()
        panel.grid(color=GRID, linewidth=0.7)
        panel.set_axisbelow(True)
        panel.tick_params(colors=INK, length=0)
        panel.spines[:].set_visible(False)
    panels[0].set_ylabel("norm", color=INK)
    panels[0].legend(facecolor=PAPER, edgecolor=PAPER, framealpha=1, labelcolor=INK, loc="upper left", borderaxespad=0)
    for kind, unsaid in (("svg", "Date"), ("png", "Software")):  # the same numbers draw the same file
        figure.savefig(folder / f"theorem-1.{kind}", dpi=200, metadata={unsaid: None})
    plt.close(figure)


def main() -> None:
    """Run the page and draw into the folder given, or beside this script."""
    names = names_of(PAGE)
    draw(names["STEPS"], names["measured"], Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)


if __name__ == "__main__":
    main()
