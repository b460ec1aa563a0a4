"""What is seen while a run goes on: a progress bar at a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column

from fedhca.cli.pace import UNKNOWN, Pace
from fedhca.client.training import Step
from fedhca.experiment.run import run
from fedhca.experiment.run_folder import RunFolder
from fedhca.processes.signals import require_wanted
from fedhca.server.state import Round
from fedhca.wire.messages import Missing

SILENCE = 15.0
"""Seconds without a line after which, where there is no bar, a line says how far training has come."""


class Screen:
    """Show the progress of one run.

    Args:
        console: where to.
        title: of the run: its method and seed.
        rounds: of the run.
        clients: names, in the order in which they train.
        detail: whether metrics and the seconds of each phase are shown after each round.

    """

    def __init__(
        self, console: Console, title: str, rounds: int, clients: Sequence[str], *, detail: bool = False
    ) -> None:
        self.console, self.title, self.rounds, self.clients = console, title, rounds, list(clients)
        self.detail, self.pace, self.spoke = detail, Pace(rounds), time.perf_counter()
        self.bar = Progress(
            TextColumn("[bold]{task.description}", table_column=Column(no_wrap=True)),
            BarColumn(bar_width=24),
            TimeElapsedColumn(),
            TextColumn("left {task.fields[left]}", table_column=Column(no_wrap=True)),
            TextColumn("[dim]{task.fields[now]}", table_column=Column(no_wrap=True, ratio=1)),
            console=console,
            disable=not console.is_terminal or console.quiet,
            transient=True,
            expand=True,
        )
        self.task = self.bar.add_task(title, total=rounds, now="reading data", left=UNKNOWN)

    def __enter__(self) -> "Screen":
        self.bar.start()
        return self

    def __exit__(self, *reason: object) -> None:
        if not self.bar.disable:  # which older versions of rich end with an empty line all the same
            self.bar.stop()

    def step(self, step: Step) -> None:
        """Show one training step."""
        require_wanted()
        losses = "  ".join(f"{task} {value:.3f}" for task, value in step.losses.items())
        now = f"round {step.round + 1}/{self.rounds}  {step.client} {step.step}/{step.steps}  {losses}"
        self.pace.begin(step.round)
        done = step.round + (self.clients.index(step.client) + step.step / step.steps) / len(self.clients)
        self.bar.update(self.task, completed=done, now=now, left=self.pace.left(done))
        if not self.console.is_terminal and time.perf_counter() - self.spoke > SILENCE:
            self._say(f"{self.title}  {now}")

    def missing(self, missing: Missing) -> None:
        """Show a reply that did not come, or does not count, at once."""
        self._say(f"{self.title}  client '{missing.client}' did not answer: {missing.cause}")

    def round(self, round_: Round) -> None:
        """Show a finished round in one line, and more if it is wanted."""
        require_wanted()
        self.pace.begin(round_.number - 1)
        left = self.pace.left(round_.number)
        self.bar.update(self.task, completed=round_.number, left=left)
        losses = [value for tasks in round_.losses.values() for value in tasks.values()]
        mean = f"mean loss {sum(losses) / len(losses):.4f}" if losses else "no losses"
        phases = "  ".join(f"{phase} {value:.1f} s" for phase, value in round_.seconds.items() if value >= 0.05)
        seconds = phases if self.detail else f"{sum(round_.seconds.values()):.1f} s"
        self._say(f"{self.title}  round {round_.number}/{self.rounds}  {mean}  {seconds}  left {left}")
        for client, tasks in round_.metrics.items() if self.detail else ():
            values = "  ".join(f"{task} {value:.4g}" for task, value in tasks.items())
            self._say(f"    {client}: {values}")

    def _say(self, line: str) -> None:
        """Print a line as it is: what a client says of itself may be in it, and is no markup."""
        self.console.print(line, highlight=False, markup=False, soft_wrap=True)
        self.spoke = time.perf_counter()


def follow(
    folder: RunFolder, console: Console, after: Callable[[], object] = lambda: None, *, detail: bool = False
) -> None:
    """Run to the end, from where the folder is, showing progress; call `after` after each round."""
    recipe = folder.recipe
    name = f"{recipe.method.name} seed {recipe.seed}"
    if folder.finished and folder.whole:
        console.print(f"{name}: finished before, nothing to do", highlight=False)
        return
    screen = Screen(console, name, recipe.rounds, [client.name for client in recipe.roster], detail=detail)
    with screen:
        for round_ in run(recipe, out=folder.path, on_step=screen.step, tell=screen.missing):
            screen.round(round_)
            after()
    console.print(f"{name}: {recipe.rounds} rounds done; everything is in {folder.path}", highlight=False)
