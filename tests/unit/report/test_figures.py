"""Every figure, from plain numbers, in all its forms: what it must show, and nothing cut off."""

import io
import math
import re
import warnings
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from matplotlib import rc_context
from matplotlib.figure import Figure

from fedhca.report.figures.canvas import Canvas
from fedhca.report.figures.lines import Curve, Panel, line_panels
from fedhca.report.figures.style import FIXED, REFERENCE, Look, looks
from fedhca.report.figures.theme import DARK, LIGHT, colours
from fedhca.report.sections.bytes import draw_bytes, draw_seconds
from fedhca.report.sections.conflict import draw_conflict
from fedhca.report.sections.curves import draw_losses
from fedhca.report.sections.gains import draw_gains, draw_task_gains
from fedhca.report.sections.listening import draw_listening
from fedhca.report.sections.scaling import draw_scaling

METHODS = ["fedavg", "fedhca2", "fedhca2+decoder=local"]
LOOKS = looks(METHODS)
ROUNDS = [1, 2, 3, 4]
LINES = [
    Curve("fedavg", ROUNDS, [1.0, 2.0, 4.0, 9.0], [0.1, 0.2, 0.3, 0.4], Look(1)),
    Curve("fedhca2", ROUNDS, [1.0, math.nan, 4.0, 30.0], [0.0] * 4, Look(0), thick=True),
]
PANELS = [Panel("nyud depth", LINES, "RMSE m ↓"), Panel("pascal semseg", LINES[:1], "mIoU % ↑")]
MANY = np.full((20, 20), 0.05) + 0.1 * np.eye(20)
SIGNED = np.array([[1.5, -0.2], [0.3, 0.7]])

FIGURES: dict[str, Callable[[Canvas], Figure]] = {
    "alpha": partial(line_panels, height=2.7, columns=2, bands=2, one_scale=True, panels=PANELS),
    "beta": partial(line_panels, height=1.9, one_scale=True, panels=PANELS),
    "bytes": partial(draw_bytes, clients=["a", "b"], amounts={"all": {"down": [1e6, 2e6], "up": [1.0, 2.0]}}),
    "conflict": partial(draw_conflict, cosines=PANELS, negative=PANELS),
    "curves": partial(line_panels, panels=PANELS),
    "gains": partial(draw_gains, settings={"×1": {"fedavg": [-3.0, 1.0], "fedhca2": [math.nan]}}, looks=LOOKS),
    "listening": partial(draw_listening, matrices={"fedavg": SIGNED, "fedhca2": np.eye(2)}, names=["a", "b"]),
    "listening alone": partial(draw_listening, matrices={"local": np.eye(2)}, names=["a", "b"]),
    "listening, many": partial(draw_listening, matrices={"m": MANY}, names=[f"client-{i}" for i in range(20)]),
    "losses": partial(draw_losses, panels=PANELS),
    "scaling": partial(
        draw_scaling,
        settings=["×1", "×2"],
        gains={"fedavg": ([-1.0, -2.0], [0.5, 0.5]), "fedhca2": ([1.0, math.nan], [0.0, 0.0])},
        looks=LOOKS,
    ),
    "seconds": partial(draw_seconds, methods=["a", "b"], phases={"train": [1.0, 2.0], "evaluate": [0.0, 0.5]}),
    "task gains": partial(
        draw_task_gains,
        settings={"": np.array([[1.0, -40.0], [math.nan, 2.0]])},
        tasks=["nyud depth", "nyud edge"],
        methods=METHODS[:2],
    ),
    "task gains, many": partial(
        draw_task_gains,
        settings={"": np.linspace(-9, 9, 16).reshape(8, 2)},
        tasks=[f"nyud {letter}" for letter in "abcdefgh"],
        methods=METHODS[:2],
    ),
}


def drawn(name: str, canvas: Canvas) -> tuple[Figure, str]:
    with rc_context(canvas.settings()), warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = FIGURES[name](canvas)
        file = io.StringIO()
        figure.savefig(file, format="svg")
    return figure, file.getvalue()


@pytest.mark.parametrize("canvas", [Canvas(LIGHT), Canvas(DARK, narrow=True)], ids=["wide", "narrow"])
@pytest.mark.parametrize("name", FIGURES)
def test_nothing_is_cut_off_and_no_two_names_overlap(name: str, canvas: Canvas) -> None:
    figure, _ = drawn(name, canvas)
    size = figure.bbox
    for axes in figure.axes:
        box = axes.get_tightbbox()
        assert box is not None
        assert box.x0 >= size.x0 - 1
        assert box.x1 <= size.x1 + 1
        assert box.y0 >= size.y0 - 1
        assert box.y1 <= size.y1 + 1
        ticks = [label.get_window_extent() for label in axes.get_yticklabels() if label.get_text()]
        ticks.sort(key=lambda extent: extent.y0)
        assert all(below.y1 <= above.y0 + 1 for below, above in pairwise(ticks)), axes.get_title()


@pytest.mark.parametrize("canvas", [Canvas(LIGHT), Canvas(DARK, narrow=True)], ids=["wide", "narrow"])
@pytest.mark.parametrize("name", ["listening", "task gains", "task gains, many"])
def test_numbers_fit_into_their_cells_and_rows_are_three_tenths_of_an_inch_high(name: str, canvas: Canvas) -> None:
    figure, _ = drawn(name, canvas)
    axes = figure.axes[0]
    rows, columns = axes.images[0].get_size()
    cell = axes.get_window_extent()
    assert cell.height / rows / figure.dpi > 0.3
    assert max(text.get_window_extent().width for text in axes.texts) < cell.width / columns


@pytest.mark.parametrize(("panels", "turned"), [(1, 0), (2, 40)])
def test_names_below_cells_are_turned_where_they_would_meet(panels: int, turned: int) -> None:
    """Four names of 13 letters have room below a panel as wide as the page, and not below one of half its width."""
    settings = {f"×{number}": np.zeros((2, 4)) for number in range(panels)}
    figure = draw_task_gains(Canvas(), settings, ["a", "b"], [f"method-{number:06}" for number in range(4)])
    for axes in figure.axes:
        assert {label.get_rotation() for label in axes.get_xticklabels()} == {turned}


def test_the_dark_figure_is_the_light_one_in_other_colours() -> None:
    (_, light), (_, dark) = drawn("curves", Canvas(LIGHT)), drawn("curves", Canvas(DARK))
    pairs = dict(zip(colours(LIGHT), colours(DARK), strict=True))
    assert len(pairs) == len(set(pairs.values())) == len(colours(LIGHT))
    ids = re.compile(r'(id=|xlink:href=|clip-path=)"[^"]*"|<dc:date>.*?</dc:date>')
    swapped = re.sub("#[0-9a-f]{6}", lambda found: pairs[found[0]], ids.sub("", light))
    assert swapped == ids.sub("", dark)


def test_who_listens_may_be_below_zero() -> None:
    figure, text = drawn("listening", Canvas())
    assert "−0.20" in text
    bar = figure.axes[-1]
    assert bar.get_xlim()[0] < 0 < bar.get_xlim()[1]


def test_bars_and_their_errors_are_within_every_panel() -> None:
    settings = {"×1": {"fedavg": [1.0, 1.2]}, "×2": {"fedavg": [-30.0, 10.0]}}
    figure = draw_gains(Canvas(), settings, LOOKS)
    assert len({axes.get_xlim() for axes in figure.axes}) == 1
    assert figure.axes[0].get_xlim()[0] < -30


@pytest.mark.parametrize(
    ("name", "axis"), [("bytes", "y"), ("gains", "y"), ("seconds", "y"), ("task gains", "both"), ("listening", "both")]
)
def test_names_beside_bars_and_cells_have_no_ticks(name: str, axis: str) -> None:
    figure, _ = drawn(name, Canvas())
    axes = figure.axes[0]
    for each in (axes.yaxis, *([axes.xaxis] if axis == "both" else [])):
        assert {tick.tick1line.get_markersize() for tick in each.get_major_ticks()} == {0}


@pytest.mark.parametrize("name", ["bytes", "gains", "seconds"])
def test_bars_do_not_cover_each_other_and_fill_most_of_their_row(name: str) -> None:
    figure, _ = drawn(name, Canvas())
    patches: list[Any] = list(figure.axes[0].patches)
    spans = sorted({(round(bar.get_y(), 6), round(bar.get_y() + bar.get_height(), 6)) for bar in patches})
    assert all(above[1] <= below[0] for above, below in pairwise(spans))
    rows = 1 if name == "gains" else 2
    assert 0.6 * rows < sum(high - low for low, high in spans) < 0.8 * rows


def test_panels_of_alpha_and_beta_have_one_scale_that_holds_all() -> None:
    high = [Curve("a", [1, 2], [0.1, 0.9], [0.0, 0.0], Look(0))]
    figure = line_panels(Canvas(), [Panel("low", LINES[:1]), Panel("high", high)], one_scale=True)
    assert len({axes.get_ylim() for axes in figure.axes}) == 1
    assert figure.axes[1].get_ylim()[1] > 9


def test_no_two_methods_look_alike() -> None:
    names = [*FIXED, *(f"fedhca2+c=0.{digit}" for digit in range(9))]
    found = looks(names)
    assert list(found) == names
    styles = {(look.hue, look.dash % 4) for look in found.values()}
    assert len(styles) == len(names)
    assert found["local"].hue == REFERENCE


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_text_can_be_read(theme: object) -> None:
    def luminance(colour: str) -> float:
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))

    def contrast(one: str, other: str) -> float:
        low, high = sorted((luminance(one), luminance(other)))
        return (high + 0.05) / (low + 0.05)

    assert contrast(theme.ink, theme.surface) > 12  # type: ignore[attr-defined]
    for name in ("muted", "accent"):
        assert contrast(getattr(theme, name), theme.surface) > 4.5  # type: ignore[attr-defined]
        assert contrast(getattr(theme, name), theme.raised) > 4.5  # type: ignore[attr-defined]
    for hue in theme.hues:  # type: ignore[attr-defined]
        assert contrast(hue, theme.surface) > 2.4  # type: ignore[attr-defined]
