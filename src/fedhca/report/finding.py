"""The main finding in a sentence, from the numbers alone."""

import math
from statistics import fmean

from fedhca.report.notation import percent
from fedhca.report.study import Study


def finding(study: Study) -> list[str]:
    """Return one sentence for each setting."""
    table = study.table
    if not table.results:
        return ["No run was evaluated yet."]
    if not table.has_gain:
        return [f"No run of {study.reference}, the reference of Δm: metrics only."]
    return [_best(study, setting) for setting in study.settings]


def _best(study: Study, setting: str) -> str:
    found = {
        method: list(study.table.gains(method, setting).values())
        for own, method in study.table.columns
        if own == setting and method != study.reference
    }
    known = {method: values for method, values in found.items() if values and all(map(math.isfinite, values))}
    where = f"{setting}: " if setting else ""
    if not known:
        why = f": a metric is 0 under {study.reference}, or has no value" if any(found.values()) else ""
        return _sentence(f"{where}Δm not measured{why}.")
    method = max(known, key=lambda name: (fmean(known[name]), name == study.ours))  # ties go to the method of the paper
    values = known[method]
    above = sum(value > 0 for value in values)
    seeds = f"above {study.reference} on {above} of {len(values)} seeds" if len(values) > 1 else "one seed"
    mark = " (not finished)" if (setting, method) in study.provisional else ""
    start = "best Δm" if fmean(values) > 0 else f"no method is above {study.reference}; best Δm"
    return _sentence(f"{where}{start}: {method} {percent(values)}{mark}; {seeds}.")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
