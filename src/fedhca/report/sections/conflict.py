"""Conflict between the clients' updates against rounds."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from matplotlib.figure import Figure

from fedhca.aggregation.cosines import mean_cosine, negative_share
from fedhca.report.average import average
from fedhca.report.figures.canvas import Canvas
from fedhca.report.figures.lines import Curve, Panel, line_panels
from fedhca.report.formatting import file_suffix
from fedhca.report.report_section import Drawing, ReportSection
from fedhca.report.study import Study

LEAD = (
    "Two updates are in conflict where they point apart: their cosine is below zero, and what helps one client "
    "harms the other."
)
CAPTION = (
    "Above, the mean cosine of all pairs of updates in a round; below, the share of pairs in conflict. Means over "
    "seeds; bands are one standard deviation."
)
SIDES = {"encoder": "encoders", "decoder": "decoders"}


def conflict(study: Study) -> ReportSection | None:
    """Return one figure for each setting whose journals hold inner products."""
    parts, silent = [], []
    for setting in study.settings:
        cosines = [panel for side in SIDES if (panel := _panel(study, setting, side, mean_cosine, "mean cosine"))]
        negative = [panel for side in SIDES if (panel := _panel(study, setting, side, _percent, "pairs < 0, %"))]
        if cosines:
            draw = partial(draw_conflict, cosines=cosines, negative=negative)
            parts.append(
                Drawing(f"conflict{file_suffix(setting)}", draw, _alt([*cosines, *negative]), CAPTION, setting)
            )
            shown = {line.label for panel in cosines for line in panel.lines}
            silent += [method for method in study.of_setting(setting) if method not in shown]
    notes = [f"No inner products in the journals of: {', '.join(dict.fromkeys(silent))}."] if silent else []
    return ReportSection("conflict", "Conflict between updates", LEAD, parts, notes) if parts else None


def _panel(study: Study, setting: str, side: str, measure: Callable[[np.ndarray], float], unit: str) -> Panel | None:
    look, lines = study.looks, []
    for method, runs in study.of_setting(setting).items():
        series = [
            [(number, measure(gram)) for number, gram in run.notes(side, "gram") if gram.ndim == 2] for run in runs
        ]
        x, mean, spread = average(series)
        if x:
            lines.append(Curve(method, x, mean, spread, look[method], thick=method == study.ours))
    return Panel(SIDES[side], lines, unit) if lines else None


def _percent(gram: np.ndarray) -> float:
    return 100 * negative_share(gram)


def _alt(panels: list[Panel]) -> str:
    return "; ".join(
        f"{panel.title}, {panel.unit}, first to last round: "
        + ", ".join(f"{line.label} {line.mean[0]:.2f} to {line.mean[-1]:.2f}" for line in panel.lines)
        for panel in panels
    )


def draw_conflict(canvas: Canvas, cosines: Sequence[Panel], negative: Sequence[Panel]) -> Figure:
    """Draw the cosines in the upper row, the share of negative pairs below them."""
    figure = line_panels(canvas, [*cosines, *negative], height=2.0, columns=len(cosines))
    for axes in figure.axes[: len(cosines)]:
        axes.axhline(0, color=canvas.theme.ink, linewidth=0.9)
    for axes in figure.axes[len(cosines) :]:
        axes.set_ylim(-3, 103)
    return figure
