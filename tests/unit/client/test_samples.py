"""Samples of users' own data sets: the one line about each that is wrong, and that its mend works."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import fedhca
from fedhca.client.samples import LOOKS, check_first_samples, checked_sample
from fedhca.data.colours import normalise
from fedhca.errors import DataError
from fedhca.tasks import (
    Classification,
    Depth,
    Edges,
    HumanParts,
    Keypoints,
    Saliency,
    SemanticSegmentation,
    SurfaceNormals,
    Task,
)
from tiny import WIDTH, encoder

Y, X = 12, 16
BYTES = np.random.default_rng(0).integers(0, 256, (Y, X, 3), dtype=np.uint8)
IMAGE = torch.from_numpy(normalise(BYTES))

PICTURES: dict[str, tuple[Any, str, Callable[[Any], Any]]] = {
    "8 bits": (BYTES, "found uint8 [12, 16, 3]. fedhca.data.colours.normalise", normalise),
    "8 bits, channels first": (
        torch.from_numpy(BYTES).permute(2, 0, 1), "found uint8 [3, 12, 16]. fedhca.data.colours.normalise",
        lambda image: normalise(image.permute(1, 2, 0).numpy()),
    ),
    "PIL": (
        Image.fromarray(BYTES), "found a picture of pil. fedhca.data.colours.normalise makes it",
        lambda image: normalise(np.asarray(image.convert("RGB"))),
    ),
    "float64": (IMAGE.double(), "found float64 [3, 12, 16]. convert it: image.float()", Tensor.float),
    "float16": (IMAGE.half(), "found float16 [3, 12, 16]. convert it: image.float()", Tensor.float),
    "channels last": (
        IMAGE.permute(1, 2, 0).numpy(), "found float32 [12, 16, 3]. put channels first: image.permute(2, 0, 1)",
        lambda image: torch.as_tensor(image).permute(2, 0, 1),
    ),
    "grey": (IMAGE[:1], "found float32 [1, 12, 16]. repeat the channel", lambda image: image.expand(3, -1, -1)),
    "grey map": (IMAGE[0], "found float32 [12, 16]. repeat the channel", lambda image: image.expand(3, -1, -1)),
    "RGBA": (IMAGE[[0, 1, 2, 0]], "found float32 [4, 12, 16]. leave out", lambda image: image[:3]),
    "big-endian": (
        IMAGE.numpy().astype(">f4"), "found >f4 [3, 12, 16]. convert it: np.ascontiguousarray(image, 'f4')",
        lambda image: np.ascontiguousarray(image, "f4"),
    ),
    "mirrored view": (
        IMAGE.numpy()[:, :, ::-1], "found <f4 [3, 12, 16]. convert it: np.ascontiguousarray(image, 'f4')",
        lambda image: np.ascontiguousarray(image, "f4"),
    ),
    "16 bits": (
        np.ones((3, Y, X), np.uint16), "found uint16 [3, 12, 16]. convert it", lambda image: image.astype("f4"),
    ),
    "NaN": (torch.full((3, Y, X), torch.nan), "should be finite", torch.nan_to_num),
}  # fmt: skip


@pytest.mark.parametrize("kind", PICTURES)
def test_a_wrong_picture_is_one_line_whose_mend_works(kind: str) -> None:
    image, line, mend = PICTURES[kind]
    refused({"image": image}, [], "`image` should be", line)
    assert checked_sample({"image": mend(image)}, [], "Sample 0")["image"].dtype == torch.float32


def test_a_sample_is_a_dictionary_that_has_all() -> None:
    refused((IMAGE, 1), [Depth()], "should be a dictionary {'image': …, 'depth': …}", "found a tuple. return one")
    refused({"image": IMAGE, "dpeth": 1}, [Depth()], "should hold `depth`", "found dpeth, image")
    refused({"image": IMAGE, "depth": Image.fromarray(BYTES)}, [Depth()], "a picture of pil. give np.array(label)")
    refused({"image": IMAGE, "depth": [None]}, [Depth()], "`depth` should be a tensor", "found a list")


def refused(sample: Any, tasks: list[Task], *words: str) -> None:
    with pytest.raises(DataError) as caught:
        checked_sample(sample, tasks, "Sample 7")
    line = str(caught.value)
    assert line.startswith("Sample 7")
    for word in ("Found", *words):
        assert word.lower() in line.lower(), line


CLASSES = torch.arange(Y * X).reshape(Y, X) % 3
UNIT = torch.nn.functional.normalize(IMAGE, dim=0)
EDGES = (CLASSES == 0).float()
POINTS = torch.tensor([[3.0, 4, 1], [0, 0, 0]])
RIGHT: list[tuple[Task, Any]] = [
    (SemanticSegmentation(channels=3), torch.where(CLASSES == 1, 255, CLASSES)),
    (SemanticSegmentation(channels=3), CLASSES.to(torch.uint8)),
    (SemanticSegmentation(channels=3), CLASSES.numpy().astype(np.int32)),
    (HumanParts(), CLASSES),
    (Saliency(), CLASSES == 1),
    (Edges(), torch.where(CLASSES == 1, 255, EDGES / 2)),
    (Edges(), EDGES.double()),
    (Depth(), torch.where(CLASSES == 1, torch.nan, 2.5)),
    (Depth(), CLASSES),
    (SurfaceNormals(), torch.where(CLASSES == 1, 255, UNIT)),
    (SurfaceNormals(), torch.zeros(3, Y, X)),
    (Classification(channels=3), torch.tensor(255)),
    (Classification(channels=3), 2),
    (Keypoints(channels=2), POINTS),
    (Keypoints(channels=2), torch.tensor([[torch.nan, 0, 0], [1, 1, 255]])),
]
WRONG: list[tuple[Task, Any, str]] = [
    (SemanticSegmentation(channels=3), CLASSES + 1, "should be classes 0 to 2, or 255 for none. Found 3"),
    (SemanticSegmentation(channels=3), CLASSES - 1, "should be classes 0 to 2, or 255 for none. Found -1"),
    (SemanticSegmentation(channels=3), CLASSES.float(), "be whole numbers. Found float32. Convert it: label.long()"),
    (SemanticSegmentation(channels=3), CLASSES[None], "Found [1, 12, 16]. Take the axis of length 1 out"),
    (HumanParts(), CLASSES.T, "Found [16, 12]. Bring its axes into that order"),
    (HumanParts(), CLASSES[::2, ::2], "Found [6, 8]. Resize it to its picture's size"),
    (HumanParts(), CLASSES.numpy().astype(np.uint16), "int64 or float32. Found uint16"),
    (Saliency(), 128 * CLASSES, "should be classes 0 to 1, or 255 for none. Found 128"),
    (Edges(), 128 * EDGES, "should be 0 to 1, or 255 for none. Found 128"),
    (Edges(), torch.full((Y, X), torch.nan), "should be 0 to 1, or 255 for none. Found nan"),
    (Edges(), EDGES[..., None], "Take the axis of length 1 out"),
    (Depth(), EDGES[:6], "Resize it to its picture's size"),
    (SurfaceNormals(), UNIT.permute(1, 2, 0), "Found [12, 16, 3]. Bring its axes into that order"),
    (SurfaceNormals(), 127.5 * UNIT, "should be from -1 to 1, or 255 for none"),
    (SurfaceNormals(), torch.full((3, Y, X), torch.nan), "should be from -1 to 1, or 255 for none. Found nan"),
    (Classification(channels=3), torch.tensor([1]), "Take the axis of length 1 out"),
    (Classification(channels=3), 3, "should be classes 0 to 2, or 255 for none. Found 3"),
    (Classification(channels=3), 0.5, "whole numbers"),
    (Keypoints(channels=2), POINTS.T, "Bring its axes into that order"),
    (Keypoints(channels=2), POINTS / 0, "should be finite"),
]


@pytest.mark.parametrize(("task", "label"), RIGHT)
def test_labels_that_losses_take_pass(task: Task, label: Any) -> None:
    found = checked_sample({"image": IMAGE, task.name: label}, [task], "Sample 7")[task.name]
    # Losses are annotated for the usual kinds of numbers alone, and take the others of that kind, too.
    found = found.float() if isinstance(task, Depth | Edges) else found if found.is_floating_point() else found.long()
    output = torch.zeros(1, task.channels, *([] if isinstance(task, Classification) else (Y, X)))
    assert task.loss(output, found[None]).isfinite()


@pytest.mark.parametrize(("task", "label", "line"), WRONG)
def test_labels_that_are_none_are_one_line(task: Task, label: Any, line: str) -> None:
    refused({"image": IMAGE, task.name: label}, [task], f"'{task.name}'" if "uint16" not in line else "`", line)


class Same:
    """As many samples with the same label as are wanted; the last may have another one."""

    def __init__(self, task: Task, label: Any, last: Any = None, count: int = LOOKS) -> None:
        self.task, self.label, self.last, self.count = task, label, label if last is None else last, count
        self.read: list[int] = []

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, index: int) -> Any:
        self.read.append(index)
        return {"image": IMAGE, self.task.name: self.last if index == self.count - 1 else self.label}


ODD: list[tuple[Task, Any, Any, str]] = [
    (Edges(), 255 * EDGES, EDGES, "hold more .* where 255 means yes, divide by 255"),
    (Saliency(), 255 * (CLASSES == 0), CLASSES % 2, "hold more .* where 255 means yes, divide by 255"),
    (
        SemanticSegmentation(channels=2),
        255 * (CLASSES == 0),
        CLASSES % 2,
        "hold more .* where 255 means yes, divide by 255",
    ),
    (SurfaceNormals(), (UNIT + 1) / 2, UNIT, "be unit vectors"),
    (SurfaceNormals(), UNIT / 2, UNIT, "be unit vectors"),
    (Depth(), torch.zeros(Y, X), torch.ones(Y, X), "have distances above 0"),
    (Depth(), torch.full((Y, X), torch.nan), torch.ones(Y, X), "have distances above 0"),
]


@pytest.mark.parametrize(("task", "odd", "usual", "line"), ODD)
def test_labels_that_are_odd_in_all_samples_are_refused(task: Task, odd: Any, usual: Any, line: str) -> None:
    with pytest.raises(DataError, match=rf"^Here: labels of task '{task.name}' should {line}.*Found otherwise in all"):
        check_first_samples(Same(task, odd), [task], "Here", train=False)
    check_first_samples(Same(task, odd, last=usual), [task], "Here", train=True)


@pytest.mark.parametrize("count", [1, 3, LOOKS, 1000])
def test_a_usual_first_sample_is_the_only_one_that_is_read(count: int) -> None:
    usual, odd = Same(Edges(), EDGES, count=count), Same(Edges(), 255 * EDGES, count=count)
    check_first_samples(usual, [Edges()], "Here", train=True)
    assert usual.read == [0]
    with pytest.raises(DataError):
        check_first_samples(odd, [Edges()], "Here", train=True)
    assert len(odd.read) == len({*odd.read}) == min(count, LOOKS)


def test_padding_and_pictures_without_labels_are_not_odd() -> None:
    padded = torch.full((Y, X), 255.0)
    padded[2:-2, 3:] = 0
    for label in (padded, torch.full((Y, X), 255.0), torch.zeros(Y, X)):
        check_first_samples(Same(Edges(), label), [Edges()], "Here", train=True)


def test_pictures_that_are_not_normalised_are_a_warning() -> None:
    sample = Same(Depth(), torch.ones(Y, X))
    bright = {"image": torch.from_numpy(BYTES).permute(2, 0, 1).float(), "depth": torch.ones(Y, X)}
    sample.__class__ = type("Bright", (Same,), {"__getitem__": lambda self, index: bright})
    with pytest.warns(UserWarning, match="Here: pictures have values up to 255.*normalise"):
        check_first_samples(sample, [Depth()], "Here", train=True)


@pytest.mark.parametrize("split", ["training", "test"])
def test_a_run_does_not_begin_with_a_data_set_that_is_none(split: str) -> None:
    good, bad = Same(Depth(), torch.ones(Y, X)), Same(Depth(), torch.ones(Y // 2, X))
    train, test = (bad, good) if split == "training" else (good, bad)
    person = fedhca.Participant("hospital", [Depth()], train, test)
    with pytest.raises(DataError, match=rf"^Client 'hospital', {split} data, sample 0: Labels of task 'depth'"):
        fedhca.run([person], encoder(), rounds=1, training={"batch_size": 2}, model={"width": WIDTH})


def test_a_task_of_ones_own_says_what_its_labels_are() -> None:
    class Whole(Depth):  # type: ignore[misc]
        """Distances in whole metres."""

        def check_label(self, label: Tensor, size: tuple[int, int]) -> None:
            if (label % 1 != 0).any():
                raise DataError("Labels should be whole metres. Found others. Round them.")

    refused({"image": IMAGE, "depth": torch.full((Y, X), 0.5)}, [Whole()], "whole metres")
    checked_sample({"image": IMAGE, "depth": torch.ones(Y, X)}, [Whole()], "Sample 0")
