"""From the journal of a run to its trackers: each line as named numbers, which they draw over rounds."""

import math
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from statistics import fmean
from typing import Any

import numpy as np

from fedhca.aggregation.cosines import mean_cosine, negative_share
from fedhca.errors import FedhcaError, RecipeError, unknown
from fedhca.experiment.run_folder import RunFolder
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


Number = int | float | None
"""As JSON has them; None stands for one that is not finite."""


def scalars(line: Mapping[str, Any], clients: Mapping[str, Sequence[str]]) -> dict[str, float]:
    """Return the numbers of one round; what the method does not have, or nobody measured, is left out.

    Args:
        line: of the journal.
        clients: the tasks of each client, both in the order of the roster.

    Returns:
        `loss/CLIENT/TASK`, `metric/CLIENT/TASK`, `alpha/CLIENT`, `beta/CLIENT/TASK` (mean over layers),
        `attention_entropy` (mean over tensors), `conflict/PART/mean_cosine` and `conflict/PART/negative_pairs` (their
        share) of the updates of encoders and decoders, `seconds/PHASE`, `bytes/CLIENT/DIRECTION`.

    """
    encoder, decoder = line["encoder"], line["decoder"]
    heads = [f"{client}/{task}" for client, tasks in clients.items() for task in tasks]
    found: dict[str, Number] = {
        **_leaves("loss", line["losses"]),
        **_leaves("metric", line["metrics"]),
        **_each("alpha", clients, encoder.get("alpha", [])),
        **_each("beta", heads, [_mean(layers) for layers in decoder.get("beta", [])]),
        "attention_entropy": _mean(decoder.get("attention_entropy", [])),
        **_conflict("conflict/encoder", encoder.get("gram", [])),
        **_conflict("conflict/decoder", decoder.get("gram", [])),
        **_leaves("seconds", line["seconds"]),
        **_leaves("bytes", line["bytes"]),
    }
    return {name: float(value) for name, value in found.items() if value is not None}


def _leaves(name: str, value: Any) -> dict[str, Number]:
    """Flatten nested mappings: the keys on the way, joined by slashes, name the number."""
    if not isinstance(value, Mapping):
        return {name: value}
    return {path: leaf for key, each in value.items() for path, leaf in _leaves(f"{name}/{key}", each).items()}


def _each(name: str, owners: Iterable[str], values: Sequence[Number]) -> dict[str, Number]:
    """Name numbers after their owners; a rule that has none of them gives an empty list."""
    return {f"{name}/{owner}": value for owner, value in zip(owners, values, strict=bool(values))}


def _mean(values: Iterable[Number]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _conflict(name: str, gram: Sequence[Sequence[Number]]) -> dict[str, Number]:
    if not gram:
        return {}
    products = np.array(gram, dtype=float)
    found = {f"{name}/mean_cosine": mean_cosine(products), f"{name}/negative_pairs": negative_share(products)}
    return {key: value for key, value in found.items() if math.isfinite(value)}
