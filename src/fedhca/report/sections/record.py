"""The record: recipes, machines, versions, and the commands that give the numbers again."""

import json
import shlex
from collections.abc import Mapping
from difflib import SequenceMatcher
from typing import Any

from fedhca.config.owner import ELSEWHERE, redacted
from fedhca.experiment.recipes import dump_recipe, to_yaml
from fedhca.experiment.run_folder import ENVIRONMENT
from fedhca.report.formatting import slug
from fedhca.report.report_section import Cell, Grid, Listing, ReportSection
from fedhca.report.run_record import Run
from fedhca.report.study import Study

LEAD = (
    "Everything the numbers depend on. Save each recipe below under the name it bears, then run these lines; on one "
    "kind of machine they give the same numbers."
)
PLACES = f" First put folders of yours where it says {ELSEWHERE}."
Lines = list[str]


def record(study: Study) -> ReportSection:
    """Return machines, commands and recipes; marked are the lines in which recipes differ."""
    groups = _groups(study)
    texts = {name: to_yaml(redacted(dump_recipe(runs[0].recipe))).splitlines() for name, runs in groups.items()}
    first = next(iter(texts.values()))
    recipes = [
        Listing(_marked(lines, first, list(texts.values())), f"{name}.yaml", f"{name}.yaml")
        for name, lines in texts.items()
    ]
    commands = Listing([(line, False) for line in _commands(groups)])
    lead = LEAD + PLACES if any(ELSEWHERE in line for lines in texts.values() for line in lines) else LEAD
    return ReportSection("record", "To have these numbers again", lead, [commands, *recipes, *_machines(study)])


def _groups(study: Study) -> dict[str, list[Run]]:
    """Put runs that differ by their seed alone under one name."""
    found: dict[str, list[Run]] = {}
    for run in study.runs:
        found.setdefault(slug(f"{run.setting} {run.method}".strip()), []).append(run)
    return found


def _commands(groups: Mapping[str, list[Run]]) -> Lines:
    lines = []
    for name, runs in groups.items():
        seeds = [str(run.seed) for run in runs]
        file, out = shlex.quote(f"{name}.yaml"), shlex.quote(f"runs/{name}")
        if len(seeds) == 1:
            lines.append(f"fedhca run {file} --out {out}/seed-{seeds[0]}")
        else:
            each = f"fedhca run {file} --set seed=$seed --out {out}/seed-$seed"
            lines.append(f"for seed in {' '.join(seeds)}; do {each}; done")
    return [*lines, "fedhca report runs"]


def _marked(lines: Lines, first: Lines, every: list[Lines]) -> list[tuple[str, bool]]:
    """Mark the lines that the first recipe has not; in the first, those that some other has not."""
    others = every if lines is first else [first]
    odd = {place for other in others for place in _odd(lines, other)}
    return [(line, place in odd) for place, line in enumerate(lines)]


def _odd(lines: Lines, other: Lines) -> set[int]:
    """Return which lines the other has not."""
    steps = SequenceMatcher(None, other, lines, autojunk=False).get_opcodes()
    return {place for what, _, _, start, stop in steps if what != "equal" for place in range(start, stop)}


def _machines(study: Study) -> list[Grid]:
    """Return one column for each machine and set of versions that took part."""
    found: dict[str, list[Run]] = {}
    for run in study.runs:
        found.setdefault(json.dumps(_environment(run)), []).append(run)
    columns = [json.loads(text) for text in found]
    names = list(dict.fromkeys(name for column in columns for name in column))
    if not names:
        return []
    lines = [[Cell(name), *(Cell(str(column.get(name, "–"))) for column in columns)] for name in names]
    heads = [f"{len(runs)} runs" if len(runs) > 1 else runs[0].name for runs in found.values()]
    return [Grid("Machines and versions.", ["", *heads], [("", lines)], numeric=False, quiet=True)]


def _environment(run: Run) -> dict[str, Any]:
    """Return versions and machine without the time of day; nothing where they were not kept."""
    try:
        facts = json.loads((run.folder.path / ENVIRONMENT).read_text(encoding="utf-8"))
        packages = facts.pop("packages", {})
    except (OSError, ValueError, AttributeError):
        return {}
    return {name: value for name, value in {**facts, **packages}.items() if name != "started" and value is not None}
