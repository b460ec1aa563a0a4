"""The main finding in a sentence or two, from the numbers alone."""

import math
from statistics import fmean

from fedhca.report.claims import beyond_groups
from fedhca.report.notation import percent
from fedhca.report.study import Study
from fedhca.report.verdict import in_words


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
    return f"{words} Against {study.reference}: {in_words(told)}." if told else words


def _groups(study: Study, setting: str) -> str:
    asked = beyond_groups(study, setting)
    if asked is None:
        return ""
    words, word = asked
    return f"groups of equal clients: {words}; {word or 'so what they alone give is not known'}."


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
