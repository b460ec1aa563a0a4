"""Who listens to whom: the mixing of the last round."""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from jaxtyping import Float
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from fedhca.report.figures.canvas import Canvas
from fedhca.report.figures.heat import Heat, draw_heat, name_once
from fedhca.report.figures.lines import entitle
from fedhca.report.formatting import file_suffix
from fedhca.report.report_section import Drawing, ReportSection
from fedhca.report.run_record import Run
from fedhca.report.study import Study

LEAD = "What the server handed out in the last round: row by row, how much of each participant is in the answer."
CAPTION = (
    "{side}: answers in rows, what they are made of in columns; mean over seeds. Frames are what each keeps of its "
    "own; colours reach their strongest at the largest weight on others."
)
KINDS = " Those of one kind are taken together: a cell is all that comes from a kind, one's own share included."
SHOWN = 16
"""Up to so many participants each has its own row; beyond, each kind of them."""
NUMBERED = 6
"""Up to so many participants the weights are written into the cells."""
Names = list[str]


def listening(study: Study) -> ReportSection | None:
    """Return two figures for each setting: encoders and decoders."""
    parts = [
        part for setting in study.settings for side in ("encoder", "decoder") if (part := _side(study, setting, side))
    ]
    return ReportSection("listening", "Who listens to whom", LEAD, parts) if parts else None


def _side(study: Study, setting: str, side: str) -> Drawing | None:
    found = {
        method: matrix
        for method, runs in study.of_setting(setting).items()
        if (matrix := _last(runs, side)) is not None
    }
    if not found:
        return None
    names, groups = _names(study, setting, side)
    caption = CAPTION.format(side=f"{side}s".capitalize())
    if len(names) > SHOWN:
        found = {method: _grouped(matrix, groups) for method, matrix in found.items()}
        names, caption = list(dict.fromkeys(groups)), caption + KINDS
    if len(names) < 2:
        return None
    merged = _merged(found)
    alt = "; ".join(f"{method}: {_words(matrix, names)}" for method, matrix in merged.items())
    draw = partial(draw_listening, matrices=merged, names=names)
    return Drawing(f"listening-{side}s{file_suffix(setting)}", draw, f"{side}s. {alt}.", caption, setting, shaded=True)


def _merged(matrices: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Put methods that mix alike under one name."""
    groups: list[tuple[list[str], np.ndarray]] = []
    for method, matrix in matrices.items():
        alike = next((names for names, other in groups if np.allclose(matrix, other, atol=1e-6)), None)
        if alike is None:
            groups.append(([method], matrix))
        else:
            alike.append(method)
    return {", ".join(names): matrix for names, matrix in groups}


def _last(runs: list[Run], side: str) -> np.ndarray | None:
    """Return the mean over seeds of the last mixing."""
    last = [notes[-1][1] for run in runs if (notes := run.notes(side, "mixing"))]
    return np.mean(last, axis=0) if last else None


def _names(study: Study, setting: str, side: str) -> tuple[Names, Names]:
    """Return the name of each participant and of its kind."""
    kinds, run = study.kinds(setting), study.of_setting(setting).popitem()[1][0]
    if side == "encoder":
        return list(kinds), list(kinds.values())
    several = {client.name for client in study.clients(setting) if len(client.tasks) > 1}
    names = [f"{client} · {task}" if client in several else client for client, task in run.decoders]
    groups = [f"{kinds[client]} · {task}" if client in several else kinds[client] for client, task in run.decoders]
    return names, groups


def _grouped(matrix: np.ndarray, groups: Names) -> np.ndarray:
    """Return how much of each kind is in the answer to a participant of each kind."""
    member = np.array([[float(group == kind) for group in groups] for kind in dict.fromkeys(groups)])
    return (member / member.sum(1, keepdims=True)) @ matrix @ member.T


def _words(matrix: np.ndarray, names: Names) -> str:
    others = np.where(np.eye(len(matrix), dtype=bool), -np.inf, matrix)
    row, column = np.unravel_index(np.argmax(others), others.shape)
    own = f"own share {matrix.diagonal().min():.2f} to {matrix.diagonal().max():.2f}"
    return f"{own}; most of another {others[row, column]:.3f}, {names[row]} of {names[column]}"


def draw_listening(canvas: Canvas, matrices: Mapping[str, Float[np.ndarray, "m m"]], names: Sequence[str]) -> Figure:
    """Draw answers in rows, what they are made of in columns.

    Colours reach their strongest at the largest weight off the diagonal: one's own share is written and framed, and
    would drown all others.
    """
    few = len(names) <= NUMBERED
    figure, grid = canvas.panels(
        len(matrices), height=0.75 + len(names) * (0.3 if few else 0.19), columns=3 if few else 2
    )
    others = np.concatenate([matrix[~np.eye(len(matrix), dtype=bool)] for matrix in matrices.values()])
    limit = float(np.nanmax(np.abs(others), initial=0)) or 1.0
    signed = bool((others < 0).any())
    for axes, (method, matrix) in zip(grid, matrices.items(), strict=True):
        entitle(axes, canvas, method)
        image = draw_heat(axes, canvas, Heat(matrix, names, names, limit, signed, "{:.2f}" if few else ""), size=6.5)
        for place in range(len(names)):
            frame = Rectangle((place - 0.5, place - 0.5), 1, 1, fill=False, edgecolor=canvas.theme.ink, linewidth=0.8)
            axes.add_patch(frame)
    name_once(grid)
    bar = figure.colorbar(image, ax=grid, location="bottom", shrink=0.5, aspect=40, pad=0.02, extend="max")
    bar.outline.set_visible(False)
    marks = [limit, limit / 4]  # evenly spaced, as colours go by the root
    bar.set_ticks([*((-mark for mark in marks) if signed else ()), 0, *marks[::-1]], minor=False)
    bar.ax.xaxis.set_major_formatter(lambda value, _: f"{value:.2g}".replace("-", "−"))
    return figure
