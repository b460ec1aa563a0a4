"""What the paper says of methods, asked of these runs: what was measured, and a verdict over the seeds."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from fedhca.report.formatting import percent
from fedhca.report.run_record import Run, pick
from fedhca.report.study import AT_REST, OURS, Study
from fedhca.report.verdict import Verdict, Word, verdict_words, verdicts

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


def judge_claims(study: Study, setting: str) -> list[Claim]:
    """Check every claim about one setting."""
    found = [(text, source, check(study, setting)) for text, source, check in CLAIMS]
    return [Claim(text, source, *finding) for text, source, finding in found if finding]


def best_gain(study: Study, setting: str) -> Finding:
    """Hold Δm against that of the reference, of every other method, and of its groups of equal clients alone."""
    told = study.table.verdicts(setting)
    if study.ours not in told:
        return f"no Δm of {study.ours}", None
    others = [method for method in told if not study.words[method].startswith(SAME)]
    found = _against(study, setting, [study.reference, *others, *_alone(study, setting)])
    return f"{study.ours} {_gain(study, setting, study.ours)}; {verdict_words(found)}", _over_all(found)


def averaging_harms(study: Study, setting: str) -> Finding:
    """Hold Δm of FedAvg against 0."""
    method = study.called("fedavg")
    verdict = study.table.verdicts(setting).get(method)
    if verdict is None:
        return "no Δm of fedavg", None
    return f"{method} {_gain(study, setting, method)}, {_interval(verdict)}", verdict.word


def converges_faster(study: Study, setting: str) -> Finding:
    """Count the rounds by which it is earlier than the reference, and than its groups alone."""
    rivals = [study.reference, *_alone(study, setting)] if study.ours in study.table.verdicts(setting) else []
    earlier = {rival: rounds_earlier(study, setting, rival) for rival in rivals}
    if not all(earlier.values()) or not earlier:
        return "fewer than three evaluations", None
    found = dict(zip(earlier, verdicts([*earlier.values()]), strict=True))
    first = found[study.reference]
    words = f"{abs(first.mean):.1f} rounds {'earlier' if first.mean >= 0 else 'later'}"
    return f"{words} at the last value of {study.reference}, mean over metrics; {verdict_words(found)}", _over_all(
        found
    )


def beyond_groups(study: Study, setting: str) -> Finding | None:
    """Hold Δm against that of the groups of equal clients alone; nothing to ask where no two clients are equal."""
    if not study.groups_equal_clients(setting) or study.ours not in study.table.verdicts(setting):
        return None
    found = _against(study, setting, _alone(study, setting))
    if not found:
        return f"{AT_REST} was not run", None
    ((alone, verdict),) = found.items()
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
    if len(counts) < 2 or counts != sorted(set(counts)) or not same:
        return None
    first, *_, last = study.settings
    methods = [method for method in study.table.verdicts(first) if method in study.table.verdicts(last)]
    text, source = "Δm of FedHCA² grows with the number of clients, that of others falls.", "Fig.\xa05"
    if study.ours not in methods:
        return Claim(text, source, "no Δm at both ends", None)
    changes = [_differences(study, (last, method), (first, method)) for method in methods]
    found = dict(zip(methods, verdicts(changes), strict=True))
    return Claim(text, source, f"{first} to {last}: {verdict_words(found)}", found[study.ours].word)


def _alone(study: Study, setting: str) -> list[str]:
    """Return the method that is nothing but the groups of equal clients, where there are any and it was run."""
    name = study.groups_alone(setting) if study.groups_equal_clients(setting) else None
    return [name] if name in study.table.verdicts(setting) else []


def _over_all(found: Mapping[str, Verdict]) -> Word:
    """Return better if it is better than all, worse if it is worse than any."""
    words = {verdict.word for verdict in found.values()}
    return "better" if words == {"better"} else "worse" if "worse" in words else "not told apart"


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


FEW = 3
"""Evaluations below which nothing is fast or slow."""


def rounds_earlier(study: Study, setting: str, rival: str) -> list[float]:
    """Return for each seed by how many rounds FedHCA² is earlier than a rival at the last values of the reference.

    The mean over metrics. What is never reached counts as reached in the round after the last.
    """
    runs = study.of_setting(setting)
    ours, theirs, goals = (
        {run.seed: run for run in runs.get(name, [])} for name in (study.ours, rival, study.reference)
    )
    seeds = sorted(ours.keys() & theirs.keys() & goals.keys())
    found = [_reached(study, theirs[k], goals[k]) - _reached(study, ours[k], goals[k]) for k in seeds]
    return [value for value in found if math.isfinite(value)]


def _reached(study: Study, run: Run, reference: Run) -> float:
    """Return the round in which a run is as good as the reference at its end; NaN after fewer than FEW evaluations."""
    rounds = []
    for column, task in study.table.shown.items():
        series, goals = (pick(each.evaluations(), column) for each in (run, reference))
        if min(len(series), len(goals)) >= FEW:
            sign, goal = (1 if task.higher_is_better else -1), goals[-1][1]
            rounds.append(next((number for number, value in series if sign * (value - goal) >= 0), series[-1][0] + 1))
    return fmean(rounds) if rounds else math.nan
