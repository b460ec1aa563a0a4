"""From the journal of a run to its trackers."""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from fedhca.errors import FedhcaError, RecipeError, unknown
from fedhca.experiment.run_folder import RunFolder
from fedhca.trackers.scalars import scalars
from fedhca.trackers.tensorboard import tensorboard
from fedhca.trackers.tracker import Tracker
from fedhca.trackers.wandb import wandb

TRACKERS: Mapping[str, Tracker] = {"tensorboard": tensorboard, "wandb": wandb}
"""By the names that the command knows."""


def require_known(names: Sequence[str]) -> None:
    """Raise RecipeError if a tracker does not exist."""
    for name in names:
        if name not in TRACKERS:
            raise RecipeError(unknown("tracker", name, TRACKERS))


@contextmanager
def feeding(
    folder: RunFolder, names: Sequence[str], tell: Callable[[str], object] = warnings.warn
) -> Iterator[Callable[[], None]]:
    """Open trackers for a run, and yield what hands them the lines of its journal that they have not had yet.

    At the end, however it comes, they get the rest. So all rounds are in them, and each is in them once.

    Args:
        folder: of the run.
        names: of the trackers.
        tell: is given one line when a tracker breaks, which is then left alone: a run must not stop for it.

    Raises:
        RecipeError: a tracker does not exist.
        FedhcaError: a tracker cannot be opened, such as where its package is not installed.

    """
    require_known(names)
    done = 0
    with ExitStack() as stack:
        writes = [stack.enter_context(_sturdy(name, folder, tell)) for name in dict.fromkeys(names)]

        def catch_up() -> None:
            nonlocal done
            for line in folder.journal[done:] if writes else ():
                for write in writes:
                    write(line)
                done += 1

        stack.callback(catch_up)
        yield catch_up


@contextmanager
def _sturdy(
    name: str, folder: RunFolder, tell: Callable[[str], object]
) -> Iterator[Callable[[Mapping[str, Any]], None]]:
    """Open a tracker, and yield what writes a line of the journal to it; once open, what breaks in it is told once."""
    clients = {client.name: client.tasks for client in folder.recipe.roster}
    with ExitStack() as stack:
        try:
            inner = stack.enter_context(TRACKERS[name](folder))
        except FedhcaError:
            raise
        except Exception as error:  # those of programs that are not ours
            raise FedhcaError(f"Tracker '{name}' should open. Found: {error}. Mend that, or do without it.") from error
        broken = False

        def broke(error: Exception) -> None:
            nonlocal broken
            if not broken:
                broken = True
                again = f"`fedhca track {folder.path} --to {name}` writes it again from the journal"
                tell(f"Tracker '{name}' stopped: {error!r}. Nothing is lost; {again}.")

        def write(line: Mapping[str, Any]) -> None:
            if not broken:
                try:
                    inner(line["round"], scalars(line, clients))
                except Exception as error:
                    broke(error)

        try:
            yield write
        finally:
            try:
                stack.close()
            except Exception as error:
                broke(error)
