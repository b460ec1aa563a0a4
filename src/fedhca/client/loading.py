"""Batches of a client's data: the same pictures whatever the number of workers."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import cv2
import numpy as np
from torch.utils.data import DataLoader, Dataset, default_collate

from fedhca.client.samples import Batch, PictureSet, checked_sample, read_sample
from fedhca.errors import ClientError, DataError, FedhcaError
from fedhca.seeds import derive
from fedhca.tasks.task import Task


def epochs(
    pictures: PictureSet,
    tasks: Sequence[Task],
    seeds: Sequence[int],
    *,
    batch_size: int,
    workers: int,
    pin: bool,
    where: str = "the data",
) -> Iterator[Iterator[Batch]]:
    """Yield one iterator of shuffled batches per seed (one seed a local epoch); all share the same workers.

    The last incomplete batch is dropped; a set smaller than a batch makes one batch of what there is. Errors call the
    data set `where`.
    """
    plan = [batches(len(pictures), batch_size, seed) for seed in seeds]
    flat = [batch for epoch in plan for batch in epoch]
    stream = _load(_Samples(pictures, tasks, where), workers, pin, batch_sampler=flat)
    for epoch in plan:
        yield (next(stream) for _ in epoch)


def batches(count: int, batch_size: int, seed: int) -> list[list[tuple[int, int]]]:
    """Shuffle `count` pictures into batches of (index, seed of its augmentation)."""
    order = np.random.default_rng(seed).permutation(count)
    size = min(batch_size, count)
    return [
        [(int(index), derive(seed, int(index))) for index in order[start : start + size]]
        for start in range(0, count - size + 1, size)
    ]


def steps_per_epoch(count: int, batch_size: int) -> int:
    """Return the number of batches of one local epoch."""
    return count // min(batch_size, count)


def in_order(
    pictures: PictureSet, tasks: Sequence[Task], *, batch_size: int, workers: int, pin: bool, where: str = "the data"
) -> Iterator[Batch]:
    """Yield batches of all pictures in order, without augmentation; errors call the data set `where`."""
    yield from _load(_Samples(pictures, tasks, where), workers, pin, batch_size=batch_size)


class _Samples(Dataset):
    """Samples of a client, with the labels of its own tasks alone: by (index, seed) for training, else by index.

    Errors are returned: raised in a process that loads data, they would arrive wrapped in its traceback.
    """

    def __init__(self, pictures: PictureSet, tasks: Sequence[Task], where: str) -> None:
        self.pictures, self.tasks, self.where = pictures, tuple(tasks), where

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, key: int | tuple[int, int]) -> Batch | FedhcaError:
        index, *seed = key if isinstance(key, tuple) else (key,)
        try:
            return checked_sample(read_sample(self.pictures, index, *seed), self.tasks, f"{self.where}, sample {index}")
        except FedhcaError as error:
            return error


def _batch(samples: list[Batch | FedhcaError]) -> Batch | FedhcaError:
    """Stack samples, or hand on the first error."""
    for sample in samples:
        if isinstance(sample, FedhcaError):
            return sample
        for name, value in sample.items():
            first = samples[0][name].shape  # type: ignore[index]  # an error has been returned
            if value.shape != first:
                expected, found = list(first), list(value.shape)
                mend = "Crop or pad all to one size."
                return DataError(f"`{name}` should have one shape in a batch, {expected}. Found {found}. {mend}")
    return default_collate(samples)


@contextmanager
def processes_watched() -> Iterator[None]:
    """Say in one line that a process that loads data died; torch raises that wherever this process is at the time.

    Raises:
        ClientError: one died.

    """
    try:
        yield
    except RuntimeError as error:
        if not str(error).startswith("DataLoader worker"):
            raise
        raise _died() from error


def _died() -> ClientError:
    found = "Found it killed, most likely because memory ran out"
    return ClientError(f"A process that loads data should stay alive. {found}. Set fewer `training.workers`, or 0.")


def _modest(worker: int) -> None:
    """Let a loading process use one core: OpenCV would take all of them, in every process."""
    cv2.setNumThreads(0)


def _load(dataset: Dataset, workers: int, pin: bool, **order: Any) -> Iterator[Batch]:
    """Yield batches, in this process or from others; an error that one of them handed on is raised here."""
    loader = DataLoader(
        dataset, num_workers=workers, pin_memory=pin, collate_fn=_batch, worker_init_fn=_modest, **order
    )
    batches = iter(loader)
    while True:
        try:
            batch = next(batches, None)
        except (ConnectionError, EOFError) as error:
            if not workers or str(error).startswith("Caught"):  # the data set's own
                raise
            raise _died() from error
        if batch is None:
            return
        if isinstance(batch, FedhcaError):
            raise batch
        yield batch
