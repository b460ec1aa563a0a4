"""Names are compared by their letters: one that macOS took apart is the one that was typed."""

import unicodedata
from pathlib import Path

import numpy as np
import own
import pytest
from folders import nyud, save, save_list

from fedhca.data.described.dataset_scaffold import draft_description
from fedhca.data.described.folder import Folder
from fedhca.data.names import composed, on_disk
from fedhca.data.nyud import NYUDv2

TYPED, APART = unicodedata.normalize("NFC", "straße-é"), unicodedata.normalize("NFD", "straße-é")
SHAPE = (8, 8)


def test_letters_are_put_together() -> None:
    assert TYPED != APART
    assert composed(APART) == composed(TYPED) == TYPED


def test_a_path_is_found_however_it_is_spelt(tmp_path: Path) -> None:
    (tmp_path / APART / APART).mkdir(parents=True)
    assert on_disk(tmp_path / TYPED / TYPED) == tmp_path / APART / APART
    assert on_disk(tmp_path / "é") == tmp_path / "é"


@pytest.mark.parametrize(("picture", "label"), [(TYPED, APART), (APART, TYPED), (APART, APART)])
@pytest.mark.parametrize("word", [TYPED, APART])
def test_pictures_labels_lists_and_tables_go_together(tmp_path: Path, picture: str, label: str, word: str) -> None:
    for name in (picture, "b"):
        save(tmp_path / "images" / f"{name}.png", np.zeros((*SHAPE, 3), np.uint8))
    for name in (label, "b"):
        save(tmp_path / label / f"{name}_{label}.png", np.ones(SHAPE, np.uint8))
        (tmp_path / label / f"._{name}_{label}.png").write_bytes(b"\0\5\x16\7")  # what macOS leaves on other disks
    (tmp_path / "class.csv").write_text(f"id,class\n{label},{label}\nb,no\n", encoding="utf-8")
    save_list(tmp_path / f"{label}.txt", [word])
    masks = {"kind": "semseg", "classes": 2, "folder": word, "suffix": f"_{word}"}
    classes = {"kind": "classification", "classes": ["no", TYPED], "file": "class.csv"}
    own.describe(tmp_path, {"tasks": {"m": masks, "k": classes}, "val": f"{word}.txt"})
    for split, wanted in (("train", "b"), ("val", TYPED)):
        source = Folder(tmp_path, split, size=SHAPE)
        assert [source.identifier(index) for index in range(len(source))] == [wanted]
        sample = source.read(0, ["m", "k"])
        assert (sample["m"] == 1).all()
        assert sample["k"] == (wanted == TYPED)


def test_a_draft_matches_them_too(tmp_path: Path) -> None:
    save(tmp_path / "images" / f"{APART}.png", np.zeros((*SHAPE, 3), np.uint8))
    save(tmp_path / "masks" / f"{TYPED}.png", np.ones(SHAPE, np.uint8))
    assert "masks:  # 1 labels" in draft_description(tmp_path)


def test_the_layouts_of_benchmarks_find_them_too(tmp_path: Path) -> None:
    nyud(tmp_path, [APART])
    save_list(tmp_path / "gt_sets" / "train.txt", [TYPED])
    source = NYUDv2(tmp_path, "train")
    assert source.read(0, [*source.tasks]).keys() == {"image", *source.tasks}
