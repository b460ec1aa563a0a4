"""What a federation over a network says beside: where each client's time went, and who did not answer."""

from statistics import fmean

from fedhca.report.report_section import Cell, Grid, ReportSection
from fedhca.report.run_record import Run
from fedhca.report.study import Study

LEAD = (
    "Seconds of a round in which a client trained, its messages were on their way there and back, and its answer "
    "waited for the last of the others; and every answer that did not come, or was of no use."
)
PARTS = {"train": "training", "transport": "on the way", "waiting": "waiting"}


def sites(study: Study) -> ReportSection | None:
    """Return the section, if messages had a way to go or an answer was missing."""
    parts = [part for part in (_times(study), _missing(study)) if part is not None]
    return ReportSection("sites", "Between sites", LEAD, parts) if parts else None


def _times(study: Study) -> Grid | None:
    """Return mean seconds a round by run and client; of runs whose messages had a way to go."""
    groups = []
    for run in study.runs:
        lines = [line.get("clients", {}) for line in run.journal]
        if any(times.get("transport") for line in lines for times in line.values()):
            clients = dict.fromkeys(name for line in lines for name in line)
            groups.append((_title(run, study), [_client(name, lines) for name in clients]))
    head = ["client", *PARTS.values()]
    return Grid("Where each client's time went, mean of all rounds.", head, groups) if groups else None


def _client(name: str, lines: list[dict[str, dict[str, float | None]]]) -> list[Cell]:
    found = [line[name] for line in lines if name in line]
    return [Cell(name), *(Cell(_mean([times[part] for times in found])) for part in PARTS)]


def _mean(seconds: list[float | None]) -> str:
    known = [each for each in seconds if each is not None]
    return f"{fmean(known):.1f} s" if known else "–"


def _missing(study: Study) -> Grid | None:
    """Return one line for each answer that was missing."""
    groups = []
    for run in study.runs:
        lines = [
            [Cell(client), Cell(str(line["round"])), Cell(phase), Cell(cause)]
            for line in run.journal
            for phase, causes in line.get("missing", {}).items()
            for client, cause in causes.items()
        ]
        if lines:
            groups.append((_title(run, study), lines))
    head = ["client", "round", "phase", "why"]
    return Grid("Answers that were missing, or of no use.", head, groups, numeric=False) if groups else None


def _title(run: Run, study: Study) -> str:
    setting = f"{run.setting} " if len(study.settings) > 1 else ""
    return f"{setting}{run.method}, seed {run.seed}"
