"""Tables of the datasets library in folders; no hub could be reached where this was written."""

import io
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from folders import one_line
from PIL import Image

from fedhca.config.section import Section, validated
from fedhca.data.described.dataset_description import Labels
from fedhca.data.described.huggingface import HuggingFace
from fedhca.data.synthetic import Rooms
from fedhca.errors import FedhcaError
from fedhca.experiment.check import check_recipe
from fedhca.experiment.recipes import load_recipe, to_yaml
from fedhca.experiment.sources import data_sets
from tiny import RECIPE

datasets = pytest.importorskip("datasets")
SHAPE = (32, 48)
COUNT = 4


class Described(Section):
    tasks: Labels


def labels(**tasks: dict[str, Any]) -> Labels:
    return validated({"tasks": tasks}, Described, "test").tasks


LABELS: dict[str, dict[str, Any]] = {
    "things": {"kind": "semseg", "classes": 11},
    "depth": {"kind": "depth", "unit": "metres"},
}
COLUMNS = {"image": "photo", "things": "mask"}
SPLITS: dict[str, str | float] = {"train": "train", "val": "validation"}


def table(count: int = COUNT, split: str = "train", without: int | None = None) -> Any:
    """Return rooms as a table: pictures and masks as PNG, depth as an array."""
    scenes = Rooms(count, size=SHAPE, split=split)
    samples = [scenes.read(index, ["semseg", "depth"]) for index in range(count)]
    features = datasets.Features(
        {"photo": datasets.Image(), "mask": datasets.Image(), "depth": datasets.Array2D(SHAPE, "float32")}
    )
    columns = {
        "photo": [Image.fromarray(sample["image"]) for sample in samples],
        "mask": [
            None if index == without else Image.fromarray(sample["semseg"]) for index, sample in enumerate(samples)
        ],
        "depth": [sample["depth"] for sample in samples],
    }
    return datasets.Dataset.from_dict(columns, features=features)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("tables") / "rooms"
    datasets.disable_progress_bars()
    datasets.DatasetDict({"train": table(), "validation": table(2, "val")}).save_to_disk(str(place))
    return place


@pytest.fixture
def parquet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    table().to_parquet(str(tmp_path / "rooms" / "data" / "train-00000-of-00001.parquet"))
    table(2, "val").to_parquet(str(tmp_path / "rooms" / "validation" / "0000.parquet"))
    return tmp_path / "rooms"


def opened(path: Path, split: str = "train", **more: Any) -> HuggingFace:
    options: dict[str, Any] = {"splits": SPLITS, "columns": COLUMNS, "size": SHAPE, **more}
    return HuggingFace(str(path), split, options.pop("labels", labels(**LABELS)), **options)


def same_rooms(source: HuggingFace, split: str, count: int) -> None:
    assert len(source) == count
    scenes = Rooms(count, size=SHAPE, split=split)
    for index in range(count):
        before, after = scenes.read(index, ["semseg", "depth"]), source.read(index, ["things", "depth"])
        np.testing.assert_array_equal(after["image"], before["image"])
        np.testing.assert_array_equal(after["things"], before["semseg"])
        np.testing.assert_array_equal(after["depth"], before["depth"])


def test_what_was_saved_to_disk_is_read_as_it_was(saved: Path) -> None:
    same_rooms(opened(saved), "train", COUNT)
    same_rooms(opened(saved, "val"), "val", 2)


def test_parquet_files_are_read_by_the_names_of_their_splits(parquet: Path) -> None:
    same_rooms(opened(parquet), "train", COUNT)
    same_rooms(opened(parquet, "val"), "val", 2)


def test_testing_may_have_a_share_of_one_split(tmp_path: Path) -> None:
    table().save_to_disk(str(tmp_path / "one"))
    shared: dict[str, str | float] = {"train": "train", "val": 0.25}
    both = {split: opened(tmp_path / "one", split, splits=shared) for split in SPLITS}
    names = {split: {each.identifier(index) for index in range(len(each))} for split, each in both.items()}
    assert [len(names["train"]), len(names["val"])] == [3, 1]
    assert len(names["train"] | names["val"]) == COUNT
    one_line(lambda: opened(tmp_path / "one", "val"), "'validation'", "one split", "`val`")


def test_rows_without_a_label_are_left_out_where_that_is_said(tmp_path: Path) -> None:
    table(without=0).save_to_disk(str(tmp_path / "t"))
    some = opened(tmp_path / "t", labels=labels(things={**LABELS["things"], "missing": "ignore"}))
    assert [some.usable(index, ["things"]) for index in range(COUNT)] == [False, True, True, True]
    assert (some.read(0, ["things"])["things"] == 255).all()
    one_line(lambda: opened(tmp_path / "t").read(0, ["things"]), "[0].mask", "missing: ignore")


def column(values: Any, feature: Any, **label: Any) -> HuggingFace:
    """Return a table of one row with one picture and one label."""
    features = datasets.Features({"image": datasets.Image(), "t": feature})
    rows = datasets.Dataset.from_dict({"image": [Image.new("RGB", SHAPE[::-1])], "t": [values]}, features=features)
    with TemporaryDirectory() as place:
        rows.save_to_disk(place)
        return opened(Path(place), labels=labels(t=label), columns={})


@pytest.mark.parametrize(
    ("values", "kind", "label", "expected"),
    [
        (np.full(SHAPE, -1), "int32", {"kind": "semseg", "classes": 2, "ignore": -1}, 255),
        (np.full(SHAPE, 1.0), "float64", {"kind": "semseg", "classes": 2}, 1),
        (np.full((*SHAPE, 1), 1), "uint8", {"kind": "semseg", "classes": 2}, 1),
        (np.full((*SHAPE, 3), [9, 0, 0]), "uint8", {"kind": "semseg", "colours": {"x": [0, 0, 0], "y": [9, 0, 0]}}, 1),
        (np.full(SHAPE, np.nan), "float32", {"kind": "sal", "white": 1}, 255),
        (np.array([[3.0, 4, 2], [0, 0, 0]]), "float32", {"kind": "keypoints", "points": 2}, [[3, 4, 1], [0, 0, 0]]),
        (1.0, None, {"kind": "classification", "classes": 2}, 1),
        (-1, None, {"kind": "classification", "classes": 2}, 255),
    ],
)
def test_labels_of_columns_mean_what_those_of_files_do(
    values: Any, kind: str | None, label: dict[str, Any], expected: Any
) -> None:
    arrays = {2: datasets.Array2D, 3: datasets.Array3D}
    feature = datasets.Value("float64") if kind is None else arrays[values.ndim](values.shape, kind)
    np.testing.assert_array_equal(column(values, feature, **label).read(0, ["t"])["t"], expected)


def test_masks_of_columns_are_no_jpeg() -> None:
    mask = io.BytesIO()
    Image.new("L", SHAPE[::-1]).save(mask, "JPEG")
    table = column({"bytes": mask.getvalue(), "path": None}, datasets.Image(), kind="semseg", classes=2)
    one_line(lambda: table.read(0, ["t"]), "[0].t", "JPEG, which changes")


def test_what_is_wrong_is_one_line(saved: Path, tmp_path: Path) -> None:
    one_line(lambda: opened(saved, splits={"train": "training", "val": "validation"}), "'training'", "validation")
    one_line(lambda: opened(tmp_path), str(tmp_path), "parquet")
    one_line(lambda: opened(saved, columns={"image": "depth", "things": "mask"}).read(0, []), "[0].depth", "picture")
    with pytest.raises(FedhcaError, match=r"Unknown column 'pohto': did you mean 'photo'\?.*`columns`"):
        opened(saved, columns={**COLUMNS, "image": "pohto"})
    wrong = labels(things={"kind": "semseg", "classes": 1}, depth=LABELS["depth"])
    one_line(lambda: opened(saved, labels=wrong).read(0, ["things"]), "[0].mask", "`classes`")
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "state.json").write_text("{")
    one_line(lambda: opened(tmp_path / "x"), str(tmp_path / "x"), "cannot be read")


def test_a_hub_that_cannot_be_reached_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    one_line(lambda: opened(Path("somebody/rooms-of-nobody")), "'somebody/rooms-of-nobody'", "hub", "`path`")
    one_line(lambda: opened(Path("no such name")), "'no such name'", "hub")


def test_no_file_elsewhere_is_opened(saved: Path, tmp_path: Path) -> None:
    place = tmp_path / "t"
    table().save_to_disk(str(place))
    state = json.loads((place / "state.json").read_text())
    for name in ("../elsewhere.arrow", str(saved / "train" / "data-00000-of-00001.arrow")):
        state["_data_files"] = [{"filename": name}]
        (place / "state.json").write_text(json.dumps(state))
        one_line(lambda: opened(place), "state.json", name)
    secret = tmp_path / "secret.png"
    Image.fromarray(np.zeros((*SHAPE, 3), np.uint8)).save(secret)
    paths = datasets.Dataset.from_dict({"photo": [{"bytes": None, "path": str(secret)}]})
    paths.save_to_disk(str(tmp_path / "paths"))
    one_line(lambda: opened(tmp_path / "paths", labels={}).read(0, []), "[0].photo", "a file elsewhere")


def test_a_recipe_names_it(saved: Path, tmp_path: Path) -> None:
    data = {"kind": "huggingface", "path": str(saved), "size": [*SHAPE], "tasks": LABELS, "columns": COLUMNS}
    values = {
        "model": load_recipe(RECIPE).model.model_dump(),
        "datasets": {"rooms": data},
        "clients": [{"name": "a", "dataset": "rooms", "tasks": ["things", "depth"]}],
    }
    (tmp_path / "r.yaml").write_text(to_yaml(values))
    assert check_recipe(load_recipe(tmp_path / "r.yaml")).problems == []
    assert [*data_sets(tmp_path / "r.yaml")] == ["rooms"]
    for change, words in {
        "columns.dept=x": "`columns`",
        "tasks.depth.folder=x": "`folder`",
        "tasks={}": "`datasets.rooms.tasks`",
        "trust_remote_code=true": "unknown key",
    }.items():
        with pytest.raises(FedhcaError, match=words):
            load_recipe(tmp_path / "r.yaml", [f"datasets.rooms.{change}"])


def test_of_the_hub_parquet_alone_is_asked_for(parquet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stand-in for the hub's client: no hub could be reached."""
    asked = []

    def download(name: str, **options: Any) -> str:
        asked.append((name, options))
        return str(parquet if options["revision"] else parquet.parent / "empty")

    (parquet.parent / "empty").mkdir()
    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    same_rooms(opened(Path("lab/rooms")), "train", COUNT)
    assert [options["revision"] for _, options in asked] == [None, "refs/convert/parquet"]
    assert all(name == "lab/rooms" for name, _ in asked)
    assert all(options["allow_patterns"] == "*.parquet" for _, options in asked)
    assert all(options["repo_type"] == "dataset" for _, options in asked)
    opened(Path("lab/rooms"), revision="v1")
    assert asked[-1][1]["revision"] == "v1"
