"""What is seen while a run goes on: a progress bar at a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from fedhca.client.training import Step
from fedhca.experiment.run_folder import RunFolder
from fedhca.messages import Missing
from fedhca.server.rounds import Round

SILENCE = 15.0
"""Seconds without a line after which, where there is no bar, a line says how far training has come."""


class Screen:
    """Show the progress of one run.

    Args:
        console: where to.
        title: of the run: its method and seed.
        rounds: of the run.
        clients: names, in the order in which they train.

    """

    def __init__(self, console: Console, title: str, rounds: int, clients: Sequence[str]) -> None:
        self.console, self.title, self.rounds, self.clients = console, title, rounds, list(clients)
        self.began = time.perf_counter()
        self.spoke = self.began
        self.behind: int | None = None
        self.bar = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("[dim]{task.fields[now]}"),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self.task = self.bar.add_task(title, total=rounds, now="")

    def __enter__(self) -> "Screen":
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def step(self, step: Step) -> None:
        """Show one training step."""
        losses = "  ".join(f"{task} {value:.3f}" for task, value in step.losses.items())
        now = f"round {step.round + 1}/{self.rounds}  {step.client} {step.step}/{step.steps}  {losses}"
        trained = self.clients.index(step.client) + step.step / step.steps
        self.bar.update(self.task, completed=step.round + trained / len(self.clients), now=now)
        if not self.console.is_terminal and time.perf_counter() - self.spoke > SILENCE:
            self._say(f"{self.title}  {now}")

    def missing(self, missing: Missing) -> None:
        """Show a reply that did not come, or does not count, at once."""
        self._say(f"{self.title}  client '{missing.client}' did not answer: {missing.cause}")

    def round(self, round_: Round) -> None:
        """Show a finished round in one line, and its metrics if it was evaluated."""
        self.bar.update(self.task, completed=round_.number)
        if self.behind is None:
            self.behind = round_.number - 1  # a resumed run has rounds behind it that took no time now
        each = (time.perf_counter() - self.began) / (round_.number - self.behind)
        left = timedelta(seconds=round(each * (self.rounds - round_.number)))
        losses = [value for tasks in round_.losses.values() for value in tasks.values()]
        mean = f"mean loss {sum(losses) / len(losses):.4f}" if losses else "no losses"
        seconds = "  ".join(f"{phase} {value:.1f} s" for phase, value in round_.seconds.items() if value >= 0.05)
        line = f"{self.title}  round {round_.number}/{self.rounds}  {mean}  {seconds}  left {left}"
        self._say(line)
        for client, tasks in round_.metrics.items():
            self._say(f"    {client}: {_values(tasks)}")

    def _say(self, line: str) -> None:
        self.console.print(line, highlight=False, soft_wrap=True)
        self.spoke = time.perf_counter()


def _values(tasks: Mapping[str, float]) -> str:
    return "  ".join(f"{task} {value:.4g}" for task, value in tasks.items())


def follow(
    folder: RunFolder, console: Console, title: str | None = None, after: Callable[[], object] = lambda: None
) -> None:
    """Run to the end, from where the folder is, showing progress; call `after` after each round."""
    recipe = folder.recipe
    name = title or f"{recipe.method.name} seed {recipe.seed}"
    if folder.finished and folder.whole:
        console.print(f"{name}: finished before, nothing to do", highlight=False)
        return
    screen = Screen(console, name, recipe.rounds, [client.name for client in recipe.roster])
    with screen:
        for round_ in folder.go(screen.step, screen.missing):
            screen.round(round_)
            after()
    console.print(f"{name}: {recipe.rounds} rounds done; everything is in {folder.path}", highlight=False)
