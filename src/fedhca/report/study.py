"""All runs of a report together: which settings, methods and seeds there are, and the table they make."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from fedhca.errors import RunFolderError
from fedhca.experiment.compare import Entry
from fedhca.experiment.sections.client_section import ClientSection
from fedhca.experiment.sections.method_section import MethodSection
from fedhca.report.comparison import tasks
from fedhca.report.comparison_table import Table
from fedhca.report.figures.style import Look, looks
from fedhca.report.result import Result
from fedhca.report.run_record import Run

OURS = "fedhca2"
"""The method the paper is about, which stands out in every figure."""

AT_REST = f"{OURS}+alpha=0+beta=0+hyper_learning_rate=0"
"""The same with hyper weights that stay 0: what is left is its groups of equal clients."""


@dataclass(frozen=True)
class Study:
    """What a report is about.

    Attributes:
        every: all runs, those with no round done among them.
        reference: the method that Δm is against.
        pictures: test pictures for each client in the gallery.

    """

    every: tuple[Run, ...]
    reference: str = "local"
    pictures: int = 1

    @classmethod
    def of(cls, entries: Sequence[Entry], reference: str = "local", pictures: int = 1) -> "Study":
        """Read the runs; of two of one method, seed and setting the one that came further.

        Raises:
            RunFolderError: no run did any round.

        """
        furthest: dict[tuple[str, str, int], Run] = {}
        for run in map(Run.of, entries):
            key = (run.setting, run.method, run.seed)
            if key not in furthest or run.done > furthest[key].done:
                furthest[key] = run
        if not any(run.done for run in furthest.values()):
            raise RunFolderError("A report should be of runs with at least one round. Found none. Run them first.")
        return cls(tuple(furthest.values()), reference, pictures)

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """The runs that did a round."""
        return tuple(run for run in self.every if run.done)

    @property
    def settings(self) -> tuple[str, ...]:
        """The settings, in the order of the runs."""
        return tuple(dict.fromkeys(run.setting for run in self.runs))

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods, in the order of the runs."""
        return tuple(dict.fromkeys(run.method for run in self.runs))

    @cached_property
    def words(self) -> dict[str, str]:
        """Each method's name in recipes, with its options: columns may be called otherwise."""
        return {run.method: run.recipe.method.label for run in self.runs}

    @cached_property
    def looks(self) -> dict[str, Look]:
        """The looks of each method."""
        found = looks(self.words.values())
        return {method: found[word] for method, word in self.words.items()}

    def called(self, word: str) -> str:
        """Return what a method of the catalogue is called here; its own name if it is not among the runs."""
        return next((method for method, own in self.words.items() if own == word), word)

    @property
    def ours(self) -> str:
        """What the method of the paper is called here."""
        return self.called(OURS)

    def groups_equal_clients(self, setting: str) -> bool:
        """Whether FedHCA² puts some clients of a setting into one group."""
        kinds, runs = self.kinds(setting), self.of_setting(setting).get(self.ours, [])
        return bool(runs) and len(set(kinds.values())) < len(kinds)

    def groups_alone(self, setting: str) -> str | None:
        """Return what AT_REST is called among the methods of a setting; None if it was not run."""
        rest = MethodSection.model_validate(AT_REST)
        return next((name for name, runs in self.of_setting(setting).items() if runs[0].recipe.method == rest), None)

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds."""
        return tuple(sorted({run.seed for run in self.runs}))

    @property
    def unfinished(self) -> list[Run]:
        """The runs that have rounds to go."""
        return [run for run in self.every if not run.finished]

    @cached_property
    def counted(self) -> tuple[Run, ...]:
        """The runs that enter means: of each setting those on the seeds on which all its methods are finished.

        A method that has no finished run enters with those it has.
        """
        return tuple(run for setting in self.settings for run in _comparable(self.runs, setting))

    @property
    def provisional(self) -> set[tuple[str, str]]:
        """Setting and method of the columns whose runs are not finished."""
        return {(run.setting, run.method) for run in self.counted if not run.finished}

    def of_setting(self, setting: str) -> dict[str, list[Run]]:
        """Return the runs of a setting that enter means, by method."""
        found: dict[str, list[Run]] = {}
        for run in self.counted:
            if run.setting == setting:
                found.setdefault(run.method, []).append(run)
        return found

    def clients(self, setting: str) -> tuple[ClientSection, ...]:
        """Return the clients of a setting."""
        return next(run for run in self.runs if run.setting == setting).recipe.roster

    def kinds(self, setting: str) -> dict[str, str]:
        """Return the kind of each client of a setting."""
        return kinds(self.clients(setting))

    @cached_property
    def table(self) -> Table:
        """Every method's last evaluation."""
        results = [result for run in self.counted if (result := _last(run))]
        return Table(results, tasks([run.entry for run in self.runs]), self.reference, self.provisional)


def _comparable(runs: Sequence[Run], setting: str) -> list[Run]:
    mine = [run for run in runs if run.setting == setting]
    seeds: dict[str, set[int]] = {}
    for run in mine:
        if run.finished:
            seeds.setdefault(run.method, set()).add(run.seed)
    common = set.intersection(*seeds.values()) if seeds else set()
    return [run for run in mine if (not common or run.seed in common if run.finished else run.method not in seeds)]


def _last(run: Run) -> Result | None:
    evaluations = run.evaluations()
    return evaluations[-1][1] if evaluations else None


def kinds(clients: Sequence[ClientSection]) -> dict[str, str]:
    """Return the name of each client's kind.

    >>> kinds([ClientSection(name="a", dataset="nyud", tasks=("depth",))])
    {'a': 'nyud depth'}
    """
    several: dict[str, set[frozenset[str]]] = {}
    for client in clients:
        if len(client.tasks) > 1:
            several.setdefault(client.dataset, set()).add(frozenset(client.tasks))
    return {client.name: _kind(client, len(several.get(client.dataset, ()))) for client in clients}


def _kind(client: ClientSection, different: int) -> str:
    if len(client.tasks) == 1 or different > 1:
        return f"{client.dataset} {' + '.join(sorted(client.tasks))}"
    return f"{client.dataset} multi-task"
