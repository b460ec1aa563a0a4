"""Δm against settings."""

import math
from collections.abc import Mapping, Sequence
from functools import partial
from statistics import fmean

from matplotlib.figure import Figure

from fedhca.report.average import deviation
from fedhca.report.figures.canvas import Canvas
from fedhca.report.figures.lines import Curve, draw_line, entitle
from fedhca.report.figures.style import Look
from fedhca.report.formatting import signed_spread
from fedhca.report.report_section import Drawing, ReportSection
from fedhca.report.sections.gains import delta_samples
from fedhca.report.study import Study

CAPTION = "Δm of every method in every setting: mean and standard deviation over seeds; the line at 0 is {reference}."


def scaling(study: Study) -> ReportSection | None:
    """Return one figure where Δm is known in several settings."""
    samples = delta_samples(study)
    if len(samples) < 2:
        return None
    methods = dict.fromkeys(method for each in samples.values() for method in each)
    over = {method: [samples[setting].get(method, []) for setting in samples] for method in methods}
    lines = {
        method: ([fmean(v) if v else math.nan for v in values], [deviation(v) for v in values])
        for method, values in over.items()
    }
    alt = "; ".join(
        f"{method}: " + ", ".join(f"{s} {signed_spread(v)}" for s, v in zip(samples, values, strict=True))
        for method, values in over.items()
    )
    draw = partial(draw_scaling, settings=list(samples), gains=lines, looks=study.looks)
    drawing = Drawing("scaling", draw, f"Δm by setting. {alt}.", CAPTION.format(reference=study.reference))
    return ReportSection("scaling", "Across settings", "What becomes of the gain as the federation changes.", [drawing])


def draw_scaling(
    canvas: Canvas,
    settings: Sequence[str],
    gains: Mapping[str, tuple[Sequence[float], Sequence[float]]],
    looks: Mapping[str, Look],
) -> Figure:
    """Draw one line for each method: mean and standard deviation in each setting."""
    figure, (axes,) = canvas.panels(1, height=3.2, columns=1)
    entitle(axes, canvas, "", "Δm %  ↑ better")
    handles = []
    for number, (method, (mean, spread)) in enumerate(gains.items()):
        aside = 0.03 * (number - (len(gains) - 1) / 2)  # so that error bars do not cover each other
        places = [place + aside for place in range(len(settings))]
        line = Curve(method, places, mean, [0.0] * len(places), looks[method])
        handles.append(draw_line(axes, canvas, line))
        colour = looks[method].colour(canvas.theme)
        axes.errorbar(places, mean, yerr=spread, fmt="none", color=colour, capsize=3, linewidth=1)
    axes.axhline(0, color=canvas.theme.ink, linewidth=0.9)
    axes.set_xticks(range(len(settings)), settings)
    axes.margins(x=0.08)
    canvas.legend(figure, handles)
    return figure
