"""Edge maps of which MATLAB's scores were published; the reference program's are random in the fourth digit."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import loadmat

from fedhca.edge_detection import benchmark

SHARED = Path(os.environ.get("FEDHCA_SHARED", Path(__file__).parents[3] / "shared"))


def drawn(path: Path) -> list[np.ndarray]:
    """Return the boundaries of all annotators."""
    return [each[0, 0]["Boundaries"].astype(bool) for each in loadmat(path)["groundTruth"][0]]


def test_the_five_pictures_that_come_with_the_benchmark() -> None:
    folder = SHARED / "realdata" / "edge_bench" / "bsds_bench5"
    if not folder.is_dir():
        pytest.skip(f"no {folder}: set FEDHCA_SHARED to the folder that holds realdata/")
    paths = sorted((folder / "png").glob("*.png"))
    scores = benchmark(
        [np.array(Image.open(path)) for path in paths],
        [drawn(folder / "groundTruth" / f"{path.stem}.mat") for path in paths],
        suppress=False,
        thresholds=np.linspace(1 / 6, 5 / 6, 5),  # as MATLAB has it: its 2/6 is one bit above 85/255
    )
    assert scores.ods == pytest.approx(0.704628, abs=5e-4)
    assert scores.ois == pytest.approx(0.708698, abs=5e-4)
    assert scores.ap == pytest.approx(0.307627, abs=5e-4)
