"""The head of the page: what was compared, in a few facts, and the main finding from the numbers alone."""

import math
from collections.abc import Sequence
from statistics import fmean

from fedhca.report.formatting import clock, percent
from fedhca.report.paper_claims import beyond_groups
from fedhca.report.sections.bytes import wall
from fedhca.report.study import Study
from fedhca.report.verdict import verdict_words
from fedhca.server import architecture_group
from fedhca.sharing.model_description import own_version


def facts(study: Study) -> list[tuple[str, str]]:
    """Return name and value of each fact."""
    found = [
        ("methods", ", ".join(study.methods)),
        ("settings", ", ".join(study.settings)),
        ("seeds", ", ".join(map(str, study.seeds))),
        ("rounds", _range([run.recipe.rounds for run in study.runs])),
        ("clients", _range([len(study.clients(setting)) for setting in study.settings])),
        ("data sets", ", ".join(dict.fromkeys(data for run in study.runs for data in run.recipe.datasets))),
        (
            "architectures",
            " ".join(
                dict.fromkeys(
                    line for run in study.runs for line in architecture_group.architecture_lines(run.families)
                )
            ),
        ),
        ("runs", f"{len(study.runs)}, {clock(sum(map(wall, study.runs)))} in all"),
        ("written by", f"fedhca {own_version()}"),
    ]
    return [(name, value) for name, value in found if value]


def notices(study: Study) -> list[tuple[str, list[str]]]:
    """Return what is not as it should be: runs that are not finished, and those that could not be compared."""
    unfinished = [f"{run.name} ({run.done} of {run.recipe.rounds} rounds)" for run in study.unfinished]
    apart = [run.name for run in study.runs if run.finished and run not in study.counted]
    return [("Not finished", unfinished), ("Not in means, which are over the seeds that all methods have", apart)]


def _range(numbers: Sequence[int]) -> str:
    return " / ".join(map(str, dict.fromkeys(numbers)))


def finding(study: Study) -> list[str]:
    """Return one sentence for each setting, and one about its groups of equal clients where there are any."""
    table = study.table
    if not table.results:
        return ["No run was evaluated yet."]
    if not table.has_gain:
        return [f"No run of {study.reference}, the reference of Δm: metrics only."]
    asked = [(setting, ask(study, setting)) for setting in study.settings for ask in (_highest, _groups)]
    return [_sentence(f"{setting}: {words}" if setting else words) for setting, words in asked if words]


def _highest(study: Study, setting: str) -> str:
    found = {
        method: list(study.table.gains(method, setting).values())
        for own, method in study.table.columns
        if own == setting and method != study.reference
    }
    known = {method: values for method, values in found.items() if values and all(map(math.isfinite, values))}
    if not known:
        why = f": a metric is 0 under {study.reference}, or has no value" if any(found.values()) else ""
        return f"Δm not measured{why}."
    method = max(known, key=lambda name: (fmean(known[name]), name == study.ours))  # ties go to the method of the paper
    mark = " (not finished)" if (setting, method) in study.provisional else ""
    told = study.table.verdicts(setting)
    words = f"highest mean Δm beside {study.reference}: {method} {percent(known[method])}{mark}."
    return f"{words} Against {study.reference}: {verdict_words(told)}." if told else words


def _groups(study: Study, setting: str) -> str:
    asked = beyond_groups(study, setting)
    if asked is None:
        return ""
    words, word = asked
    return f"groups of equal clients: {words}; {word or 'so what they alone give is not known'}."


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
