"""The benchmark on two folders of PNG pictures: predictions, and truths of the same names."""

from collections.abc import Callable, Collection
from pathlib import Path

from fedhca.data.image import read_grey
from fedhca.data.names import composed
from fedhca.edge_detection.evaluation import Picture, score
from fedhca.edge_detection.scores import Scores
from fedhca.errors import DataError


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
    pairs = _pairs(_pictures(predictions), _pictures(truths), truths)
    return score(map(_reader, pairs), max_dist=max_dist, suppress=suppress, jobs=jobs)


def _reader(pair: tuple[Path, list[Path]]) -> Callable[[], Picture]:
    path, drawn = pair
    return lambda: (str(path), read_grey(path), [read_grey(each) for each in drawn])


def _pictures(folder: Path) -> dict[str, Path]:
    """Return the pictures of a folder by name; files that macOS hides (._NAME.png) are none."""
    if not folder.is_dir():
        raise DataError(f"{folder}: expected a folder of PNG pictures; found none. Check the path.")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() == ".png" and not path.name.startswith("."):
            other = found.setdefault(composed(path.stem), path)
            if other is not path:
                raise DataError(f"{path}: expected one picture of that name; found {other.name} as well. Remove one.")
    if not found:
        raise DataError(f"{folder}: expected PNG pictures; found none in the folder. Check the path.")
    return found


def _pairs(predictions: dict[str, Path], truths: dict[str, Path], folder: Path) -> list[tuple[Path, list[Path]]]:
    drawn = {name: _truths_of(name, truths, folder) for name in predictions}
    left = truths.keys() - {truth for names in drawn.values() for truth in names}
    if left:
        name = truths[min(left)]
        raise DataError(f"{name}: expected a prediction of that name; found none. Every truth of the set counts.")
    return [(predictions[name], [truths[truth] for truth in names]) for name, names in drawn.items()]


def _truths_of(name: str, truths: Collection[str], folder: Path) -> list[str]:
    """Return the names of a prediction's truths."""
    if name in truths:
        return [name]
    several = [each for each in truths if each.rpartition("-")[0] == name and each.rpartition("-")[2].isdecimal()]
    if not several:
        raise DataError(f"{folder / name}.png: expected the truth of that prediction, or {name}-1.png; found neither.")
    return several
