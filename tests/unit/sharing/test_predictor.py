"""A model predicts for whatever is a picture, alone as in its run, and stands in a folder that is all it needs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from fedhca import Predictor, RunFolder
from fedhca.data.colours import normalise
from fedhca.errors import DataError, ModelFolderError
from fedhca.models import ClientModel
from fedhca.models.encoder import Pyramid, backbone
from fedhca.tasks import Classification, Depth, Keypoints, SemanticSegmentation, Task
from fedhca.tasks.stats import Squares
from tiny import TASKS, WIDTH, Encoder, encoder, equal, swin

SIZE = (32, 48)


def photo(height: int = 40, width: int = 60) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def predictor(*tasks: Task, encoder: nn.Module | None = None) -> Predictor:
    chosen = tasks or tuple(TASKS.values())
    model = ClientModel(encoder or swin(), chosen, width=WIDTH).eval()
    return Predictor("a", model, chosen, SIZE)


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    return one.keys() == other.keys() and all(
        equal(torch.from_numpy(one[name]), torch.from_numpy(other[name])) for name in one
    )


def test_every_kind_of_picture_is_the_same_picture(tmp_path: Path) -> None:
    model, array = predictor(), photo()
    Image.fromarray(array).save(tmp_path / "a.png")
    found = model.predict(array)
    for picture in (tmp_path / "a.png", str(tmp_path / "a.png"), Image.fromarray(array)):
        assert same(model.predict(picture), found)
    turned = Image.fromarray(np.rot90(array).copy())
    turned.getexif()[0x0112] = 6  # the camera lay on its side: turn by 90° to the right
    assert same(model.predict(turned), found)


def test_a_picture_no_larger_than_those_of_training_is_shown_as_it_is() -> None:
    model, array = predictor(), photo(48, 30)
    assert same(model.predict(array), model.predict(torch.from_numpy(normalise(array))))


def test_predictions_are_of_the_size_of_a_larger_picture() -> None:
    found = predictor().predict(photo(100, 300))
    assert {name: values.shape for name, values in found.items()} == {
        **dict.fromkeys(("semseg", "depth", "edge", "sal"), (100, 300)),
        "normals": (3, 100, 300),
    }
    assert np.allclose(np.linalg.norm(found["normals"], axis=0), 1, atol=1e-5)
    assert all(drawn.size == (300, 100) for drawn in predictor().draw(photo(100, 300)).values())


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((3, 4), np.uint8),
        np.zeros((3, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros((3, 4, 4), np.uint8),
        Image.new("I;16", (4, 3)),
        "none.png",
    ],
)
def test_what_is_no_picture_is_refused_in_one_line(picture: np.ndarray | Image.Image | str) -> None:
    with pytest.raises(DataError, match="picture"):
        predictor().predict(picture)


def test_a_model_comes_back_bit_for_bit_with_its_client_and_tasks(tmp_path: Path) -> None:
    made = predictor(TASKS["semseg"], Depth(name="depth", span=(0.5, 4.0)), TASKS["normals"])
    found = Predictor.from_pretrained(made.save_pretrained(tmp_path))
    assert (found.client, list(found.tasks), found.size) == (made.client, list(made.tasks), made.size)
    assert same(found.predict(photo()), made.predict(photo()))
    assert not found.model.training


@pytest.mark.parametrize("name", ["rooms-all", "figures-sal"])
def test_a_client_of_a_run_comes_back_bit_for_bit(finished: Path, tmp_path: Path, name: str) -> None:
    made = RunFolder.open(finished).predictor(name)
    assert same(Predictor.from_pretrained(made.save_pretrained(tmp_path)).predict(photo()), made.predict(photo()))


BACKBONES: dict[str, dict[str, Any]] = {
    "resnet": {"embedding_size": 8, "hidden_sizes": [8, 8, 16, 16], "depths": [1, 1, 1, 1]},
    "convnextv2": {"hidden_sizes": [4, 8, 8, 16], "depths": [1, 1, 1, 1]},
    "dinov2": {"num_hidden_layers": 4, "num_attention_heads": 4, "image_size": 28},
    "pvt_v2": {"hidden_sizes": [8, 8, 16, 16], "depths": [1, 1, 1, 1], "num_attention_heads": [1, 1, 2, 2]},
}


@pytest.mark.parametrize("kind", BACKBONES)
def test_every_backbone_of_the_library_can_be_described(kind: str, tmp_path: Path) -> None:
    made = predictor(TASKS["depth"], encoder=backbone(kind, pretrained=False, config=BACKBONES[kind]))
    assert same(Predictor.from_pretrained(made.save_pretrained(tmp_path)).predict(photo()), made.predict(photo()))


@dataclass(frozen=True, kw_only=True)
class Brightness(Task):
    name: str = "brightness"
    channels: int = 1

    metric: ClassVar[str] = "RMSE"
    unit: ClassVar[str] = ""
    higher_is_better: ClassVar[bool] = False

    def loss(self, output: Tensor, label: Tensor) -> Tensor:
        return (output[:, 0] - label).square().mean()

    def predict(self, output: Tensor) -> Tensor:
        return output[:, 0]

    def measure(self, output: Tensor, label: Tensor) -> Squares:
        return Squares.of(output[:, 0], label, torch.ones_like(label, dtype=torch.bool))

    def draw(self, values: np.ndarray, picture: np.ndarray) -> np.ndarray:
        return np.zeros((*values.shape, 3), np.uint8)


def test_ones_own_task_and_encoder_are_handed_over(tmp_path: Path) -> None:
    own = encoder()
    made = predictor(Brightness(), TASKS["depth"], encoder=own)
    with torch.no_grad():
        made.model.encoder.first.weight.add_(1)  # type: ignore[union-attr, operator]
    folder = made.save_pretrained(tmp_path)
    found = Predictor.from_pretrained(folder, tasks=[Brightness()], encoder=encoder())
    assert same(found.predict(photo()), made.predict(photo()))
    untrained = encoder()
    Predictor.from_pretrained(folder, tasks=[Brightness()], encoder=untrained)
    assert torch.equal(untrained.first.weight, encoder().first.weight)


class Plain(nn.Module):
    """The largest map alone, made as wide as it should be."""

    def __init__(self, channels: Sequence[int], width: int) -> None:
        super().__init__()
        self.only = nn.Conv2d(channels[0], width, 1)

    def forward(self, pyramid: Sequence[Tensor]) -> Tensor:
        return self.only(pyramid[0])


@pytest.mark.parametrize("own", [None, encoder])
def test_decoders_of_ones_own_are_made_anew(own: Callable[[], Encoder] | None, tmp_path: Path) -> None:
    model = ClientModel(own() if own else swin(), [TASKS["depth"]], width=WIDTH, make_decoder=Plain).eval()
    with torch.no_grad():
        model.decoders["depth"].only.bias.add_(1)  # type: ignore[union-attr, operator]
    made = Predictor("a", model, [TASKS["depth"]], SIZE)
    folder = made.save_pretrained(tmp_path)
    given = {"encoder": own()} if own else {}
    found = Predictor.from_pretrained(folder, decoder=Plain, **given)  # type: ignore[arg-type]
    assert same(found.predict(photo()), made.predict(photo()))
    with pytest.raises(ModelFolderError, match=r"decoders of somebody's own.*decoder=…"):
        Predictor.from_pretrained(folder, **given)  # type: ignore[arg-type]
    with pytest.raises(ModelFolderError, match="decoder"):
        Predictor.from_pretrained(folder, decoder=lambda channels, width: nn.Identity(), **given)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "task",
    [
        Classification(channels=3, names=("cat", "dog", "cow")),
        Keypoints(channels=3, swaps=((0, 2),), max_dist=0.1),
        Depth(name="left_depth", span=(0.5, 4.0)),
    ],
    ids=lambda task: task.name,
)
def test_a_task_comes_back_as_it_was(task: Task, tmp_path: Path) -> None:
    made = predictor(task)
    found = Predictor.from_pretrained(made.save_pretrained(tmp_path))
    assert [*found.tasks] == [task]
    assert same(found.predict(photo(70, 90)), made.predict(photo(70, 90)))
    assert {name: drawn.size for name, drawn in found.draw(photo()).items()}.keys() == {task.name}


class Single(Encoder):
    """The first map alone."""

    channels = (4,)  # type: ignore[assignment]

    def forward(self, image: Tensor) -> list[Tensor]:
        return super().forward(image)[:1]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, ["'brightness'", "tasks=[…]", "Found none"]),
        ({"tasks": [Brightness(name="light")]}, ["'brightness'", "Found light"]),
        ({"tasks": [Brightness(channels=2)]}, ["2 channels instead of 1"]),
        ({"tasks": [Brightness(), Depth()]}, ["brightness", "Found 'depth'"]),
        ({"tasks": [Brightness()]}, ["an encoder", "encoder=…", "Found none"]),
        ({"tasks": [Brightness()], "encoder": nn.Identity()}, ["channels"]),
        ({"tasks": [Brightness()], "encoder": Single()}, ["model.safetensors", "Found F32 [8, 16, 1, 1]"]),
    ],
)
def test_what_has_to_be_handed_over_is_said_in_one_line(
    given: dict[str, object], words: list[str], tmp_path: Path
) -> None:
    folder = predictor(Brightness(), encoder=encoder()).save_pretrained(tmp_path)
    with pytest.raises(ModelFolderError) as caught:
        Predictor.from_pretrained(folder, **given)  # type: ignore[arg-type]
    for word in words:
        assert word in str(caught.value)


def test_what_the_folder_describes_need_not_be_handed_over(tmp_path: Path) -> None:
    folder = predictor(SemanticSegmentation(channels=3)).save_pretrained(tmp_path)
    with pytest.raises(ModelFolderError, match="describes its encoder"):
        Predictor.from_pretrained(folder, encoder=encoder())
    with pytest.raises(ModelFolderError, match="no tasks of somebody's own"):
        Predictor.from_pretrained(folder, tasks=[SemanticSegmentation(channels=3)])


class OwnPyramid(Pyramid):
    """Of the library's network, with something of one's own after it."""


def test_an_encoder_that_only_looks_like_one_of_the_library_is_ones_own(tmp_path: Path) -> None:
    folder = predictor(TASKS["depth"], encoder=OwnPyramid(swin().network)).save_pretrained(tmp_path)
    with pytest.raises(ModelFolderError, match="an encoder of somebody's own"):
        Predictor.from_pretrained(folder)
