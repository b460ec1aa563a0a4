"""Sources that wrap another: smaller pictures, kept samples."""

import numpy as np
import pytest

from fedhca.data.source import Sample, Source
from fedhca.data.synthetic import Rooms
from fedhca.data.wrapped import Kept, Shrunk
from fedhca.errors import RecipeError
from fedhca.tasks import IGNORE

TASKS = ("semseg", "depth", "normals", "edge")


class Counting(Rooms):
    reads = 0

    def read(self, index: int, tasks: object) -> Sample:
        self.reads += 1
        return super().read(index, tasks)  # type: ignore[arg-type]


@pytest.fixture
def rooms() -> Counting:
    return Counting(4, size=(48, 64))


def equal(one: Sample, other: Sample) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def test_kept_samples_are_those_of_the_source_and_are_read_once(rooms: Counting) -> None:
    kept = Kept(rooms)
    first = kept.read(1, TASKS)
    assert equal(first, Rooms(4, size=(48, 64)).read(1, TASKS))
    assert equal(kept.read(1, TASKS), first)
    parts = Kept(Rooms(4, size=(48, 64)))
    parts.read(1, ("edge",))
    assert equal(parts.read(1, TASKS), first)
    assert rooms.reads == 1
    assert kept.read(1, ("depth",)).keys() == {"image", "depth"}
    assert rooms.reads == 1


def test_kept_samples_cannot_be_spoilt(rooms: Counting) -> None:
    kept = Kept(rooms)
    sample = kept.read(0, TASKS)
    with pytest.raises(ValueError, match="read-only"):
        sample["depth"][0, 0] = -1
    sample.pop("depth")
    assert "depth" in kept.read(0, TASKS)


def test_what_does_not_fit_is_read_each_time(rooms: Counting) -> None:
    one = sum(values.nbytes for values in rooms.read(0, TASKS).values())
    kept = Kept(rooms, most=one)
    rooms.reads = 0
    for _ in range(3):
        kept.read(0, TASKS)
        kept.read(1, TASKS)
    assert rooms.reads == 1 + 3


@pytest.mark.parametrize("wrap", [Kept, lambda source: Shrunk(source, 0.5, (24, 32))], ids=["kept", "shrunk"])
def test_the_rest_is_the_source(rooms: Counting, wrap: type[Kept]) -> None:
    wrapped: Source = wrap(rooms)
    assert len(wrapped) == 4
    assert wrapped.identifier(2) == rooms.identifier(2)
    assert wrapped.tasks.keys() == rooms.tasks.keys()
    assert wrapped.usable(0, ("depth",))
    assert wrapped.given([0]) is wrapped


def test_a_shrunk_sample_has_smaller_maps_with_no_label_of_its_own(rooms: Counting) -> None:
    full, small = rooms.read(3, TASKS), Shrunk(rooms, 0.5, (24, 32)).read(3, TASKS)
    assert {name: values.shape[:2] for name, values in small.items()} == dict.fromkeys(small, (24, 32))
    assert set(np.unique(small["semseg"])) <= set(np.unique(full["semseg"]))
    assert set(np.unique(small["depth"])) <= set(np.unique(full["depth"]))
    lengths = np.linalg.norm(small["normals"], axis=-1)
    assert np.allclose(lengths, 1, atol=1e-5)


def test_no_edge_is_lost_by_shrinking(rooms: Counting) -> None:
    full, small = rooms.read(0, ("edge",))["edge"], Shrunk(rooms, 0.5, (24, 32)).read(0, ("edge",))["edge"]
    covered = full.reshape(24, 2, 32, 2).max(axis=(1, 3))
    assert np.array_equal(small, covered)
    assert set(np.unique(small)) <= {0.0, 1.0, float(IGNORE)}


@pytest.mark.parametrize("factor", [0.0, 1.0, -0.5, 2.0])
def test_factors_outside_their_range_are_refused(rooms: Counting, factor: float) -> None:
    with pytest.raises(RecipeError, match=r"shrink.*\(0, 1\)"):
        Shrunk(rooms, factor, (24, 32))
