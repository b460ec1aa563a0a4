"""α against rounds, client by client."""

from functools import partial

from fedhca.report.average import average
from fedhca.report.figures.lines import Curve, Panel, line_panels
from fedhca.report.figures.style import Look
from fedhca.report.formatting import file_suffix
from fedhca.report.report_section import Drawing, ReportSection
from fedhca.report.run_record import Run
from fedhca.report.sections.own_part import own_part
from fedhca.report.study import Study

LEAD = (
    "α says how much of the common direction, made of all clients' updates, a client adds to its encoder. It starts "
    "the same for all and is learnt round by round."
)
SINGLE = 8
"""Up to so many clients each has its own line; beyond, each kind of client."""


def alpha(study: Study) -> ReportSection | None:
    """Return one figure for each setting, a panel for each method that learns α."""
    parts = []
    for setting in study.settings:
        panels = [
            panel
            for method, runs in study.of_setting(setting).items()
            if (panel := _panel(study, setting, method, runs))
        ]
        if panels:
            words = "; ".join(f"{panel.title}: {_ends(panel)}" for panel in panels)
            caption = "α against rounds; bands are one standard deviation over seeds."
            alt = f"α from first to last round. {words}."
            draw = partial(
                line_panels, panels=panels, height=2.7, columns=2, bands=len(panels[0].lines), one_scale=True
            )
            parts.append(Drawing(f"alpha{file_suffix(setting)}", draw, alt, caption, setting))
    if not parts:
        return None
    grids, notes = own_part(study, "encoder", "alpha")
    return ReportSection("alpha", "How much encoders take in: α", LEAD, [*parts, *grids], notes)


def _panel(study: Study, setting: str, method: str, runs: list[Run]) -> Panel | None:
    notes = [run.notes("encoder", "alpha") for run in runs]
    if not any(notes):
        return None
    kinds = study.kinds(setting)
    hues = {kind: place for place, kind in enumerate(dict.fromkeys(kinds.values()))}
    names = list(kinds) if len(kinds) <= SINGLE else list(hues)
    lines: list[Curve] = []
    for name in names:
        members = [i for i, (client, kind) in enumerate(kinds.items()) if name in (client, kind)]
        series = [[(number, values[i]) for number, values in run] for run in notes for i in members]
        kind = kinds.get(name, name)
        twin = sum(line.look.hue == hues[kind] for line in lines)
        lines.append(Curve(name, *average(series), Look(hues[kind], twin, hues[kind] + 3 * twin)))
    return Panel(method, lines, "α")


def _ends(panel: Panel) -> str:
    return ", ".join(f"{line.label} {line.mean[0]:.3f} to {line.mean[-1]:.3f}" for line in panel.lines if line.mean)
