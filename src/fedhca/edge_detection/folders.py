"""The benchmark on two folders of PNG pictures: predictions, and truths of the same names."""

from pathlib import Path

import numpy as np
from jaxtyping import Int64, UInt8
from PIL import Image

from fedhca.edge_detection.counts import count
from fedhca.edge_detection.evaluation import add_up, checked_maps, checked_options
from fedhca.edge_detection.scores import THRESHOLDS, Scores
from fedhca.edge_detection.suppression import suppress as ridges
from fedhca.errors import DataError

PREDICTION_MODES, TRUTH_MODES = ("L",), ("L", "1", "P")


def benchmark_folders(
    predictions: Path, truths: Path, *, max_dist: float = 0.0075, suppress: bool = True, jobs: int | None = None
) -> Scores:
    """Return the scores of all predictions in a folder.

    Args:
        predictions: NAME.png, 8 bits with one channel: 255 · probability.
        truths: NAME.png, where not 0 there is a boundary; or NAME-1.png, NAME-2.png … of several annotators.
        max_dist: greatest distance of a pair, as a share of the diagonal.
        suppress: whether to do non-maximum suppression first.
        jobs: pictures at a time; as many as there are processors if not given.

    Raises:
        RecipeError: an option is out of its range.
        DataError: a folder or file is missing or cannot be read, a truth has no prediction, or sizes differ.

    """
    steps = checked_options(max_dist, THRESHOLDS, jobs)

    def measure(pair: tuple[Path, list[Path]]) -> Int64[np.ndarray, "t 4"]:
        path, drawn = pair
        edge_map, boundaries = checked_maps(
            str(path), _read(path, PREDICTION_MODES), [_read(each, TRUTH_MODES) for each in drawn]
        )
        return count(ridges(edge_map) if suppress else edge_map, boundaries, max_dist, steps)

    return add_up(measure, _pairs(_pictures(predictions), _pictures(truths), truths), steps, jobs)


def _pictures(folder: Path) -> dict[str, Path]:
    if not folder.is_dir():
        raise DataError(f"{folder}: expected a folder of PNG pictures; found none. Check the path.")
    found = {path.stem: path for path in sorted(folder.iterdir()) if path.suffix.lower() == ".png"}
    if not found:
        raise DataError(f"{folder}: expected PNG pictures; found none in the folder. Check the path.")
    return found


def _pairs(predictions: dict[str, Path], truths: dict[str, Path], folder: Path) -> list[tuple[Path, list[Path]]]:
    pairs = [(path, _truths_of(name, truths, folder)) for name, path in predictions.items()]
    left = truths.keys() - {path.stem for _, drawn in pairs for path in drawn}
    if left:
        name = truths[min(left)]
        raise DataError(f"{name}: expected a prediction of that name; found none. Every truth of the set counts.")
    return pairs


def _truths_of(name: str, truths: dict[str, Path], folder: Path) -> list[Path]:
    if name in truths:
        return [truths[name]]
    numbered = [path for stem, path in truths.items() if stem.rpartition("-")[0] == name]
    several = [path for path in numbered if path.stem.rpartition("-")[2].isdecimal()]
    if not several:
        raise DataError(f"{folder / name}.png: expected the truth of that prediction, or {name}-1.png; found neither.")
    return several


def _read(path: Path, modes: tuple[str, ...]) -> UInt8[np.ndarray, "y x"]:
    try:
        with Image.open(path) as image:
            if image.mode in modes:
                return np.array(image).astype(np.uint8)
            found = image.mode
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as cause:
        reason = " ".join(str(cause).split())
        raise DataError(f"{path}: expected a picture; found a file that cannot be read ({reason}).") from cause
    raise DataError(f"{path}: expected 8 bits and one channel (mode {' or '.join(modes)}); found mode {found}.")
