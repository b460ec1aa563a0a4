"""What is seen while a run goes on: a progress bar at a terminal, plain lines elsewhere."""

import time
from collections.abc import Mapping
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from fedhca.client.training import Step
from fedhca.server.rounds import Round


class Screen:
    """Show the progress of one run.

    Args:
        console: where to.
        title: of the run: its method and seed.
        rounds: of the run.
        steps: training steps of all clients in one round; the time left is reckoned from them.
        done: rounds done before, when a run goes on.

    """

    def __init__(self, console: Console, title: str, rounds: int, steps: int, done: int = 0) -> None:
        self.console, self.title, self.rounds, self.steps = console, title, rounds, steps
        self.began, self.first = time.perf_counter(), done
        self.bar = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("[dim]{task.fields[now]}"),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self.task = self.bar.add_task(title, total=rounds * steps, completed=done * steps, now="")

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
        self.bar.update(self.task, advance=1, now=now)

    def round(self, round_: Round) -> None:
        """Show a finished round in one line, and its metrics if it was evaluated."""
        self.bar.update(self.task, completed=round_.number * self.steps)
        done = round_.number - self.first
        left = (time.perf_counter() - self.began) / done * (self.rounds - round_.number)
        losses = [value for tasks in round_.losses.values() for value in tasks.values()]
        mean = f"mean loss {sum(losses) / len(losses):.4f}" if losses else "no losses"
        seconds = "  ".join(f"{phase} {value:.1f} s" for phase, value in round_.seconds.items() if value >= 0.05)
        line = f"{self.title}  round {round_.number}/{self.rounds}  {mean}  {seconds}  left {_clock(left)}"
        self.console.print(line, highlight=False, soft_wrap=True)
        for client, tasks in round_.metrics.items():
            self.console.print(f"    {client}: {_values(tasks)}", highlight=False, soft_wrap=True)


def _values(tasks: Mapping[str, float]) -> str:
    return "  ".join(f"{task} {value:.4g}" for task, value in tasks.items())


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"
