import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from folders import SHAPE, nyud, pascal_context, real_data
from torch.utils.data import DataLoader

from fedhca.data.augmented import Augmented
from fedhca.data.nyud import NYUDv2
from fedhca.data.pascal_context import PASCALContext
from fedhca.errors import DataError, RecipeError

TASKS = ("semseg", "normals", "edge", "depth")


@pytest.fixture
def source(tmp_path: Path) -> NYUDv2:
    return NYUDv2(nyud(tmp_path / "nyud"), "train", size=(32, 48))


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("train", [True, False])
def test_a_sample_holds_tensors_of_one_size(source: NYUDv2, train: bool) -> None:
    sample = Augmented(source, [2, 0], TASKS, train=train).sample(1, seed=5)
    assert {name: (values.dtype, tuple(values.shape)) for name, values in sample.items()} == {
        "image": (torch.float32, (3, 32, 48)),
        "semseg": (torch.int64, (32, 48)),
        "normals": (torch.float32, (3, 32, 48)),
        "edge": (torch.float32, (32, 48)),
        "depth": (torch.float32, (32, 48)),
    }
    assert all(values.is_contiguous() for values in sample.values())


def test_draws_hang_on_the_seed_alone(source: NYUDv2) -> None:
    samples = Augmented(source, [2, 0, 1], TASKS, train=True)
    first = samples.sample(0, seed=7)
    samples.sample(1, seed=8)
    np.random.default_rng(0).random()
    assert same(first, samples.sample(0, seed=7))
    assert same(first, samples[0, 7])
    assert not same(first, samples.sample(0, seed=8))
    assert same(first, Augmented(source, [1, 2], TASKS, train=True)[1, 7]), "nor on the other pictures of the share"


def test_any_number_of_workers_gives_the_same_pictures(source: NYUDv2) -> None:
    samples = Augmented(source, [0, 1, 2], TASKS, train=True)
    order = [(2, 11), (0, 12), (1, 13), (2, 14)]
    batches = [list(DataLoader(samples, batch_size=2, sampler=order, num_workers=workers)) for workers in (0, 2)]
    assert all(same(one, other) for one, other in zip(*batches, strict=True))


def test_a_data_set_can_be_sent_to_another_process(tmp_path: Path) -> None:
    root = pascal_context(tmp_path / "p")
    for legacy in (False, True):
        source = PASCALContext(root, "train", size=SHAPE, cache=tmp_path, legacy_parts=legacy)
        samples = Augmented(source, [1, 0], ["human_parts", "edge"], train=True)
        assert same(samples[0, 3], copy.deepcopy(samples)[0, 3])


def test_testing_needs_no_seed_and_training_does(source: NYUDv2) -> None:
    tested = Augmented(source, [0], TASKS, train=False)
    assert same(tested[0], tested.sample(0, seed=99))
    with pytest.raises(RecipeError, match=r"\(index, seed\)"):
        Augmented(source, [0], TASKS, train=True)[0]


def test_augmentation_can_be_switched_off(source: NYUDv2) -> None:
    still = Augmented(source, [0], TASKS, train=True, scale=(1.0, 1.0), photometric=False, flip=False)
    assert same(still.sample(0, seed=3), Augmented(source, [0], TASKS, train=False)[0])


def test_a_client_of_parts_alone_trains_on_people_and_is_tested_on_all(tmp_path: Path) -> None:
    source = PASCALContext(pascal_context(tmp_path / "p", people=["a2"]), "train", size=SHAPE, cache=tmp_path)
    alone = Augmented(source, [2, 1, 0], ["human_parts"], train=True)
    assert [alone.identifier(place) for place in range(len(alone))] == ["a2"]
    assert len(Augmented(source, [2, 1, 0], ["human_parts", "sal"], train=True)) == 3
    tested = Augmented(source, [2, 1, 0], ["human_parts"], train=False)
    assert [bool((tested[place]["human_parts"] == 255).all()) for place in range(3)] == [True, False, True]
    with pytest.raises(DataError, match="none among the 2"):
        Augmented(source, [0, 2], ["human_parts"], train=True)


def test_unknown_tasks_and_pictures_too_large_are_named(source: NYUDv2, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="'sal'"):
        Augmented(source, [0], ["sal"], train=True)
    small = NYUDv2(tmp_path / "nyud", "train", size=(20, 40))
    with pytest.raises(DataError, match=r"Picture 'a2'.*24 × 32.*Raise `size`"):
        Augmented(small, [1], TASKS, train=False)[0]


def test_real_rooms_keep_their_meaning(tmp_path: Path) -> None:
    source = NYUDv2(real_data("NYUDv2"), "train", size=(128, 128))
    samples = Augmented(source, range(len(source)), TASKS, train=True)
    for index in range(0, len(samples), 20):
        sample = samples.sample(index, seed=index)
        assert sample["image"].abs().max() < 3
        assert sample["semseg"].unique().numel() > 1
        normals = sample["normals"]
        lengths = normals.norm(dim=0)[normals[0] != 255]
        assert (lengths - 1).abs().median() < 0.02
        depth = sample["depth"][sample["depth"] != 255]
        assert 0.1 < depth.min() < depth.max() < 12
