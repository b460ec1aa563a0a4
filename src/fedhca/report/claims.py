"""What the paper says, held against the runs: each claim with what was measured, and whether it holds."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np

from fedhca.report.notation import percent
from fedhca.report.study import OURS, Study
from fedhca.report.trends import (
    Finding,
    alpha_of_multi,
    alpha_of_single,
    beta_next_to_head,
    beta_of_multi,
    faster_and_better,
)

SAME = (OURS, "official")
"""How the names of its variants begin, which are no rivals."""


@dataclass(frozen=True)
class Claim:
    """A claim of the paper.

    Attributes:
        text: the claim.
        source: where in the paper.
        measured: what the runs show.
        holds: whether it holds; None where it was not measured.

    """

    text: str
    source: str
    measured: str
    holds: bool | None


Check = Callable[[Study, str], Finding]


def claims(study: Study, setting: str) -> list[Claim]:
    """Check every claim about one setting."""
    return [Claim(text, source, *check(study, setting)) for text, source, check in CLAIMS]


def best_gain(study: Study, setting: str) -> Finding:
    """Compare Δm with that of every other method, the reference's 0 among them."""
    found = {m: list(study.table.gains(m, setting).values()) for s, m in study.table.columns if s == setting}
    ours = found.pop(study.ours, [])
    rivals = {method: values for method, values in found.items() if not study.words[method].startswith(SAME)}
    others = {method: values for method, values in rivals.items() if values and np.isfinite(values).all()}
    if not ours or not np.isfinite(ours).all() or not others:
        return f"no Δm of {study.ours}", None
    rival = max(others, key=lambda method: fmean(others[method]))
    theirs = "0, as the reference" if rival == study.reference else percent(others[rival])
    return f"{study.ours} {percent(ours)}, next {rival} {theirs}", fmean(ours) > fmean(others[rival])


def averaging_harms(study: Study, setting: str) -> Finding:
    """Ask whether Δm of FedAvg is below 0."""
    method = study.called("fedavg")
    values = list(study.table.gains(method, setting).values())
    if not values or not np.isfinite(values).all():
        return "no Δm of fedavg", None
    return f"{method} {percent(values)}", fmean(values) < 0


CLAIMS: Sequence[tuple[str, str, Check]] = (
    ("FedHCA² has the best Δm of all methods.", "Tables\xa01,\xa02", best_gain),
    ("One average for all (FedAvg) is worse than training alone.", "Tables\xa01,\xa02", averaging_harms),
    ("FedHCA² converges faster, and to a better result, on several metrics.", "Fig.\xa04", faster_and_better),
    ("α of single-task clients rises throughout.", "Fig.\xa06", alpha_of_single),
    ("α of the multi-task client peaks, then falls.", "Fig.\xa06", alpha_of_multi),
    ("The decoder's layer next to the head takes in least.", "Fig.\xa07", beta_next_to_head),
    ("The multi-task client's decoders take in from others to the end.", "Fig.\xa07", beta_of_multi),
)


def more_clients(study: Study) -> Claim | None:
    """Check the claim about ever more clients, where settings differ by the number of clients of the same kinds."""
    counts = [len(study.clients(setting)) for setting in study.settings]
    same = len({frozenset(study.kinds(setting).values()) for setting in study.settings}) == 1
    if len(counts) < 2 or counts != sorted(set(counts)) or not same or not study.table.has_gain:
        return None
    text = "FedHCA² gains with the number of clients, the others lose."
    ends = {
        method: (_mean_gain(study, study.settings[0], method), _mean_gain(study, study.settings[-1], method))
        for method in study.methods
        if method != study.reference
    }
    known = {method: pair for method, pair in ends.items() if all(map(math.isfinite, pair))}
    if study.ours not in known or len(known) < 2:
        return Claim(text, "Fig.\xa05", "no Δm at both ends", None)
    words = "; ".join(f"{method} {first:+.2f} → {last:+.2f} %" for method, (first, last) in known.items())
    holds = all((last > first) == (method == study.ours) for method, (first, last) in known.items())
    return Claim(text, "Fig.\xa05", words.replace("-", "−"), holds)


def _mean_gain(study: Study, setting: str, method: str) -> float:
    values = list(study.table.gains(method, setting).values())
    return fmean(values) if values else math.nan
