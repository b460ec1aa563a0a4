"""Metrics and training losses against rounds."""

from collections.abc import Callable, Sequence
from functools import partial

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, MaxNLocator, NullLocator

from fedhca.report.average import average
from fedhca.report.comparison_table import arrow, unit_of
from fedhca.report.figures.canvas import Canvas
from fedhca.report.figures.lines import Curve, Panel, line_panels
from fedhca.report.formatting import file_suffix
from fedhca.report.report_section import Drawing, ReportSection
from fedhca.report.result import Result
from fedhca.report.run_record import Run, pick
from fedhca.report.study import Study

LEAD = (
    "Mean over seeds. Bands are one standard deviation; where they would cover each other, only the thick line has one."
)
Histories = Callable[[Run], list[tuple[int, Result]]]


def curves(study: Study) -> ReportSection | None:
    """Return the metrics where some run was evaluated more than once, and the losses."""
    parts: list[Drawing] = []
    notes: list[str] = []
    for setting in study.settings:
        metrics = _panels(study, setting, Run.evaluations)
        if metrics:
            parts.append(_metrics(setting, metrics))
        else:
            notes.append(f"No metric was measured twice{f' in {setting}' if setting else ''}: no curve.")
        trained = _panels(study, setting, Run.losses, losses_only=True)
        parts += [_losses(setting, trained)] if trained else []
    return ReportSection("curves", "Along the rounds", LEAD, parts, notes) if parts else None


def _panels(study: Study, setting: str, history: Histories, losses_only: bool = False) -> list[Panel]:
    """Return one panel for each data set and task that has at least two points."""
    by_method, look = study.of_setting(setting), study.looks
    histories = {method: [history(run) for run in runs] for method, runs in by_method.items()}
    panels = []
    for column, task in study.table.tasks.items():
        lines = []
        for method, runs in histories.items():
            x, mean, spread = average([pick(run, column) for run in runs])
            if len(x) > 1:
                lines.append(Curve(method, x, mean, spread, look[method], thick=method == study.ours))
        unit = "loss" if losses_only else f"{task.metric} {unit_of(task)} {arrow(task)}"
        panels += [Panel(" ".join(column), lines, unit)] if lines else []
    return panels


def _metrics(setting: str, panels: list[Panel]) -> Drawing:
    alt = _alt([(f"{panel.title} ({panel.unit})", panel) for panel in panels])
    caption = "Test metrics against rounds, one panel for each data set and task."
    return Drawing(f"curves{file_suffix(setting)}", partial(line_panels, panels=panels), alt, caption, setting)


def _losses(setting: str, panels: list[Panel]) -> Drawing:
    alt = _alt([(panel.title, panel) for panel in panels])
    caption = "Training losses against rounds, on a logarithmic axis."
    return Drawing(f"losses{file_suffix(setting)}", partial(draw_losses, panels=panels), alt, caption, setting)


def _alt(panels: list[tuple[str, Panel]]) -> str:
    ends = (
        f"{title}: " + ", ".join(f"{line.label} {line.mean[0]:.4g} to {line.mean[-1]:.4g}" for line in panel.lines)
        for title, panel in panels
    )
    return f"From first to last: {'; '.join(ends)}."


def draw_losses(canvas: Canvas, panels: Sequence[Panel]) -> Figure:
    """Draw mean and spread over seeds."""
    figure = line_panels(canvas, panels, height=1.9)
    for axes, panel in zip(figure.axes, panels, strict=True):
        if all(value > 0 for line in panel.lines for value in line.mean):
            _logarithmic(axes)
    return figure


def _logarithmic(axes: Axes) -> None:
    """Make the axis logarithmic, with ticks a reader can take in: within a decade evenly spaced ones."""
    axes.set_yscale("log")
    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)) if high > 8 * low else MaxNLocator(4))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.4g}")
    axes.yaxis.set_minor_locator(NullLocator())
