"""What the paper says of methods, asked of these runs: what was measured, and a verdict over the seeds."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from fedhca.report.convergence import rounds_earlier
from fedhca.report.notation import percent
from fedhca.report.study import AT_REST, OURS, Study
from fedhca.report.verdict import Verdict, Word, in_words, verdicts

SAME = (OURS, "official")
"""How the names of its variants begin, which are no rivals."""


@dataclass(frozen=True)
class Claim:
    """A claim of the paper.

    Attributes:
        text: the claim.
        source: where in the paper.
        measured: what the runs show.
        word: the verdict; None where it was not measured.

    """

    text: str
    source: str
    measured: str
    word: Word | None


Finding = tuple[str, Word | None]
"""What was measured, and the verdict."""
Check = Callable[[Study, str], Finding | None]
"""None where there is nothing to ask."""


def claims(study: Study, setting: str) -> list[Claim]:
    """Check every claim about one setting."""
    found = [(text, source, check(study, setting)) for text, source, check in CLAIMS]
    return [Claim(text, source, *finding) for text, source, finding in found if finding]


def best_gain(study: Study, setting: str) -> Finding:
    """Hold Δm against that of every other method, and of the reference: better if than all, worse if than any."""
    methods = [
        method for own, method in study.table.columns if own == setting and (own, method) not in study.provisional
    ]
    rivals = [method for method in methods if not study.words[method].startswith(SAME)]
    if study.ours not in methods or not rivals or not study.table.has_gain:
        return f"no Δm of {study.ours}", None
    found = _against(study, setting, rivals)
    words = {verdict.word for verdict in found.values()}
    word: Word = "better" if words == {"better"} else "worse" if "worse" in words else "not told apart"
    return f"{study.ours} {_gain(study, setting, study.ours)}; {in_words(found)}", word


def averaging_harms(study: Study, setting: str) -> Finding:
    """Hold Δm of FedAvg against 0."""
    method = study.called("fedavg")
    verdict = study.table.verdicts(setting).get(method)
    if verdict is None or math.isnan(verdict.mean):
        return "no Δm of fedavg", None
    return f"{method} {_gain(study, setting, method)}, {_interval(verdict)}", verdict.word


def converges_faster(study: Study, setting: str) -> Finding:
    """Count the rounds by which it is earlier at the reference's last values."""
    earlier = rounds_earlier(study, setting)
    if not earlier:
        return "fewer than three evaluations", None
    (verdict,) = verdicts([earlier])
    words = f"{abs(verdict.mean):.1f} rounds {'earlier' if verdict.mean >= 0 else 'later'}"
    return f"{words} at the last value of {study.reference}, mean over metrics; {_interval(verdict)}", verdict.word


def beyond_groups(study: Study, setting: str) -> Finding | None:
    """Hold Δm against that of the groups of equal clients alone; nothing to ask where no two clients are equal."""
    if not study.groups_equal_clients(setting) or not study.table.verdicts(setting).get(study.ours):
        return None
    alone = study.groups_alone(setting)
    if alone is None:
        return f"{AT_REST} was not run", None
    (verdict,) = _against(study, setting, [alone]).values()
    words = f"{alone} {_gain(study, setting, alone)}, {study.ours} {_gain(study, setting, study.ours)}"
    return f"{words}, difference {_interval(verdict)}", verdict.word


CLAIMS: Sequence[tuple[str, str, Check]] = (
    ("FedHCA² has the best Δm of all methods.", "Tables\xa01,\xa02", best_gain),
    ("FedHCA² has a better Δm than its groups of equal clients alone.", "not asked", beyond_groups),
    ("One average for all (FedAvg) is worse than training alone.", "Tables\xa01,\xa02", averaging_harms),
    ("FedHCA² converges faster than training alone.", "Fig.\xa04", converges_faster),
)


def more_clients(study: Study) -> Claim | None:
    """Check the claim about ever more clients, where settings differ by the number of clients of the same kinds."""
    counts = [len(study.clients(setting)) for setting in study.settings]
    same = len({frozenset(study.kinds(setting).values()) for setting in study.settings}) == 1
    if len(counts) < 2 or counts != sorted(set(counts)) or not same or not study.table.has_gain:
        return None
    first, *_, last = study.settings
    methods = [
        method
        for method in study.methods
        if method != study.reference and not {(first, method), (last, method)} & study.provisional
    ]
    changes = {method: _differences(study, (last, method), (first, method)) for method in methods}
    known = {method: values for method, values in changes.items() if values and all(map(math.isfinite, values))}
    text, source = "Δm of FedHCA² grows with the number of clients, that of others falls.", "Fig.\xa05"
    if study.ours not in known:
        return Claim(text, source, "no Δm at both ends", None)
    found = dict(zip(known, verdicts([*known.values()]), strict=True))
    return Claim(text, source, f"{first} to {last}: {in_words(found)}", found[study.ours].word)


def _against(study: Study, setting: str, rivals: Sequence[str]) -> Mapping[str, Verdict]:
    """Hold Δm against that of each of some methods."""
    compared = [_differences(study, (setting, study.ours), (setting, rival)) for rival in rivals]
    return dict(zip(rivals, verdicts(compared), strict=True))


def _differences(study: Study, one: tuple[str, str], other: tuple[str, str]) -> list[float]:
    """Return Δm of one setting and method less that of another, on each seed that both have."""
    (mine, theirs) = (study.table.gains(method, setting) for setting, method in (one, other))
    return [mine[seed] - theirs[seed] for seed in mine if seed in theirs]


def _interval(verdict: Verdict) -> str:
    return f"95\xa0%: {verdict.interval}" if verdict.seeds > 1 else verdict.interval


def _gain(study: Study, setting: str, method: str) -> str:
    return percent(list(study.table.gains(method, setting).values()))
