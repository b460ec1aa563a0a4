"""The table: every metric under every method, Δm last."""

from fedhca.report.comparison_table import arrow, unit_of
from fedhca.report.formatting import printed
from fedhca.report.report_section import Cell, Grid, ReportSection
from fedhca.report.study import Study

LEAD = (
    "Mean ± standard deviation over seeds, after the last round. Bold is the best mean of its line, underlined the "
    "second best, whether or not they can be told apart."
)


def table(study: Study) -> ReportSection | None:
    """Return the table with its values to take away, or nothing where no run was evaluated."""
    found = study.table
    if not found.results:
        return None
    downloads = [("table.csv", "text/csv", found.csv()), ("table.md", "text/markdown", found.markdown())]
    head = [method + " †" * ((setting, method) in study.provisional) for setting, method in found.columns]
    over = [(name, sum(setting == name for setting, _ in found.columns)) for name in found.settings]
    grid = Grid(
        found.caption.replace("`", ""),
        ["metric", *head],
        _groups(study),
        over if any(found.settings) else (),
        downloads,
    )
    return ReportSection("table", "Metrics", LEAD, [grid], _notes(study))


def _groups(study: Study) -> list[tuple[str, list[list[Cell]]]]:
    """Put the lines of one data set together, Δm last."""
    found = study.table
    names = [(data, name, f"{task.metric} {unit_of(task)} {arrow(task)}") for (data, name), task in found.shown.items()]
    names += [("all data sets", "Δm", "% ↑")] if found.has_gain else []
    groups: dict[str, list[list[Cell]]] = {}
    for (data, name, measure), (_, *cells), places in zip(names, found.rows(), found.ranked(), strict=True):
        line = [_cell(printed(cell), place) for cell, place in zip(cells, places, strict=True)]
        groups.setdefault(data, []).append([Cell(name, note=measure), *line])
    return list(groups.items())


def _cell(text: str, place: int) -> Cell:
    """Set the deviation smaller than the mean: tables have many columns."""
    mean, sign, deviation = text.partition(" ± ")
    return Cell(mean, place, note=f"{sign.strip()} {deviation}" if deviation else "")


def _notes(study: Study) -> list[str]:
    notes = [
        f"† {run.name} is not finished ({run.done} of {run.recipe.rounds} rounds): its last evaluation, not ranked."
        for run in study.counted
        if not run.finished
    ]
    hidden = study.table.tasks.keys() - study.table.shown.keys()
    if hidden:
        names = ", ".join(sorted(" ".join(column) for column in hidden))
        notes.append(f"Metrics that not every run has are in the CSV only, and not in Δm: {names}.")
    return notes
