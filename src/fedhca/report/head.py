"""The head of the page: what was compared, in a few facts."""

from collections.abc import Sequence

from fedhca.report.notation import clock
from fedhca.report.sections.bytes import wall
from fedhca.report.study import Study
from fedhca.server.family import in_words
from fedhca.sharing.description import own_version


def facts(study: Study) -> list[tuple[str, str]]:
    """Return name and value of each fact."""
    found = [
        ("methods", ", ".join(study.methods)),
        ("settings", ", ".join(study.settings)),
        ("seeds", ", ".join(map(str, study.seeds))),
        ("rounds", _range([run.recipe.rounds for run in study.runs])),
        ("clients", _range([len(study.clients(setting)) for setting in study.settings])),
        ("data sets", ", ".join(dict.fromkeys(data for run in study.runs for data in run.recipe.datasets))),
        ("architectures", " ".join(dict.fromkeys(line for run in study.runs for line in in_words(run.families)))),
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
