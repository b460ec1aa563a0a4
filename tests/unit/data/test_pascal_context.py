import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from folders import NAMES, SHAPE, nyud, one_line, pascal_context, real_data, rectangle, save, save_list
from PIL import Image
from scipy.io import savemat

from fedhca.data.label_edges import benchmark_edges
from fedhca.data.pascal_context import PASCALContext
from fedhca.errors import RecipeError

TASKS = ("semseg", "human_parts", "normals", "edge", "sal")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return pascal_context(tmp_path / "PASCALContext")


@pytest.fixture
def source(root: Path, tmp_path: Path) -> PASCALContext:
    return PASCALContext(root, "train", cache=tmp_path / "cache")


def test_the_split_is_what_its_list_says(source: PASCALContext) -> None:
    assert [source.identifier(index) for index in range(len(source))] == list(NAMES)
    assert source.size == (512, 512)
    channels = {name: task.channels for name, task in source.tasks.items()}
    assert channels == {"semseg": 21, "human_parts": 7, "normals": 3, "edge": 1, "sal": 2}


def test_classes_and_parts_come_from_the_recipe(root: Path) -> None:
    tasks = PASCALContext(root, "train", classes=11, parts=5).tasks
    assert (tasks["semseg"].channels, tasks["human_parts"].channels) == (11, 5)
    with pytest.raises(RecipeError, match="parts = 6"):
        PASCALContext(root, "train", parts=6)


def test_every_label_has_its_type(source: PASCALContext) -> None:
    sample = source.read(0, TASKS)
    kinds = {name: (values.dtype.name, values.shape) for name, values in sample.items()}
    assert kinds == {
        "image": ("uint8", (*SHAPE, 3)),
        "semseg": ("uint8", SHAPE),
        "human_parts": ("uint8", SHAPE),
        "normals": ("float32", (*SHAPE, 3)),
        "edge": ("float32", SHAPE),
        "sal": ("uint8", SHAPE),
    }


def test_semantic_classes_are_read_as_they_are(source: PASCALContext, root: Path) -> None:
    stored = np.array(Image.open(root / "semseg" / "VOC12" / "a1.png"))
    np.testing.assert_array_equal(source.read(0, ["semseg"])["semseg"], stored)


def test_semantic_classes_may_lie_in_the_other_folder(source: PASCALContext, root: Path) -> None:
    stored = np.full(SHAPE, 3, np.uint8)
    save(root / "semseg" / "pascal-context" / "a1.png", stored)
    assert source.read(0, ["semseg"])["semseg"].max() == 255
    (root / "semseg" / "VOC12" / "a1.png").unlink()
    np.testing.assert_array_equal(source.read(0, ["semseg"])["semseg"], stored)
    (root / "semseg" / "pascal-context" / "a1.png").unlink()
    one_line(lambda: source.read(0, ["semseg"]), "VOC12/a1.png")


def test_a_class_too_many_names_file_value_and_classes(root: Path) -> None:
    save(root / "semseg" / "VOC12" / "a1.png", np.full(SHAPE, 11, np.uint8))
    one_line(
        lambda: PASCALContext(root, "train", classes=11).read(0, ["semseg"]),
        "VOC12/a1.png",
        "11 classes",
        "found 11",
        "at least 12",
    )


def test_saliency_is_the_upper_half(source: PASCALContext, root: Path) -> None:
    stored = np.zeros(SHAPE, np.uint8)
    stored[0, :3] = [127, 128, 255]
    save(root / "sal_distill" / "a1.png", stored)
    assert source.read(0, ["sal"])["sal"][0, :4].tolist() == [0, 1, 1, 0]


def test_edges_are_where_the_label_map_changes_one_pixel_wide(source: PASCALContext) -> None:
    edge = source.read(0, ["edge"])["edge"]
    assert set(np.unique(edge)) == {0, 1}
    rows = np.flatnonzero(edge[:, 12])
    assert len(rows) == 3, "a column crosses the rectangle twice and the strip once"
    assert abs(rows - np.array([3.5, 11.5, 20.5])).max() <= 0.5
    assert edge[8, 5:19].sum() <= 1, "nothing inside the rectangle"


def test_a_boundary_is_a_laplacian_that_is_not_zero(source: PASCALContext, root: Path) -> None:
    labels = np.array([[0, 0, 1, 2, 2, 2, 2, 2, 9, 9]] * 6, np.uint8)
    path = root / "pascal-context" / "trainval" / "a1.mat"
    for name in ("JPEGImages/a1.jpg",):
        save(root / name, np.zeros((6, 10, 3), np.uint8))
    savemat(path, {"LabelMap": labels})
    edge = source.read(0, ["edge"])["edge"]
    assert not edge[:, 2].any(), "0, 1, 2: the indices cancel there, as in the released code"
    assert edge[2, 1:4].sum() == 2
    assert edge[2, 7:9].sum() == 1, "thinned from two pixels to one"


def test_the_truth_of_the_benchmark_is_where_a_class_ends(root: Path, tmp_path: Path) -> None:
    labels = np.array([[0, 0, 1, 1, 2, 2, 2, 2, 9, 9]] * 6, np.uint8)
    save(root / "JPEGImages" / "a1.jpg", np.zeros((6, 10, 3), np.uint8))
    savemat(root / "pascal-context" / "trainval" / "a1.mat", {"LabelMap": labels})
    source = PASCALContext(root, "train", cache=tmp_path / "cache", ground_truth="benchmark")
    edge = source.read(0, ["edge"])["edge"]
    assert edge.dtype == np.float32
    np.testing.assert_array_equal(edge * 255, benchmark_edges(labels))
    assert np.flatnonzero(edge[2]).tolist() == [1, 3, 7], "left of each change"


def test_label_and_truth_are_kept_side_by_side(root: Path, source: PASCALContext, tmp_path: Path) -> None:
    tested = PASCALContext(root, "train", cache=tmp_path / "cache", ground_truth="benchmark")
    first = [each.read(0, ["edge"])["edge"] for each in (source, tested)]
    again = [each.read(0, ["edge"])["edge"] for each in (source, tested)]
    assert not np.array_equal(first[0], first[1])
    np.testing.assert_array_equal(first, again)
    assert {path.name for path in (tmp_path / "cache").iterdir()} >= {"edge-1", "edge-benchmark-1"}


def test_normals_count_only_on_classes_that_rooms_have(source: PASCALContext, root: Path) -> None:
    save(root / "normals_distill" / "a1.png", np.full((*SHAPE, 3), [0, 255, 128], np.uint8))
    normals = source.read(0, ["normals"])["normals"]
    valid = rectangle(4, 4, 12, 20)
    valid[-3:, 3:] = True
    np.testing.assert_allclose(normals[valid], np.broadcast_to([-1, 1, 1 / 255], (valid.sum(), 3)), atol=1e-6)
    assert (normals[~valid] == 255).all()


def test_runs_begun_with_normals_on_unknown_go_on_with_them(root: Path) -> None:
    now, before = (
        PASCALContext(root, "train", legacy_normals=legacy).read(0, ["normals"])["normals"] for legacy in (False, True)
    )
    more = (before != 255).all(axis=2) & (now == 255).all(axis=2)
    assert np.array_equal(more, rectangle(SHAPE[0] - 3, 0, SHAPE[0], 3))


def test_names_of_rooms_classes_may_be_a_list(source: PASCALContext, root: Path) -> None:
    (root / "json" / "nyu_classes.json").write_text('["sky"]')
    assert (source.read(0, ["normals"])["normals"][0] != 255).all()


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("nyu", "{"),
        ("nyu", "3"),
        ("nyu", None),
        ("context", "[]"),
        ("context", '{"bed": 5}'),
        ("context", '{"bed": "5", "tvmonitor": 427}'),
        ("context", '{"bed": 5.5, "tvmonitor": 427}'),
        ("context", None),
    ],
)
def test_broken_lists_of_classes_are_named(source: PASCALContext, root: Path, file: str, text: str | None) -> None:
    path = root / "json" / f"{file}_classes.json"
    path.unlink()
    if text is not None:
        path.write_text(text)
    one_line(lambda: source.read(0, ["normals"]), str(path))


def test_only_the_files_of_the_tasks_are_touched(source: PASCALContext, root: Path) -> None:
    for folder in ("semseg/VOC12", "human_parts", "normals_distill", "pascal-context/trainval"):
        for path in (root / folder).iterdir():
            path.unlink()
    (root / "ImageSets" / "Parts" / "train.txt").unlink()
    assert set(source.read(0, ["sal"])) == {"image", "sal"}
    assert source.usable(0, ["sal", "human_parts"])


def test_an_unknown_task_is_named(source: PASCALContext) -> None:
    with pytest.raises(RecipeError, match="'depth'"):
        source.read(0, ["depth"])


FILES = {
    "semseg": "semseg/VOC12/a1.png",
    "human_parts": "human_parts/a1.mat",
    "normals": "normals_distill/a1.png",
    "edge": "pascal-context/trainval/a1.mat",
    "sal": "sal_distill/a1.png",
}


@pytest.mark.parametrize("damage", ["missing", "cut short", "empty", "other content"])
@pytest.mark.parametrize("task", [*TASKS, "image"])
def test_a_file_that_is_missing_or_broken_is_named(source: PASCALContext, root: Path, task: str, damage: str) -> None:
    path = root / FILES.get(task, "JPEGImages/a1.jpg")
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes({"cut short": content[: len(content) // 2], "empty": b""}.get(damage, b"something else" * 20))
    one_line(lambda: source.read(0, ["sal" if task == "image" else task]), str(path))


@pytest.mark.parametrize("task", TASKS)
def test_a_label_of_another_size_is_named(source: PASCALContext, root: Path, tmp_path: Path, task: str) -> None:
    other = pascal_context(tmp_path / "other", shape=(24, 31))
    (root / FILES[task]).write_bytes((other / FILES[task]).read_bytes())
    one_line(lambda: source.read(0, [task]), str(root / FILES[task]), "24 × 31")


@pytest.mark.parametrize("labels", [np.zeros((2, 3, 4)), np.array([["a"]]), np.zeros((0, 3))])
def test_a_label_map_of_another_kind_is_named(source: PASCALContext, root: Path, labels: np.ndarray) -> None:
    path = root / "pascal-context" / "trainval" / "a1.mat"
    savemat(path, {"LabelMap": labels})
    one_line(lambda: source.read(0, ["edge"]), str(path), "LabelMap")
    savemat(path, {"Labels": np.zeros(SHAPE)})
    one_line(lambda: source.read(0, ["edge"]), str(path), "LabelMap", "Labels")


def test_broken_lists_are_named(root: Path, tmp_path: Path) -> None:
    one_line(lambda: PASCALContext(tmp_path / "nowhere", "train"), "nowhere")
    one_line(lambda: PASCALContext(root, "test"), "Context/test.txt", "train")
    one_line(lambda: PASCALContext(nyud(tmp_path / "nyud"), "train"), "Context/train.txt", "none")
    save_list(root / "ImageSets" / "Context" / "train.txt", [])
    one_line(lambda: PASCALContext(root, "train"), "Context/train.txt", "empty")


def test_labels_are_the_same_from_the_cache(source: PASCALContext, tmp_path: Path) -> None:
    first = source.read(0, TASKS)
    assert list((tmp_path / "cache").rglob("*.png"))
    again = source.read(0, TASKS)
    for name, values in first.items():
        np.testing.assert_array_equal(values, again[name])


@pytest.mark.parametrize("split", ["train", "val"])
def test_real_photographs_have_plausible_labels(tmp_path: Path, split: str) -> None:
    source = PASCALContext(real_data("PASCALContext"), split, cache=tmp_path)
    seen = set()
    for index in range(0, len(source), len(source) // 12):
        sample = source.read(index, ["semseg", "human_parts", "edge", "sal"])
        assert len({values.shape[:2] for values in sample.values()}) == 1
        assert set(np.unique(sample["edge"])) == {0, 1}
        assert 0.001 < sample["edge"].mean() < 0.15
        assert set(np.unique(sample["sal"])) <= {0, 1}
        parts = set(np.unique(sample["human_parts"]).tolist())
        seen |= parts
        assert parts == {255} or parts <= set(range(7))
        assert (parts == {255}) or 15 in sample["semseg"]
    assert seen == {*range(7), 255}


def test_real_people_are_in_the_list(tmp_path: Path) -> None:
    root = real_data("PASCALContext")
    source = PASCALContext(root, "val", cache=tmp_path)
    listed = json.loads((root / "ImageSets" / "Parts" / "val.txt").read_text())
    people = [index for index in range(len(source)) if source.usable(index, ["human_parts"])]
    assert len(people) == 104
    assert all(15 in listed[source.identifier(index)] for index in people)


def test_real_roads_have_their_own_classes(tmp_path: Path) -> None:
    root = real_data("CamVid")
    source = PASCALContext(root, "val", size=(240, 320), classes=11, cache=tmp_path)
    for index in range(0, len(source), 9):
        sample = source.read(index, ["semseg", "edge"])
        assert set(np.unique(sample["semseg"]).tolist()) <= {*range(11), 255}
        inner = cv2.erode((sample["semseg"] == 3).astype(np.uint8), np.ones((5, 5)))
        assert sample["edge"][inner == 1].mean() < 0.02, "few edges inside the road"
    one_line(lambda: PASCALContext(root, "val", classes=5, cache=tmp_path).read(0, ["semseg"]), "5 classes")
