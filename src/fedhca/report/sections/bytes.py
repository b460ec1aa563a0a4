"""What a round costs: bytes on the wire, and time."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import fmean
from typing import Any

from matplotlib.figure import Figure

from fedhca.report.figures.canvas import Canvas, name_bars
from fedhca.report.figures.lines import entitle
from fedhca.report.figures.style import Look
from fedhca.report.formatting import clock, file_suffix, size
from fedhca.report.report_section import Cell, Drawing, Grid, ReportSection
from fedhca.report.run_record import Run
from fedhca.report.study import Study

LEAD = (
    "Bytes are of the parameters a client receives and sends in one round; times were taken on the machines in the "
    "record."
)
DIRECTIONS = {"down": ("received", Look(0)), "up": ("sent", Look(1))}
HATCHES = ("", "//", "\\\\", "xx")


def bytes_and_time(study: Study) -> ReportSection | None:
    """Return bytes and seconds of each setting, and how long every run took."""
    parts: list[Drawing | Grid] = []
    for setting in study.settings:
        parts += [part for make in (_bytes, _seconds) if (part := make(study, setting))]
    return ReportSection("bytes", "Bytes and time", LEAD, [*parts, _runs(study)])


def _bytes(study: Study, setting: str) -> Drawing | None:
    """Draw bytes; methods that send the same share a panel."""
    clients = list(study.kinds(setting))
    groups: dict[tuple[tuple[float, ...], ...], list[str]] = {}
    for method, runs in study.of_setting(setting).items():
        amounts = [
            [_mean(runs, lambda line, c=c, d=d: line.get("bytes", {}).get(c, {}).get(d)) for c in clients]
            for d in ("down", "up")
        ]
        if not any(map(math.isnan, amounts[0])):
            groups.setdefault(tuple(map(tuple, amounts)), []).append(method)
    if not groups:
        return None
    every = {
        ("every method" if len(groups) == 1 else ", ".join(names)): {"down": d, "up": u}
        for (d, u), names in groups.items()
    }
    alt = "; ".join(
        f"{names}: "
        + ", ".join(f"{c} {size(d)} down, {size(u)} up" for c, d, u in zip(clients, a["down"], a["up"], strict=True))
        for names, a in every.items()
    )
    draw = partial(draw_bytes, clients=clients, amounts=every)
    return Drawing(f"bytes{file_suffix(setting)}", draw, alt, "Bytes per round and client, by direction.", setting)


def _seconds(study: Study, setting: str) -> Drawing | None:
    methods = study.of_setting(setting)
    phases = list(
        dict.fromkeys(phase for run in study.runs for line in run.journal for phase in line.get("seconds", {}))
    )
    if not phases:
        return None
    found = {
        phase: [_mean(runs, lambda line, p=phase: line.get("seconds", {}).get(p), 0.0) for runs in methods.values()]
        for phase in phases
    }
    alt = "; ".join(
        f"{method}: " + ", ".join(f"{phase} {found[phase][place]:.2f} s" for phase in phases)
        for place, method in enumerate(methods)
    )
    draw = partial(draw_seconds, methods=list(methods), phases=found)
    return Drawing(f"seconds{file_suffix(setting)}", draw, alt, "Seconds per round, phase by phase.", setting)


def _mean(runs: list[Run], of: Callable[..., float | None], otherwise: float = math.nan) -> float:
    values = [value for run in runs for line in run.journal if (value := of(line)) is not None]
    return fmean(values) if values else otherwise


def _runs(study: Study) -> Grid:
    """Return one line for each method of each setting: the time of every seed's run."""
    groups = [(setting, [_times(study, setting, method) for method in study.methods]) for setting in study.settings]
    head = ["time of a run", "rounds", *(f"seed {seed}" for seed in study.seeds)]
    return Grid("How long every run took.", head, groups, quiet=True)


def _times(study: Study, setting: str, method: str) -> list[Cell]:
    runs = [run for run in study.runs if (run.setting, run.method) == (setting, method)]
    by_seed = {run.seed: clock(wall(run)) for run in runs}
    rounds = " / ".join(dict.fromkeys(str(run.done) for run in runs)) or "–"
    return [Cell(method), Cell(rounds), *(Cell(by_seed.get(seed, "–")) for seed in study.seeds)]


def wall(run: Run) -> float:
    """Return the seconds of all rounds."""
    return float(sum(value for line in run.journal for value in line.get("seconds", {}).values() if value is not None))


def draw_bytes(canvas: Canvas, clients: Sequence[str], amounts: Mapping[str, Mapping[str, Sequence[float]]]) -> Figure:
    """Draw one panel for each group of methods: for every client a bar down and a bar up."""
    figure, grid = canvas.panels(len(amounts), height=0.8 + 0.34 * len(clients), columns=2)
    for axes, (methods, amount) in zip(grid, amounts.items(), strict=True):
        entitle(axes, canvas, methods)
        bars = []
        for shift, (direction, (label, look)) in zip((-0.19, 0.19), DIRECTIONS.items(), strict=True):
            places = [place + shift for place in range(len(clients))]
            style = _bar(canvas, look, "" if direction == "down" else "//")
            bars.append(axes.barh(places, amount[direction], 0.34, label=label, **style))
        axes.set_yticks(range(len(clients)), clients)
        axes.set_ylim(len(clients) - 0.5, -0.5)
        axes.xaxis.set_major_formatter(lambda value, _: size(value))
        name_bars(axes, canvas)
        axes.locator_params(axis="x", nbins=5)
    canvas.legend(figure, bars)
    return figure


def draw_seconds(canvas: Canvas, methods: Sequence[str], phases: Mapping[str, Sequence[float]]) -> Figure:
    """Draw one bar for each method, its phases one after the other."""
    figure, (axes,) = canvas.panels(1, height=0.9 + 0.3 * len(methods), columns=1)
    entitle(axes, canvas, "", "seconds per round, mean over rounds and seeds")
    start, bars = [0.0] * len(methods), []
    for place, (phase, values) in enumerate(phases.items()):
        style = _bar(canvas, Look(place), HATCHES[place % len(HATCHES)])
        bars.append(axes.barh(methods, values, 0.62, left=start, label=phase, **style))
        start = [before + value for before, value in zip(start, values, strict=True)]
    axes.invert_yaxis()
    name_bars(axes, canvas)
    canvas.legend(figure, bars)
    return figure


def _bar(canvas: Canvas, look: Look, hatch: str) -> dict[str, Any]:
    return {"color": look.colour(canvas.theme), "hatch": hatch, "edgecolor": canvas.theme.surface}
