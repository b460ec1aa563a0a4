"""Progress of a run over a network, read from its folder: the journal's rounds and the events between them."""

from pathlib import Path

from rich.console import Console

from fedhca.cli.pace import Pace
from fedhca.engines.events import events
from fedhca.errors import one_line
from fedhca.experiment import journal
from fedhca.experiment.drive import JOURNAL
from fedhca.processes.signals import require_wanted
from fedhca.server import architecture_group


class Progress:
    """Show what is new in a run's folder.

    Args:
        console: where to.
        folder: of the run.
        name: of the run.
        rounds: of the run.
        metrics: whether they are shown after each round that was evaluated.

    """

    def __init__(self, console: Console, folder: Path, name: str, rounds: int, *, metrics: bool = False) -> None:
        self.console, self.folder, self.name, self.rounds, self.metrics = console, folder, name, rounds, metrics
        self.shown, self.pace = len(journal.read_lines(folder / JOURNAL)), Pace(rounds)
        self.told = len(events(folder))
        self.pace.begin(self.shown)
        self.said = False  # who is mixed with whom

    def look(self) -> None:
        """Show rounds and events since the last look."""
        require_wanted()
        for event in events(self.folder, self.told):
            self.told += 1
            if event["what"] == "missing":
                self._say(f"client '{event.get('client')}' did not answer: {one_line(event.get('cause', ''))}")
            if event["what"] == "back":
                self._say(f"client '{event.get('client')}' answers again")
        lines = journal.read_lines(self.folder / JOURNAL)
        self.shown = min(self.shown, len(lines))  # after a death, rounds that no checkpoint covers are made again
        for line in lines[self.shown :]:
            self._round(line)
        self.shown = len(lines)

    def _round(self, line: dict) -> None:
        number, spent = line["round"], line.get("seconds", {})
        left = self.pace.left(number)
        if not self.said:
            for words in architecture_group.architecture_lines(line.get("families", {})):
                self._say(f"note: {words}")
            self.said = True
        losses = [value for tasks in line.get("losses", {}).values() for value in tasks.values() if value is not None]
        loss = f"mean loss {sum(losses) / len(losses):.4f}" if losses else "no losses"
        phases = "  ".join(f"{phase} {value:.1f} s" for phase, value in spent.items() if value >= 0.05)
        ways = [times.get("transport", 0.0) for times in line.get("clients", {}).values()]
        slowest = f"  on the way up to {max(ways):.1f} s" if ways else ""
        self._say(f"round {number}/{self.rounds}  {loss}  {phases}{slowest}  left {left}")
        for client, tasks in line.get("metrics", {}).items() if self.metrics else ():
            values = "  ".join(f"{task} {value:.4g}" for task, value in tasks.items() if value is not None)
            self._say(f"{client}: {values or 'not measured'}", "  ")

    def _say(self, text: str, who: str = "") -> None:
        """Print a line as it is: what a site says of itself is in it, and is no markup."""
        self.console.print(f"{who or self.name}  {text}", highlight=False, markup=False, soft_wrap=True)
