import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from fedhca.report.predictions import write_predictions
from fedhca.sharing.predictor import Predictor
from tiny import client

NUMBERS: dict[str, Any] = {
    "semseg": np.array([[0, 1, 2], [3, 4, 255]]),
    "many": np.array([[0, 1, 2], [3, 4, 256]]),
    "depth": np.array([[0.5, 1.5, 2.5], [3.5, 4.5, 5.5]]),
    "normals": np.arange(18, dtype=np.float32).reshape(3, 2, 3),
    "scene": np.array([0.25, 0.75]),
    "number": np.array(7),
}


class Told(Predictor):
    """Predicts what it was told."""

    def predict(self, picture: Any) -> dict[str, Any]:
        assert picture.shape == (2, 3, 3)
        return NUMBERS


@pytest.fixture
def written(tmp_path: Path) -> Path:
    Image.new("RGB", (3, 2)).save(tmp_path / "photo.png")
    model = client("depth").model
    files = write_predictions(Told("lab", model, (), (2, 3)), [tmp_path / "photo.png"], tmp_path / "out")
    assert [path.name for path in files] == [
        "photo-lab-semseg.png",
        "photo-lab-many.npy",
        "photo-lab-depth.npy",
        "photo-lab-normals.npy",
        "photo-lab-scene.json",
        "photo-lab-number.json",
    ]
    return tmp_path / "out"


def test_classes_up_to_255_become_an_index_picture(written: Path) -> None:
    with Image.open(written / "photo-lab-semseg.png") as image:
        assert image.mode == "L"
        assert np.array(image).tolist() == NUMBERS["semseg"].tolist()


def test_more_classes_and_real_numbers_become_arrays(written: Path) -> None:
    for name, kind in (("many", np.int64), ("depth", np.float32), ("normals", np.float32)):
        found = np.load(written / f"photo-lab-{name}.npy")
        assert found.dtype == kind
        assert found.tolist() == NUMBERS[name].tolist()


def test_what_is_no_map_becomes_json(written: Path) -> None:
    assert json.loads((written / "photo-lab-scene.json").read_text()) == [0.25, 0.75]
    assert (written / "photo-lab-number.json").read_text() == "7\n"
