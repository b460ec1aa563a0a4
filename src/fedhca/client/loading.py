"""Batches of a client's data: the same pictures whatever the number of workers."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol, runtime_checkable

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, default_collate

from fedhca.errors import ClientError, DataError, FedhcaError
from fedhca.seeds import derive

Batch = dict[str, Tensor]


@runtime_checkable
class PictureSet(Protocol):
    """A data set of dictionaries: `image` float [3, y, x], and a label map for every task by its name.

    A data set with random augmentation offers `sample(index, seed)`, which draws from that seed alone; it is then used
    for training, and runs can be had again whatever the number of workers.
    """

    def __len__(self) -> int:
        """Return the number of pictures."""
        ...

    def __getitem__(self, index: int) -> Batch:
        """Return one picture and its labels."""
        ...


def epochs(
    pictures: PictureSet, tasks: Sequence[str], seeds: Sequence[int], *, batch_size: int, workers: int, pin: bool
) -> Iterator[Iterator[Batch]]:
    """Yield one iterator of shuffled batches per seed (one seed a local epoch); all share the same workers.

    The last incomplete batch is dropped; a set smaller than a batch makes one batch of what there is.
    """
    plan = [batches(len(pictures), batch_size, seed) for seed in seeds]
    flat = [batch for epoch in plan for batch in epoch]
    stream = _load(_Drawn(pictures, tuple(tasks)), workers, pin, batch_sampler=flat)
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
    pictures: PictureSet, tasks: Sequence[str], *, batch_size: int, workers: int, pin: bool
) -> Iterator[Batch]:
    """Yield batches of all pictures in order, without augmentation."""
    yield from _load(_InOrder(pictures, tuple(tasks)), workers, pin, batch_size=batch_size)


class _Drawn(Dataset):
    """Pictures by (index, seed)."""

    def __init__(self, pictures: PictureSet, tasks: tuple[str, ...]) -> None:
        self.pictures, self.tasks = pictures, tasks

    def __getitem__(self, key: tuple[int, int]) -> Batch | FedhcaError:
        index, seed = key
        draw: Any = getattr(self.pictures, "sample", None)
        return _wanted(lambda: self.pictures[index] if draw is None else draw(index, seed), self.tasks)


class _InOrder(Dataset):
    """Pictures by index."""

    def __init__(self, pictures: PictureSet, tasks: tuple[str, ...]) -> None:
        self.pictures, self.tasks = pictures, tasks

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> Batch | FedhcaError:
        return _wanted(lambda: self.pictures[index], self.tasks)


def _wanted(read: Callable[[], Batch], tasks: tuple[str, ...]) -> Batch | FedhcaError:
    """Keep the picture and the labels of the client's own tasks: it sees no others.

    Errors are returned: raised in a process that loads data, they would arrive wrapped in its traceback.
    """
    try:
        sample = read()
    except FedhcaError as error:
        return error
    missing = [name for name in ("image", *tasks) if name not in sample]
    if missing:
        found = ", ".join(sorted(sample))
        return DataError(
            f"A sample should hold `{missing[0]}`. Found {found}. Add it to the data set, or drop the task."
        )
    return {name: torch.as_tensor(sample[name]) for name in ("image", *tasks)}


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
