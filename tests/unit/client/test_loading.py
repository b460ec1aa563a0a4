import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from fedhca.client.loading import batches, epochs, in_order, processes_watched, steps_per_epoch
from fedhca.client.samples import Batch
from fedhca.errors import ClientError, DataError
from fedhca.seeds import derive
from fedhca.tasks import Depth
from tiny import TASKS, Pictures, same_bits


class Numbered:
    """Pictures that say which they are."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Batch:
        return {"image": torch.full((3, 2, 2), float(index)), "depth": torch.ones(2, 2), "edge": torch.ones(2, 2)}


class Unreadable(Numbered):
    """Pictures of which one cannot be read."""

    def __getitem__(self, index: int) -> Batch:
        if index == 1:
            raise DataError("a.png: expected a picture; found none. Add it.")
        return super().__getitem__(index)


class Unequal(Numbered):
    """Pictures of which one has another size."""

    def __getitem__(self, index: int) -> Batch:
        return {"image": torch.zeros(3, 2, 2 + index), "depth": torch.ones(2, 2 + index)}


def drawn(pictures: Any, seeds: list[int], workers: int = 0, size: int = 2, tasks: tuple[str, ...] = ("depth",)) -> Any:
    wanted = [TASKS[name] for name in tasks]
    return [list(epoch) for epoch in epochs(pictures, wanted, seeds, batch_size=size, workers=workers, pin=False)]


def order(epoch: list[Batch]) -> list[list[int]]:
    return [[int(image[0, 0, 0]) for image in batch["image"]] for batch in epoch]


@pytest.mark.parametrize(("count", "size", "sizes"), [(7, 3, [3, 3]), (6, 3, [3, 3]), (2, 8, [2]), (1, 1, [1])])
def test_the_last_incomplete_batch_is_dropped_and_a_small_share_is_one_batch(
    count: int, size: int, sizes: list[int]
) -> None:
    found = batches(count, size, seed=4)
    assert [len(batch) for batch in found] == sizes
    assert len(found) == steps_per_epoch(count, size)
    indices = [index for batch in found for index, _ in batch]
    assert len({*indices}) == len(indices)
    assert {*indices} <= {*range(count)}


def test_every_epoch_has_another_order_and_another_augmentation_of_each_picture() -> None:
    first, second = (batches(20, 4, derive(0, "a", "epoch", number)) for number in (0, 1))
    assert [index for batch in first for index, _ in batch] != [index for batch in second for index, _ in batch]
    augmented = [{seed for batch in epoch for _, seed in batch} for epoch in (first, second)]
    assert len(augmented[0]) == 20
    assert not augmented[0] & augmented[1]


def test_epochs_keep_to_their_plan() -> None:
    found = drawn(Numbered(5), [8, 9])
    plan = [[[index for index, _ in batch] for batch in batches(5, 2, seed)] for seed in (8, 9)]
    assert [order(epoch) for epoch in found] == plan


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_bring_the_same_bits(workers: int) -> None:
    one, other = (drawn(Pictures(5), [1, 2], number, tasks=("depth", "semseg")) for number in (0, workers))
    for mine, theirs in zip(one, other, strict=True):
        assert len(mine) == len(theirs) == 2
        assert all(same_bits(a, b) for a, b in zip(mine, theirs, strict=True))


def test_augmentation_hangs_on_the_seed() -> None:
    (one,), (same,), (other,) = (drawn(Pictures(4), [seed], size=4) for seed in (1, 1, 2))
    assert same_bits(one[0], same[0])
    assert not torch.equal(one[0]["image"].sum(), other[0]["image"].sum())


def test_tests_read_all_pictures_in_order_without_augmentation() -> None:
    found = list(in_order(Numbered(5), [Depth()], batch_size=2, workers=0, pin=False))
    assert order(found) == [[0, 1], [2, 3], [4]]


def test_a_client_sees_the_labels_of_its_own_tasks_only() -> None:
    assert drawn(Numbered(2), [0])[0][0].keys() == {"image", "depth"}


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize(
    ("pictures", "tasks", "line"),
    [
        (Unreadable(4), ("depth",), r"^a\.png: expected a picture; found none\. Add it\.$"),
        (Numbered(4), ("sal",), r"^the data, sample \d should hold `sal`\. Found depth, edge, image\. .*$"),
        (Unequal(4), ("depth",), r"^`image` should have one shape in a batch, \[3, 2, \d\]\. Found \[3, 2, \d\]\. .*$"),
    ],
)
def test_what_cannot_be_read_is_the_same_one_line_whatever_the_workers(
    pictures: Numbered, tasks: tuple[str, ...], line: str, workers: int
) -> None:
    def training() -> Iterator[Any]:
        yield from drawn(pictures, [0], workers, tasks=tasks)

    def testing() -> Iterator[Any]:
        yield from in_order(pictures, [TASKS[name] for name in tasks], batch_size=2, workers=workers, pin=False)

    for read in (training, testing):
        with pytest.raises(DataError, match=line):
            list(read())


@pytest.mark.parametrize("workers", [1, 2])
def test_a_process_that_is_killed_is_one_line(workers: int) -> None:
    class Deadly(Numbered):
        def __getitem__(self, index: int) -> Batch:
            if index == 3:
                os.kill(os.getpid(), signal.SIGKILL)
            return super().__getitem__(index)

    for read in (
        lambda: in_order(Deadly(8), [Depth()], batch_size=2, workers=workers, pin=False),
        lambda: drawn(Deadly(8), [0], workers),
    ):
        line = r"stay alive. Found it killed, .* Set fewer `training.workers`"
        with pytest.raises(ClientError, match=line), processes_watched():
            list(read())


@pytest.mark.parametrize("error", [ConnectionError, RuntimeError, EOFError])
@pytest.mark.parametrize("workers", [0, 1])
def test_what_a_data_set_raises_is_not_taken_for_that(error: type[Exception], workers: int) -> None:
    class Own(Numbered):
        def __getitem__(self, index: int) -> Batch:
            raise error("of its own")

    with pytest.raises(error, match="of its own"), processes_watched():
        list(in_order(Own(4), [Depth()], batch_size=2, workers=workers, pin=False))


def test_labels_may_be_arrays_of_numpy() -> None:
    class Arrays(Numbered):
        def __getitem__(self, index: int) -> Any:
            return {name: value.numpy() for name, value in super().__getitem__(index).items()}

    ((batch,),) = drawn(Arrays(2), [0])
    assert batch["depth"].shape == (2, 2, 2)
    assert {type(values) for values in batch.values()} == {torch.Tensor}
