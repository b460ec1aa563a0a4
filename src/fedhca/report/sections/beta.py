"""β against rounds, layer by layer and task by task."""

from collections import Counter
from functools import partial

import numpy as np

from fedhca.errors import RunFolderError
from fedhca.report.average import average
from fedhca.report.figures.lines import Curve, Panel, line_panels
from fedhca.report.figures.style import Look
from fedhca.report.formatting import file_suffix, slug
from fedhca.report.report_section import Drawing, ReportSection
from fedhca.report.run_record import Run
from fedhca.report.sections.own_part import own_part
from fedhca.report.study import Study

LEAD = (
    "β says how much each layer of a decoder takes in from the decoders it attends to, itself among them. Layers are "
    "numbered from the encoder (L1) to the head."
)
CAPTION = (
    "β against rounds under {method}: means over seeds and over decoders of one kind. The thick line is the layer next "
    "to the head, its band one standard deviation."
)


def beta(study: Study) -> ReportSection | None:
    """Return one figure for each setting and method that learns β; decoders of one kind share a panel.

    Those that are of several architectures have one for each, numbered as the page's head names them.
    """
    parts = []
    for setting in study.settings:
        for method, runs in study.of_setting(setting).items():
            panels = _panels(study, setting, runs)
            if panels:
                name = f"beta-{slug(method)}{file_suffix(setting)}"
                words = "; ".join(f"{panel.title}: {_ends(panel)}" for panel in panels)
                alt = f"β in the last round under {method}. {words}."
                draw = partial(line_panels, panels=panels, height=1.9, one_scale=True)
                parts.append(Drawing(name, draw, alt, CAPTION.format(method=method), setting))
    if not parts:
        return None
    grids, notes = own_part(study, "decoder", "beta")
    return ReportSection("beta", "How much decoders take in: β", LEAD, [*parts, *grids], notes)


def _panels(study: Study, setting: str, runs: list[Run]) -> list[Panel]:
    notes = [run.notes("decoder", "beta") for run in runs]
    if not any(notes):
        return []
    kinds, kin = study.kinds(setting), runs[0].families.get("decoder", [])
    architecture = {client: number for number, each in enumerate(kin, start=1) for client in each["clients"]}
    decoders = [(_decoder(kinds[client], task), architecture.get(client, 1)) for client, task in runs[0].decoders]
    several = Counter(name for name, _ in set(decoders))
    panels = []
    for decoder in dict.fromkeys(decoders):
        rows = [k for k, each in enumerate(decoders) if each == decoder]
        lines = []
        names = layer_names(runs, rows)
        for layer, name in enumerate(names):
            series = [[(number, values[k, layer]) for number, values in run] for run in notes for k in rows]
            last = layer == len(names) - 1
            lines.append(Curve(name, *average(series), Look(-1 if last else layer, 0 if last else layer, layer), last))
        title, number = decoder
        panels.append(Panel(title if several[title] == 1 else f"{title} · {number}", lines, "β"))
    return panels


def _decoder(kind: str, task: str) -> str:
    return kind if kind.endswith(f" {task}") and "+" not in kind else f"{kind} · {task}"


def layer_names(runs: list[Run], rows: list[int]) -> list[str]:
    """Name the layers of some decoders L1, L2 and so on, with the model's names where a checkpoint is there.

    Decoders of fewer layers than others have no β beyond their last.
    """
    values = next(values[rows] for run in runs for _, values in run.notes("decoder", "beta"))
    count = max(1, int(np.isfinite(values).any(axis=0).sum()))
    client, _ = runs[0].decoders[rows[0]]
    own = next((found for run in runs if (found := _own_names(run, client))), [""] * count)
    names = [f"L{number} {name}".strip() for number, name in enumerate(own[:count], start=1)]
    return [*names[:-1], f"{names[-1]} (next to the head)"]


def _own_names(run: Run, client: str) -> list[str]:
    try:
        return list(run.folder.roster.layouts_of(client)[1].layers) if run.saved else []
    except RunFolderError:
        return []


def _ends(panel: Panel) -> str:
    return ", ".join(f"{line.label} {line.mean[-1]:.3f}" for line in panel.lines if line.mean)
