import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import own
import pytest
from folders import one_line, save, save_list
from PIL import Image

from fedhca.data.augmented import Augmented
from fedhca.data.described.folder import Folder
from fedhca.data.synthetic import Rooms
from fedhca.errors import DataError
from fedhca.tasks import Classification, Depth, Keypoints, SemanticSegmentation

SHAPE = (32, 48)
FIRST = "room-train-000000"


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return own.rooms(tmp_path_factory.mktemp("own") / "rooms")


@pytest.fixture
def root(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "rooms"))


def whole(root: Path, **tasks: dict[str, Any]) -> Folder:
    """Open all pictures but the last, with other words for tasks if given."""
    (root / "last.txt").write_text("room-train-000003\n")
    values = own.described(own.ROOMS, Rooms(1, size=SHAPE))
    own.describe(root, {**values, "tasks": tasks or values["tasks"], "val": "last.txt"})
    return Folder(root, "train", size=SHAPE)


def semseg(**more: Any) -> dict[str, Any]:
    return {"kind": "semseg", "classes": 3, **more}


def first(root: Path, **tasks: dict[str, Any]) -> np.ndarray:
    """Return the only task's label of the first picture."""
    (name,) = tasks
    return whole(root, **tasks).read(0, [name])[name]


def test_scenes_written_down_are_read_as_they_were(root: Path) -> None:
    scenes, folder = Rooms(4, size=SHAPE), whole(root)
    for index in range(3):
        before, after = scenes.read(index, own.ROOMS), folder.read(index, own.ROOMS)
        assert after.keys() == before.keys()
        assert all(after[name].dtype == before[name].dtype for name in before)
        for name in ("image", "semseg", "edge"):
            np.testing.assert_array_equal(after[name], before[name])
        np.testing.assert_allclose(after["depth"], before["depth"], atol=0.0005001)
        np.testing.assert_allclose(after["normals"], before["normals"], atol=1 / 255 + 1e-6)


def test_tasks_are_called_as_the_file_calls_them(root: Path) -> None:
    save(root / "masks" / f"{FIRST}_m.png", np.zeros(SHAPE, np.uint8))
    folder = whole(root, cracks=semseg(classes=["no", "yes"], folder="masks", suffix="_m", missing="ignore"))
    assert folder.tasks == {"cracks": SemanticSegmentation(name="cracks", channels=2)}
    assert folder.usable(0, ["cracks"])
    assert not folder.usable(1, ["cracks"])
    assert (folder.read(1, ["cracks"])["cracks"] == 255).all()
    assert len(Augmented(folder, range(3), ["cracks"], train=True)) == 1


@pytest.mark.parametrize(
    ("stored", "label", "expected"),
    [
        (np.arange(4, dtype=np.uint8), semseg(ignore=3), [0, 1, 2, 255]),
        (np.array([0, 1, 3, 255], np.uint8), semseg(offset=1, ignore=[0, 255]), [255, 0, 2, 255]),
        (np.array([0, 2, 65535, 1], np.uint16), semseg(ignore=65535), [0, 2, 255, 1]),
        (np.array([0, 2, 1, 255], np.uint64), semseg(), [0, 2, 1, 255]),
        (np.array([0, 1500, 65535, 20], np.uint16), {"kind": "depth", "unit": "millimetres", "invalid": [0, 65535]},
         [255, 1.5, 255, 0.02]),
        (np.array([0, 100, 1, 2], np.uint16), {"kind": "depth", "unit": 0.25}, [255, 25, 0.25, 0.5]),
        (np.array([65535, 65534, 1, 2], np.uint16), {"kind": "depth", "unit": "millimetres"},
         [255, 65.534, 0.001, 0.002]),
        (np.array([0, -1, np.nan, 2.5], np.float32), {"kind": "depth", "unit": "metres"}, [255, 255, 255, 2.5]),
        (np.array([1, 2, 0, 255], np.uint64), semseg(), [1, 2, 0, 255]),
        (np.array([0, -1, 1, 255], np.int32), semseg(ignore=[-1, 255]), [0, 255, 1, 255]),
        (np.array([0, -1, 6, 1], np.int32), {"kind": "human_parts", "ignore": -1}, [0, 255, 6, 1]),
        (np.array([0, -1, 200, 1], np.int32), {"kind": "sal", "ignore": -1}, [0, 255, 1, 0]),
        (np.array([0, -1, 51, 255], np.int32), {"kind": "edge", "ignore": -1}, [0, 255, 0.2, 1]),
        (np.array([0, np.nan, np.inf, 1], np.float32), {"kind": "edge", "white": 1}, [0, 255, 255, 1]),
        (np.array([0, 127, 128, 255], np.uint8), {"kind": "sal"}, [0, 0, 1, 1]),
        (np.array([0, 1, 1, 7], np.uint8), {"kind": "sal", "white": 1, "ignore": 7}, [0, 1, 1, 255]),
        (np.array([0, 51, 255, 255], np.uint8), {"kind": "edge"}, [0, 0.2, 1, 1]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("ending", [".png", ".tif", ".npy"])
def test_values_mean_what_the_file_says(
    root: Path, stored: np.ndarray, label: dict[str, Any], expected: list[float], ending: str
) -> None:
    if stored.dtype == np.uint64:
        ending = ".npy"
    if stored.dtype in [np.float32, np.int32] and ending == ".png":
        ending = ".tiff"
    save(root / "task" / f"{FIRST}{ending}", np.resize(stored, SHAPE))
    np.testing.assert_allclose(first(root, task={**label, "missing": "ignore"})[0, :4], expected, rtol=1e-6)


def test_a_palette_and_one_bit_are_indices(root: Path) -> None:
    label = np.resize(np.array([0, 1], np.uint8), SHAPE)
    (root / "task").mkdir()
    picture = Image.fromarray(label)
    picture.putpalette([0, 0, 0, 200, 30, 30])
    picture.save(root / "task" / f"{FIRST}.png")
    Image.fromarray(label.astype(bool)).save(root / "task" / "room-train-000001.png")
    folder = whole(root, task=semseg(missing="ignore"))
    for index in range(2):
        np.testing.assert_array_equal(folder.read(index, ["task"])["task"], label)


@pytest.mark.parametrize("mode", ["P", "RGB", "LA"])
def test_a_mask_says_the_same_in_whatever_mode_it_was_saved(root: Path, mode: str) -> None:
    mask = np.resize(np.array([255, 255, 0], np.uint8), SHAPE)
    stored = Image.fromarray(mask)
    (root / "task").mkdir()
    (stored.quantize(2) if mode == "P" else stored.convert(mode)).save(root / "task" / f"{FIRST}.png")
    np.testing.assert_array_equal(first(root, task={"kind": "sal", "missing": "ignore"}), mask // 255)
    np.testing.assert_array_equal(first(root, task={"kind": "edge", "missing": "ignore"}), mask / 255)


def test_normals_are_colours_or_vectors(root: Path) -> None:
    vectors = np.zeros((*SHAPE, 3), np.float32)
    vectors[0, 0], vectors[0, 1] = [0, 0.6, -0.8], np.nan
    save(root / "task" / f"{FIRST}.npy", vectors)
    label = first(root, task={"kind": "normals", "missing": "ignore"})
    assert label[0, 0].tolist() == vectors[0, 0].tolist()
    assert (label[0, 1:] == 255).all()


def test_classes_of_pictures_are_lines_of_a_table(root: Path) -> None:
    lines = [f"{FIRST}.png,,bath", "room-train-000001,x,0", "room-train-000002,,"]
    (root / "kind.csv").write_bytes(b"\xef\xbb\xbfid,note,class\r\n" + "\r\n".join(lines).encode())
    told = {"kind": "classification", "classes": ["kitchen", "bath"], "missing": "ignore"}
    folder = whole(root, kind=told)
    labels = [folder.read(index, ["kind"])["kind"] for index in range(3)]
    assert [(label.shape, int(label)) for label in labels] == [((), 1), ((), 0), ((), 255)]
    assert [folder.usable(index, ["kind"]) for index in range(3)] == [True, True, False]
    assert folder.tasks == {"kind": Classification(name="kind", channels=2, names=("kitchen", "bath"))}
    assert int(Augmented(folder, range(3), ["kind"], train=True)[0, 7]["kind"]) in {0, 1}


POINTS = {"kind": "keypoints", "points": ["nose", "left", "right"], "swaps": [["left", "right"]], "file": "p.csv"}


def test_points_are_lines_of_a_table(root: Path) -> None:
    (root / "p.csv").write_text(f"id,point,x,y\n{FIRST},nose,3,4.5\n{FIRST},2,47,0\n{FIRST},left,,\n")
    folder = whole(root, hands={**POINTS, "missing": "ignore"})
    assert folder.read(0, ["hands"])["hands"].tolist() == [[3, 4.5, 1], [0, 0, 0], [47, 0, 1]]
    assert folder.read(1, ["hands"])["hands"].tolist() == [[0, 0, 0]] * 3
    assert folder.tasks == {"hands": Keypoints(name="hands", channels=3, swaps=((1, 2),))}


TABLES: dict[str, tuple[str, list[str]]] = {
    "no file": ("", ["t.csv", "id,"]),
    "empty": ("\n", ["t.csv", "id,"]),
    "other columns": ("name,label\n", ["t.csv", "name,label", "column id"]),
    "too many values": (f"id,class,point,x,y\n{FIRST},1,0,1,1,1\n", ["t.csv, line 2", "6"]),
    "unknown word": (f"id,class,point,x,y\n{FIRST},leftt,leftt,1,1\n", ["t.csv, line 2", "did you mean 'left'?"]),
    "beyond": (f"id,class,point,x,y\n{FIRST},3,3,1,1\n", ["t.csv, line 2", "'3'"]),
    "a column twice": (f"id,class,class,point,x,y,x\n{FIRST},1,1,0,1,1,1\n", ["t.csv", "each once", "Take one column"]),
    "no bytes of text": ("\udcff", ["t.csv", "UTF-8"]),
    "missing picture": ("id,class,point,x,y\nother,1,0,1,1\n", ["t.csv", f"images/{FIRST}.png", "missing: ignore"]),
}


@pytest.mark.parametrize("kind", ["classification", "keypoints"])
@pytest.mark.parametrize("what", TABLES)
def test_whatever_is_wrong_in_a_table_is_one_line(root: Path, kind: str, what: str) -> None:
    text, words = TABLES[what]
    if text:
        (root / "t.csv").write_text(text, errors="surrogateescape")
    more: dict[str, Any] = {"classes" if kind == "classification" else "points": ["left", "right", "top"]}
    one_line(lambda: whole(root, t={"kind": kind, **more}).read(0, ["t"]), *words)


@pytest.mark.parametrize("line", ["nose,48,3", "nose,-1,3", "nose,3,32", "nose,x,3", "nose,nan,3", "nose,3,"])
def test_points_lie_in_their_picture(root: Path, line: str) -> None:
    (root / "p.csv").write_text(f"id,point,x,y\n{FIRST},{line}\n")
    one_line(lambda: whole(root, p=POINTS).read(0, ["p"]), "p.csv")


def test_photographs_are_turned_as_the_camera_held_them(root: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.zeros((48, 32, 3), np.uint8)).save(root / "images" / f"{FIRST}.jpg", exif=exif)
    (root / "images" / f"{FIRST}.png").unlink()
    assert whole(root).read(0, ["edge"])["image"].shape == (*SHAPE, 3)


def test_splits_are_lists_or_a_draw(root: Path) -> None:
    names = {path.stem for path in (root / "images").iterdir()}
    drawn = {split: {*_names(Folder(root, split))} for split in ("train", "val")}
    assert [len(drawn["train"]), len(drawn["val"])] == [3, 1]
    assert drawn["train"] | drawn["val"] == names
    (root / "val.txt").write_bytes(b"\xef\xbb\xbfroom-train-000001.png\r\nroom-train-000002\r\n")
    values = own.described(own.ROOMS, Rooms(1, size=SHAPE))
    own.describe(root, {**values, "val": "val.txt"})
    assert _names(Folder(root, "val")) == ["room-train-000001", "room-train-000002"]
    assert _names(Folder(root, "train")) == [FIRST, "room-train-000003"]
    own.describe(root, {**values, "seed": 1, "val": 0.5})
    assert len(Folder(root, "val")) == 2


def _names(folder: Folder) -> list[str]:
    return [folder.identifier(index) for index in range(len(folder))]


def test_a_folder_is_what_the_recipe_thinks_it_is(root: Path) -> None:
    described = whole(root).description.tasks
    Folder(root, expected=described)
    own.describe(root, {"tasks": {"semseg": semseg(), "depth": {"kind": "depth", "unit": "metres"}}})
    one_line(lambda: Folder(root, expected=described), "dataset.yaml", "'semseg'", "channels=3")
    one_line(lambda: Folder(root, expected={"edge": described["edge"]}), "dataset.yaml", "'edge'")
    # In what unit a site keeps its depth is its own affair.
    Folder(root, expected={"depth": described["depth"]})
    assert described["depth"].task("depth") == Depth()


def say(root: Path, **more: Any) -> None:
    own.describe(root, {**own.described(own.ROOMS, Rooms(1, size=SHAPE)), **more})


def tasks(**some: Any) -> Callable[[Path], None]:
    return lambda root: say(root, tasks=some)


def instead(root: Path, task: str, values: np.ndarray) -> None:
    """Put an array in the place of the first picture's label."""
    (root / task / f"{FIRST}.png").unlink()
    save(root / task / f"{FIRST}.npy", values)


def lists(root: Path, **names: list[str]) -> None:
    say(root, **{split: f"{split}.txt" for split in names})
    for split, those in names.items():
        save_list(root / f"{split}.txt", those)


def elsewhere(root: Path, name: str) -> None:
    """Put a link in the place of a file or folder."""
    place = root.parent / "elsewhere"
    shutil.move(root / name, place)
    (root / name).symlink_to(place)


def list_elsewhere(root: Path) -> None:
    lists(root, val=[FIRST])
    elsewhere(root, "val.txt")


SPOILT: dict[str, tuple[Callable[[Path], object], list[str]]] = {
    "no description": (lambda root: own.remove(root / "dataset.yaml"), ["dataset.yaml", "fedhca new dataset"]),
    "no pictures": (lambda root: shutil.rmtree(root / "images"), ["images", "folder"]),
    "empty pictures": (lambda root: own.remove(*(root / "images").iterdir()), ["images", ".png"]),
    "no labels": (lambda root: shutil.rmtree(root / "depth"), ["depth", "folder"]),
    "missing label": (lambda root: own.remove(root / "depth" / f"{FIRST}.png"),
                      [f"depth/{FIRST}.png", f"images/{FIRST}.png", "missing: ignore"]),
    "two labels": (lambda root: save(root / "depth" / f"{FIRST}.npy", np.zeros(SHAPE)), [f"{FIRST}.png", ".npy"]),
    "two pictures": (lambda root: shutil.copy(root / "images" / f"{FIRST}.png", root / "images" / f"{FIRST}.bmp"),
                     [f"{FIRST}.bmp", f"{FIRST}.png"]),
    "other size": (lambda root: save(root / "depth" / f"{FIRST}.png", np.ones((32, 40), np.uint16)),
                   [f"depth/{FIRST}.png", f"images/{FIRST}.png", "32 × 48", "32 × 40"]),
    "class beyond": (lambda root: save(root / "semseg" / f"{FIRST}.png", np.full(SHAPE, 77, np.uint8)),
                     [f"semseg/{FIRST}.png", "77", "`classes`"]),
    "colours for classes": (lambda root: save(root / "semseg" / f"{FIRST}.png", np.eye(3, dtype=np.uint8)[[[0]]]),
                            [f"semseg/{FIRST}.png", "3 channels", "palette", "`colours`"]),
    "real numbers for classes": (lambda root: instead(root, "semseg", np.full(SHAPE, 0.5)),
                                 [f"semseg/{FIRST}.npy", "found 0.5", "whole numbers"]),
    "classes below 0": (lambda root: instead(root, "semseg", np.full(SHAPE, -1)), [f"semseg/{FIRST}.npy", "-1"]),
    "classes beyond 16 bits": (lambda root: instead(root, "semseg", np.full(SHAPE, 65536, np.uint32)),
                               [f"semseg/{FIRST}.npy", "found 65536"]),
    "classes beyond 63 bits": (lambda root: instead(root, "semseg", np.full(SHAPE, 2**64 - 256, np.uint64)),
                               [f"semseg/{FIRST}.npy", "found 18446744073709551360"]),
    "grey normals": (lambda root: save(root / "normals" / f"{FIRST}.png", np.zeros(SHAPE, np.uint8)),
                     [f"normals/{FIRST}.png", "three channels"]),
    "long normals": (lambda root: instead(root, "normals", np.full((*SHAPE, 3), 2.0)),
                     [f"normals/{FIRST}.npy", "from -1 to 1", "2"]),
    "four dimensions": (lambda root: instead(root, "normals", np.zeros((2, 2, 3, 1))),
                        [f"normals/{FIRST}.npy", "[2, 2, 3, 1]"]),
    "objects": (lambda root: instead(root, "normals", np.array([[None]])), [f"normals/{FIRST}.npy", "cannot be read"]),
    "white beyond": (tasks(edge={"kind": "edge", "white": 1}), ["edge/", "`white`", "255"]),
    "text for a label": (lambda root: (root / "edge" / f"{FIRST}.png").write_text("hello"), [f"edge/{FIRST}.png"]),
    "listed without picture": (lambda root: lists(root, train=[FIRST, "zz"]), ["images/zz.*", "'zz'", "list"]),
    "no such list": (lambda root: say(root, val="v.txt"), ["v.txt", "list"]),
    "in both lists": (lambda root: lists(root, train=[FIRST], val=[FIRST]), ["train.txt", f"'{FIRST}'", "one list"]),
    "a path in a list": (lambda root: lists(root, val=["../x"]), ["val.txt", "'../x'"]),
    "list elsewhere": (list_elsewhere, ["val.txt", "leads out"]),
    "labels elsewhere": (lambda root: elsewhere(root, "edge"), ["edge", "leads out"]),
    "label elsewhere": (lambda root: elsewhere(root, f"edge/{FIRST}.png"), [f"edge/{FIRST}.png", "leads out"]),
    "all for testing": (lambda root: lists(root, val=[path.stem for path in (root / "images").iterdir()]),
                        ["dataset.yaml", "training"]),
}  # fmt: skip


@pytest.mark.parametrize("kind", SPOILT)
def test_whatever_is_wrong_is_one_line_that_names_the_file(root: Path, kind: str) -> None:
    spoil, words = SPOILT[kind]
    spoil(root)

    def read() -> None:
        for split in ("train", "val"):
            folder = Folder(root, split, size=SHAPE)
            for index in range(len(folder)):
                folder.read(index, [*folder.tasks])

    one_line(read, *words)


def painted(**each: list[int]) -> dict[str, Any]:
    return {"kind": "semseg", "colours": each}


WORDS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "no tasks": ({"tasks": {}}, ["`tasks`"]),
    "unknown kind": ({"tasks": {"a": {"kind": "semsegg"}}}, ["`tasks.a.kind`", "Did you mean 'semseg'?"]),
    "no kind": ({"tasks": {"a": {"classes": 3}}}, ["`tasks.a.kind`", "missing"]),
    "no classes": ({"tasks": {"a": {"kind": "semseg"}}}, ["`tasks.a.classes`", "missing"]),
    "too many classes": ({"tasks": {"a": semseg(classes=256)}}, ["`tasks.a.classes`", "255"]),
    "a class twice": ({"tasks": {"a": semseg(classes=["x", "x"])}}, ["`tasks.a`", "different names"]),
    "misspelt key": ({"tasks": {"a": semseg(ignroe=1)}}, ["`tasks.a.ignroe`", "did you mean `ignore`?"]),
    "misspelt key above": ({"valid": 0.2}, ["`valid`", "`val`"]),
    "no unit": ({"tasks": {"a": {"kind": "depth"}}}, ["`tasks.a.unit`", "missing"]),
    "unknown unit": ({"tasks": {"a": {"kind": "depth", "unit": "miles"}}}, ["`tasks.a.unit`", "'miles'"]),
    "up": ({"tasks": {"a": semseg(folder="../a")}}, ["`tasks.a.folder`", "'../a'", "below"]),
    "absolute": ({"images": "/etc"}, ["`images`", "'/etc'", "below"]),
    "windows": ({"images": "C:\\x"}, ["`images`", "below"]),
    "suffix": ({"tasks": {"a": semseg(suffix="/../x")}}, ["`tasks.a.suffix`", "'/../x'"]),
    "list elsewhere": ({"val": "../val.txt"}, ["`val`", "'../val.txt'"]),
    "swaps": ({"tasks": {"a": {"kind": "keypoints", "points": 2, "swaps": [[0, 2]]}}}, ["`tasks.a`", "`swaps`", "2"]),
    "share": ({"val": 1.5}, ["`val`"]),
    "a colour of two": ({"tasks": {"a": painted(x=[0, 0])}}, ["`tasks.a.colours.x`", "three numbers", "[0, 0]"]),
    "a colour beyond 255": ({"tasks": {"a": painted(x=[0, 0, 256])}}, ["`tasks.a.colours.x", "255"]),
    "a colour twice": ({"tasks": {"a": painted(x=[1, 2, 3], y=[1, 2, 3, 255])}}, ["different colours"]),
    "a colour ignored": ({"tasks": {"a": {**painted(x=[1, 2, 3]), "ignore": [1, 2, 3]}}}, ["different colours"]),
    "classes beside colours": ({"tasks": {"a": {**painted(x=[1, 2, 3]), "classes": 2}}}, ["`classes`", "`colours`"]),
    "task name": ({"tasks": {"../x": semseg()}}, ["../x"]),
    "a picture's name": ({"tasks": {"image": semseg()}}, ["'image'", "rename"]),
    "a module's name": ({"tasks": {"train": semseg()}}, ["'train'", "rename"]),
}


@pytest.mark.parametrize("kind", WORDS)
def test_whatever_is_wrong_in_the_description_is_one_line(tmp_path: Path, kind: str) -> None:
    values, words = WORDS[kind]
    own.describe(tmp_path, {"tasks": {"a": semseg()}, **values})
    with pytest.raises(DataError) as caught:
        Folder(tmp_path)
    line = str(caught.value)
    assert "dataset.yaml" in line
    assert all(word in line for word in words), line
