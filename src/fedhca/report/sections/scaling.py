"""Δm against settings."""

import math
from functools import partial
from statistics import fmean

from fedhca.report.average import deviation
from fedhca.report.figures.scaling import scaling as draw_scaling
from fedhca.report.notation import signed_spread
from fedhca.report.section import Drawing, Section
from fedhca.report.sections.gains import delta_samples
from fedhca.report.study import Study

CAPTION = "Δm of every method in every setting: mean and standard deviation over seeds; the line at 0 is {reference}."


def scaling(study: Study) -> Section | None:
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
    return Section("scaling", "Across settings", "What becomes of the gain as the federation changes.", [drawing])
