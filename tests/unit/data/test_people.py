import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from folders import SHAPE, one_line, pascal_context, save_annotation

from fedhca.data.augmented import Augmented
from fedhca.data.partition import partition
from fedhca.data.pascal_context import PASCALContext

MANY = [f"b{number:02}" for number in range(40)]
PEOPLE = frozenset(MANY[:4] + MANY[10:26])  # half of them, not spread evenly over the file


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pascal_context(tmp_path_factory.mktemp("crowd"), MANY, people=PEOPLE)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def labelled(source: PASCALContext, share: Sequence[int] | np.ndarray) -> list[bool]:
    """Return for each picture of a share whether its sample has a label of human parts."""
    samples = Augmented(source, share, ["semseg", "human_parts"], train=True, scale=(1.0, 1.0))
    return [bool((samples[place, 0]["human_parts"] != 255).any()) for place in range(len(samples))]


@pytest.mark.parametrize("seed", range(3))
def test_flags_follow_their_pictures_through_a_partition(crowd: Path, cache: Path, seed: int) -> None:
    source = PASCALContext(crowd, "train", size=SHAPE, cache=cache)
    for share in partition(len(source), 3, seed):
        shown = [MANY[index] in PEOPLE for index in share]
        assert labelled(source, share) == shown
        alone = Augmented(source, share, ["human_parts"], train=True)
        assert len(alone) == sum(shown)
        assert {alone.identifier(place) for place in range(len(alone))} <= PEOPLE


@pytest.mark.parametrize("seed", range(3))
def test_the_old_defect_can_be_repeated(crowd: Path, cache: Path, seed: int) -> None:
    source = PASCALContext(crowd, "train", size=SHAPE, cache=cache, legacy_parts=True)
    for share in partition(len(source), 3, seed):
        expected = [MANY[index] in PEOPLE and MANY[place] in PEOPLE for place, index in enumerate(share)]
        assert labelled(source, share) == expected


def test_the_old_defect_keeps_only_the_square_of_the_share_of_people(crowd: Path, cache: Path) -> None:
    source = PASCALContext(crowd, "train", cache=cache, legacy_parts=True)
    kept = []
    for seed in range(200):
        (share,) = partition(len(source), 1, seed)
        seen = source.given(share.tolist())
        kept += [seen.usable(int(index), ["human_parts"]) and source.has_people(int(index)) for index in share]
    assert np.mean(kept) == pytest.approx(0.5**2, abs=0.01)


def test_the_old_defect_is_none_without_a_partition(crowd: Path, cache: Path) -> None:
    source = PASCALContext(crowd, "train", size=SHAPE, cache=cache, legacy_parts=True)
    assert labelled(source, range(40)) == [name in PEOPLE for name in MANY]


def test_what_is_read_stays_whole(crowd: Path, cache: Path) -> None:
    whole = PASCALContext(crowd, "train", cache=cache, legacy_parts=True)
    seen = whole.given([30, 0])
    assert (len(seen), seen.size, seen.tasks) == (len(whole), whole.size, whole.tasks)
    assert seen.identifier(30) == MANY[30]
    assert seen.usable(30, ["sal"])


def test_the_list_is_made_where_it_is_absent(tmp_path: Path, cache: Path) -> None:
    root = pascal_context(tmp_path / "data", list_people=False)
    assert [PASCALContext(root, "train", cache=cache).has_people(index) for index in range(3)] == [True, False, False]
    made = root / "ImageSets" / "Parts" / "train.txt"
    assert json.loads(made.read_text()) == {"a1": [12, 15], "a2": [12], "a3": [12]}
    assert [path.name for path in made.parent.iterdir()] == ["train.txt"]


def test_the_list_is_kept_in_the_cache_where_data_are_read_only(tmp_path: Path, cache: Path) -> None:
    root = pascal_context(tmp_path / "data", list_people=False)
    (root / "ImageSets" / "Parts").write_text("a file where a folder should be cannot be written into, even by root")
    assert PASCALContext(root, "train", cache=cache).has_people(0)
    (kept,) = cache.rglob("*.json")
    kept.write_text(json.dumps({"a1": [1], "a2": [15], "a3": []}))
    assert not PASCALContext(root, "train", cache=cache).has_people(0), "the kept list is used"
    save_annotation(root / "human_parts" / "a1.mat", [])
    assert not PASCALContext(root, "train", cache=cache).has_people(1), "and made again when annotations change"


def test_a_list_that_leaves_pictures_out_is_not_trusted(tmp_path: Path, cache: Path) -> None:
    root = pascal_context(tmp_path / "data")
    path = root / "ImageSets" / "Parts" / "train.txt"
    path.write_text('{"a1": []}')
    assert PASCALContext(root, "train", cache=cache).has_people(0)
    assert path.read_text() == '{"a1": []}', "what came with the data is left alone"


@pytest.mark.parametrize("text", ["", "[1]", '{"a1": 15}'])
def test_a_broken_list_is_named(tmp_path: Path, cache: Path, text: str) -> None:
    root = pascal_context(tmp_path / "data")
    path = root / "ImageSets" / "Parts" / "train.txt"
    path.write_text(text)
    one_line(lambda: PASCALContext(root, "train", cache=cache).has_people(0), str(path))


def test_a_missing_annotation_is_named(tmp_path: Path, cache: Path) -> None:
    root = pascal_context(tmp_path / "data", list_people=False)
    (root / "human_parts" / "a2.mat").unlink()
    one_line(lambda: PASCALContext(root, "train", cache=cache).has_people(0), "human_parts/a2.mat")
