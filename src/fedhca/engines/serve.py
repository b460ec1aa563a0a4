"""The server of a run, in the engine's process: the same loop, journal and checkpoints as in one process."""

import gc
from collections.abc import Iterator
from pathlib import Path

from fedhca.engines.events import record_event
from fedhca.engines.network_runtime import NetworkRuntime, Send
from fedhca.errors import FedhcaError, GoneError
from fedhca.experiment.build import build_method
from fedhca.experiment.drive import drive
from fedhca.experiment.recipe import Recipe
from fedhca.server.replies import Tell
from fedhca.server.state import Round
from fedhca.storage.lock import in_use
from fedhca.wire.messages import Missing

JOB_LOCK = ".job.lock"
"""Held in a run folder by the engine's process; the command that waits for it holds the folder."""


def serve(recipe: Recipe, send: Send, folder: Path) -> None:
    """Run to the last round, or until something stops it; the reason is in the run's events.

    Raises:
        GoneError: a process or a site is gone; another try goes on from the checkpoint.
        FedhcaError: another try would not mend it.

    """
    away: set[str] = set()

    def miss(missing: Missing) -> None:
        away.add(missing.client)
        record_event(folder, "missing", missing.client, missing.cause)

    with in_use(folder, JOB_LOCK, wait=True):  # a job that was given up may still be ending
        record_event(folder, "begun")
        try:
            for each in over_network(recipe, send, folder, miss):
                for client in sorted(away.difference(*each.missing.values())):
                    record_event(folder, "back", client)
                    away.remove(client)
                gc.collect()  # of payloads that went in circles, before the next ones come
        except GoneError as error:
            record_event(folder, "gone", cause=str(error))
            raise
        except FedhcaError as error:
            record_event(folder, "stopped", cause=str(error))
            raise
        record_event(folder, "done")


def over_network(recipe: Recipe, send: Send, folder: Path, tell: Tell) -> Iterator[Round]:
    """Yield the rounds of a run whose messages an engine carries.

    Every round is saved: whatever is lost, site and server find the last one.
    """
    agreed = {each.name: (each.dataset, each.tasks) for each in recipe.roster}
    every_round = recipe.model_copy(update={"checkpoint_every": 1})
    return drive(
        build_method(recipe), NetworkRuntime(send, [*agreed], agreed), every_round, folder, recipe.states, tell
    )
