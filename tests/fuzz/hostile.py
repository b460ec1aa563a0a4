"""What somebody who wishes ill, or a broken disk, makes of a good file or message; and who reads it."""

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st
from PIL import Image
from scipy.io import savemat

from fedhca.data import image, matlab
from fedhca.data.described.dataset_description import read_dataset_description
from fedhca.data.described.folder import Folder
from fedhca.data.part_annotations import parts_label
from fedhca.engines.events import events
from fedhca.engines.kits import open_kit
from fedhca.errors import FedhcaError
from fedhca.experiment import journal
from fedhca.experiment.checkpoint import load_checkpoint
from fedhca.experiment.plan import load_experiment
from fedhca.experiment.recipes import load_recipe
from fedhca.models import ClientModel
from fedhca.sharing import Predictor
from fedhca.storage.tensor_file import load_facts, load_tensors, save_tensors
from fedhca.tasks import Depth, SemanticSegmentation
from tally import tally
from tiny import RECIPE, WIDTH, swin

LINES = [
    {
        "round": number,
        "losses": {"a": {"depth": 1.5}},
        "metrics": {"a": {"depth": None}},
        "encoder": {"mixing": [[1.0]], "gram": [[None]]},
        "decoder": {"mixing": [[1.0]]},
        "seconds": {"train": 0.1},
        "clients": {"a": {"train": 0.1}},
        "bytes": {"a": {"down": 4, "up": 4}},
        "missing": {"train": {"b": "gone"}},
    }
    for number in (1, 2)
]


@dataclass(frozen=True)
class Reader:
    """Who reads a kind of file.

    Attributes:
        name: of the file.
        good: what is in one that is as it should be.
        read: reads one; raises FedhcaError for one that is not.

    """

    name: str
    good: bytes
    read: Callable[[Path], object]


def _tensors() -> bytes:
    facts = {"owner": "server", "rounds": 1, "since": 0, "roster": {"members": [], "encoder": [], "decoder": []}}
    with TemporaryDirectory() as folder:
        file = Path(folder, "state.safetensors")
        save_tensors(file, {"encoders": torch.arange(4.0).view(2, 2), "since": torch.tensor([1])}, facts)
        return file.read_bytes()


def _mat(values: dict[str, Any], *, compressed: bool) -> bytes:
    file = io.BytesIO()
    savemat(file, values, do_compression=compressed)
    return file.getvalue()


def _picture(kind: str, mode: str = "RGB") -> bytes:
    file = io.BytesIO()
    shape = (6, 5, 3) if mode == "RGB" else (6, 5)
    Image.fromarray(np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)).save(file, kind)
    return file.getvalue()


def _array(shape: tuple[int, int] = (3, 4)) -> bytes:
    file = io.BytesIO()
    np.save(file, np.ones(shape, np.float32))
    return file.getvalue()


def _kit() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as kit:
        kit.writestr("site.yaml", json.dumps({"name": "uni", "clients": ["rooms-all"], "engine": "flower"}))
        kit.writestr("recipe.yaml", RECIPE.read_bytes())
        kit.writestr("engine/site.key", b"key")
    return file.getvalue()


THING = {"class_ind": 15, "mask": np.ones((3, 4), np.uint8), "parts": {"part_name": "head", "mask": np.eye(3, 4)}}
ANNOTATION = {"anno": {"objects": THING}}
STATE = _tensors()


def _checkpoint(path: Path) -> object:
    folder = path.parent / "server"
    folder.mkdir(exist_ok=True)
    path.replace(folder / "after-000002.safetensors")
    return load_checkpoint(folder)


def _model() -> tuple[bytes, bytes]:
    """Return what is in config.json and in model.safetensors of a model."""
    tasks = (SemanticSegmentation(channels=3), Depth())
    with TemporaryDirectory() as folder:
        model = ClientModel(swin(), tasks, width=WIDTH).eval()
        place = Predictor("a", model, tasks, (32, 48)).save_pretrained(folder)
        return (place / "config.json").read_bytes(), (place / "model.safetensors").read_bytes()


CONFIG, WEIGHTS = _model()


def _shared(path: Path) -> object:
    """Load a model of which one file is given; the other is as it should be."""
    for name, content in (("config.json", CONFIG), ("model.safetensors", WEIGHTS)):
        if name != path.name:
            (path.parent / name).write_bytes(content)
    return Predictor.from_pretrained(path.parent)


DATASET = b"""
tasks:
  things: {kind: semseg, classes: [floor, wall], ignore: [255], offset: 1, folder: labels}
  depth: {kind: depth, unit: 0.5, invalid: [0, 9], missing: ignore, folder: labels}
  normals: {kind: normals, invalid: [0, 0, 0], folder: labels}
  edge: {kind: edge, white: 1, folder: labels, suffix: _e}
train: train.txt
val: 0.2
"""


def _described(kind: str) -> Callable[[Path], object]:
    """Return who reads a label picture as a kind of task, beside a picture."""

    def read(path: Path) -> object:
        more = {"semseg": "classes: 200", "depth": "unit: metres"}.get(kind, "")
        root = path.parent
        for folder in ("images", "labels"):
            (root / folder).mkdir(exist_ok=True)
        for each in ("a", "b"):
            (root / "images" / f"{each}.png").write_bytes(_picture("PNG"))
            (root / "labels" / f"{each}{path.suffix}").write_bytes(path.read_bytes())
        (root / "dataset.yaml").write_text(f"tasks: {{x: {{kind: {kind}, folder: labels, {more}}}}}")
        return Folder(root).read(0, ["x"])

    return read


def _listed(path: Path) -> object:
    for folder in ("images", "labels"):
        (path.parent / folder).mkdir(exist_ok=True)
    for each in ("a", "b"):
        (path.parent / "images" / f"{each}.png").touch()
    (path.parent / "dataset.yaml").write_bytes(DATASET.replace(b"val: 0.2", b"val: train.txt"))
    return Folder(path.parent, "val").identifier(0)


def _table(kind: str) -> Callable[[Path], object]:
    """Return who reads a CSV file of a kind, beside a picture."""

    def read(path: Path) -> object:
        (path.parent / "images").mkdir(exist_ok=True)
        for each in ("a", "b"):
            (path.parent / "images" / f"{each}.png").write_bytes(_picture("PNG"))
        (path.parent / "dataset.yaml").write_text(f"tasks: {{x: {{kind: {kind}, file: {path.name}}}}}")
        return Folder(path.parent).read(0, ["x"])

    return read


READERS = [
    Reader("classes.csv", b"id,class\na,1\nb,dog\n", _table("classification, classes: [cat, dog]")),
    Reader("points.csv", b"id,point,x,y\na,0,1,2.5\nb,nose,0,1\n", _table("keypoints, points: [nose]")),
    Reader("dataset.yaml", DATASET, lambda path: read_dataset_description(path.parent)),
    Reader("train.txt", b"a\nb.png\n", _listed),
    Reader("classes.png", _picture("PNG", "L"), _described("semseg")),
    Reader("classes.tif", _picture("TIFF", "L"), _described("semseg")),
    Reader("depth.tif", _picture("TIFF", "L"), _described("depth")),
    Reader("stored.npy", _array((6, 5)), _described("depth")),
    Reader("normals.png", _picture("PNG"), _described("normals")),
    Reader("edge.png", _picture("PNG", "L"), _described("edge")),
    Reader("config.json", CONFIG, _shared),
    Reader("model.safetensors", WEIGHTS, _shared),
    Reader("recipe.yaml", RECIPE.read_bytes(), load_recipe),
    Reader("experiment.yaml", b"title: x\nsettings: {a: {small: demo}}\nmethods: [local, fedavg]\n", load_experiment),
    Reader("journal.jsonl", "".join(json.dumps(line) + "\n" for line in LINES).encode(), journal.read_lines),
    Reader("events.jsonl", b'{"time": 1.0, "what": "missing", "client": "a"}\n', lambda path: events(path.parent)),
    Reader("state.safetensors", STATE, load_tensors),
    Reader("facts.safetensors", STATE, load_facts),
    Reader("server.safetensors", STATE, _checkpoint),
    Reader("labels.mat", _mat({"LabelMap": np.ones((3, 4), np.uint16)}, compressed=True), matlab.label_map),
    Reader("plain.mat", _mat({"LabelMap": np.ones((3, 4), np.uint16)}, compressed=False), matlab.label_map),
    Reader("parts.mat", _mat(ANNOTATION, compressed=False), lambda path: parts_label(path, (3, 4))),
    Reader("photo.jpg", _picture("JPEG"), image.read_upright),
    Reader("photo.png", _picture("PNG"), image.read_picture),
    Reader("label.png", _picture("PNG", "L"), image.read_indices),
    Reader("depth.npy", _array(), image.read_array),
    Reader("uni.zip", _kit(), lambda path: open_kit(path, path.with_suffix(".site"))),
]


def attempt(read: Callable[[], object]) -> None:
    """Read something: it is fine, or there is one line that says what is wrong."""
    tally("inputs")
    try:
        read()
    except FedhcaError as error:
        line = str(error)
        assert line.isprintable(), repr(line)
        assert 10 < len(line) < 4000, line
    except BaseException:
        tally("tracebacks")
        raise


@st.composite
def spoilt(draw: st.DrawFn, good: bytes) -> bytes:
    """A file of which some bytes are others, or are missing, doubled, or somewhere else; or any bytes at all."""
    if draw(st.integers(0, 19)) == 0:
        return draw(st.binary(max_size=200))
    content = bytearray(good)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(0, len(content) - 1)))
        way = draw(st.sampled_from(["flip", "set", "cut", "drop", "insert", "repeat", "move"]))
        length = draw(st.integers(1, 12))
        if way == "flip" and content:
            content[place] ^= 1 << draw(st.integers(0, 7))
        elif way == "set":
            content[place : place + length] = draw(st.sampled_from([b"\xff", b"\x00", b"\x7f", b"9"])) * length
        elif way == "cut":
            del content[place:]
        elif way == "drop":
            del content[place : place + length]
        elif way == "insert":
            content[place:place] = draw(st.one_of(st.binary(max_size=8), st.sampled_from(WORDS)))
        elif way == "repeat":
            content[place:place] = content[place : place + 40] * draw(st.integers(1, 4))
        else:
            content += content[place : place + 40]
    return bytes(content)


WORDS = [
    *(b"[", b"{", b"&a ", b"*a", b"null", b"NaN", b"-1", b"1e999", b"9" * 400, b"\n", b"'", b": ", b"- "),
    *(
        b"../../x",
        b"/etc/passwd",
        b"\x1b[2J",
        b"!!python/object/apply:os.system ['true']",
        b"\xe2\x80\xa8",
        b"cos\nsystem\n",
    ),
]

json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)),
    max_leaves=12,
)


@st.composite
def other_values(draw: st.DrawFn, good: Mapping[str, Any]) -> dict[str, Any]:
    """A mapping in which something, at any level, is something else, or missing, or too much."""
    found: dict[str, Any] = json.loads(json.dumps(good))
    place: Any = found
    while True:
        key = draw(st.sampled_from(sorted(place))) if isinstance(place, dict) else draw(st.integers(0, len(place) - 1))
        inner = place[key]
        if not isinstance(inner, dict | list) or not inner or draw(st.booleans()):
            break
        place = inner
    way = draw(st.sampled_from(["other", "gone", "more"]))
    if way == "other":
        place[key] = draw(json_values)
    elif way == "gone":
        del place[key]
    elif isinstance(place, dict):
        place[draw(st.text(max_size=8))] = draw(json_values)
    else:
        place.append(draw(json_values))
    return found
