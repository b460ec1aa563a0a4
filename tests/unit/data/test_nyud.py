from pathlib import Path

import numpy as np
import pytest
from folders import NAMES, SHAPE, nyud, one_line, real_data, save, save_list

from fedhca.data.label_edges import benchmark_edges
from fedhca.data.nyud import NYUDv2
from fedhca.errors import RecipeError

TASKS = ("semseg", "normals", "edge", "depth")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return nyud(tmp_path / "NYUDv2")


def test_the_split_is_what_its_list_says(root: Path) -> None:
    source = NYUDv2(root, "train")
    assert [source.identifier(index) for index in range(len(source))] == list(NAMES)
    assert source.size == (448, 576)
    assert {name: task.channels for name, task in source.tasks.items()} == {
        "semseg": 40,
        "normals": 3,
        "edge": 1,
        "depth": 1,
    }


def test_class_0_is_no_label_and_the_others_count_from_0(root: Path) -> None:
    stored = np.zeros(SHAPE, np.uint8)
    stored[0, :3] = [1, 40, 0]
    save(root / "segmentation" / "a1.png", stored)
    label = NYUDv2(root, "train").read(0, ["semseg"])["semseg"]
    assert label.dtype == np.uint8
    assert label[0, :3].tolist() == [0, 39, 255]


def test_depth_that_no_sensor_measured_is_no_label(root: Path) -> None:
    stored = np.full(SHAPE, 2.5, np.float64)
    stored[0, :6] = [0, np.nan, np.inf, -1, 65535, 1e9]
    save(root / "depth" / "a1.npy", stored)
    label = NYUDv2(root, "train").read(0, ["depth"])["depth"]
    assert label.dtype == np.float32
    assert label[0, :7].tolist() == [255, 255, 255, 255, 255, 255, 2.5]


def test_normals_and_edges_are_decoded(root: Path) -> None:
    save(root / "normals" / "a1.png", np.full((*SHAPE, 3), [255, 0, 128], np.uint8))
    save(root / "edge" / "a1.png", np.full(SHAPE, 51, np.uint8))
    sample = NYUDv2(root, "train").read(0, ["normals", "edge"])
    np.testing.assert_allclose(sample["normals"][0, 0], [1, -1, 1 / 255], atol=1e-6)
    np.testing.assert_allclose(sample["edge"], 0.2, atol=1e-7)


def test_the_truth_of_the_benchmark_is_beside_the_line_as_the_literature_has_it(root: Path) -> None:
    stored = np.zeros(SHAPE, np.uint8)
    stored[:, 10] = 255
    save(root / "edge" / "a1.png", stored)
    label = NYUDv2(root, "train").read(0, ["edge"])["edge"]
    truth = NYUDv2(root, "train", ground_truth="benchmark").read(0, ["edge"])["edge"]
    np.testing.assert_array_equal(label, stored / 255)
    assert truth.dtype == np.float32
    np.testing.assert_array_equal(truth * 255, benchmark_edges(stored))
    assert truth[1:-2].sum(1).tolist() == [1] * (SHAPE[0] - 3)  # a band of two pixels, thinned to one again
    assert set(np.flatnonzero(truth.any(0))) <= {9, 10}


def test_only_the_files_of_the_tasks_are_touched(root: Path) -> None:
    for name in ("segmentation", "normals", "edge"):
        (root / name / "a2.png").unlink()
    assert set(NYUDv2(root, "train").read(1, ["depth"])) == {"image", "depth"}


def test_a_task_that_is_not_there_is_named(root: Path) -> None:
    with pytest.raises(RecipeError, match="'sal'"):
        NYUDv2(root, "train").read(0, ["sal"])


@pytest.mark.parametrize(
    ("folder", "task"),
    [
        ("images/a1.png", "depth"),
        ("segmentation/a1.png", "semseg"),
        ("depth/a1.npy", "depth"),
        ("normals/a1.png", "normals"),
        ("edge/a1.png", "edge"),
    ],
)
@pytest.mark.parametrize("damage", ["missing", "cut short", "empty", "other content"])
def test_a_file_that_is_missing_or_broken_is_named(root: Path, folder: str, task: str, damage: str) -> None:
    path = root / folder
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes({"cut short": content[: len(content) // 2], "empty": b""}.get(damage, b"\x89PNG, or not"))
    one_line(lambda: NYUDv2(root, "train").read(0, [task]), str(path))


@pytest.mark.parametrize("task", TASKS)
def test_a_label_of_another_size_names_both_files(root: Path, task: str) -> None:
    other = nyud(root / "other", shape=(12, 32))
    folder = {"semseg": "segmentation/a1.png", "depth": "depth/a1.npy"}.get(task, f"{task}/a1.png")
    (root / folder).write_bytes((other / folder).read_bytes())
    source = NYUDv2(root, "train")
    one_line(lambda: source.read(0, [task]), str(root / folder), str(root / "images" / "a1.png"), "12 × 32", "24 × 32")


def test_a_class_too_many_names_file_value_and_classes(root: Path) -> None:
    save(root / "segmentation" / "a1.png", np.full(SHAPE, 14, np.uint8))
    source = NYUDv2(root, "train", classes=13)
    one_line(lambda: source.read(0, ["semseg"]), "segmentation/a1.png", "13 classes", "found 14", "at least 14")
    assert NYUDv2(root, "train", classes=14).read(0, ["semseg"])["semseg"].max() == 13


def test_broken_lists_are_named(root: Path) -> None:
    one_line(lambda: NYUDv2(root / "nowhere", "train"), "nowhere")
    one_line(lambda: NYUDv2(root, "test"), "gt_sets/test.txt", "train")
    for lines, word in [([], "empty"), (["a1", "a1"], "2 times"), (["../a1"], "../a1")]:
        save_list(root / "gt_sets" / "odd.txt", lines)
        one_line(lambda: NYUDv2(root, "odd"), "gt_sets/odd.txt", word)
    (root / "gt_sets" / "odd.txt").write_bytes(b"\xff\xfe\x00")
    one_line(lambda: NYUDv2(root, "odd"), "gt_sets/odd.txt", "UTF-8")
    save_list(root.parent / "list.txt", ["x"])
    for elsewhere in ("../../list", str(root.parent / "list")):
        one_line(lambda split=elsewhere: NYUDv2(root, split), "list.txt", "a way out of it")  # type: ignore[misc]


def test_problems_lists_every_broken_picture(root: Path) -> None:
    (root / "edge" / "a1.png").unlink()
    (root / "depth" / "a3.npy").write_bytes(b"")
    source = NYUDv2(root, "train")
    lines = source.problems(TASKS)
    assert len(lines) == 2
    assert "edge/a1.png" in lines[0]
    assert "depth/a3.npy" in lines[1]
    assert source.problems(["semseg"]) == []


@pytest.mark.parametrize("split", ["train", "val"])
def test_real_rooms_have_plausible_labels(split: str) -> None:
    source = NYUDv2(real_data("NYUDv2"), split)
    for index in range(0, len(source), len(source) // 4):
        sample = source.read(index, TASKS)
        assert {values.shape[:2] for values in sample.values()} == {(240, 320)}
        assert set(np.unique(sample["edge"])) == {0, 1}
        depth = sample["depth"][sample["depth"] != 255]
        assert 0.3 < depth.min() < depth.max() < 6
        lengths = np.linalg.norm(sample["normals"], axis=-1)
        assert np.median(abs(lengths - 1)) < 0.02
        assert len(np.unique(sample["semseg"])) > 4
