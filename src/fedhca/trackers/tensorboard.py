"""TensorBoard: event files in the run folder."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from fedhca.experiment.run_folder import ENVIRONMENT, RunFolder
from fedhca.trackers.tracker import Write, load_tracker

PLACE, EVENTS = "tensorboard", "events.out.tfevents.*"


@contextmanager
def tensorboard(folder: RunFolder) -> Iterator[Write]:
    """Write DIR/tensorboard anew, to be looked at with `tensorboard --logdir DIR`.

    Its clock is that of the run, the moment it was created plus the seconds its rounds took, so that the same journal
    gives the same curves whenever it is written.
    """
    load_tracker("tensorboard", extra="tensorboard")
    writer = load_tracker("torch.utils.tensorboard", extra="tensorboard").SummaryWriter
    for old in (folder.path / PLACE).glob(EVENTS):
        old.unlink()
    clock = _created(folder)
    with writer(folder.path / PLACE) as events:

        def write(number: int, values: Mapping[str, float]) -> None:
            nonlocal clock
            clock += sum(value for name, value in values.items() if name.startswith("seconds/"))
            for name, value in values.items():
                events.add_scalar(name, value, number, walltime=clock)
            events.flush()

        yield write


def _created(folder: RunFolder) -> float:
    """Return when the run folder was made, in seconds since 1970."""
    started = json.loads((folder.path / ENVIRONMENT).read_text(encoding="utf-8"))["started"]
    return datetime.fromisoformat(started).timestamp()
