"""NYUD-v2: indoor scenes with semantic classes, depth, surface normals and edges."""

from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float32, UInt8

from fedhca.data.described.depths import NO_MEASUREMENT
from fedhca.data.image import read_array, read_colour, read_indices, read_picture
from fedhca.data.label_edges import benchmark_edges
from fedhca.data.label_normals import decode_normals
from fedhca.data.listing import read_list
from fedhca.data.mask_folder import MaskFolder
from fedhca.data.sizes import check_classes, check_size
from fedhca.data.source import GroundTruth, Sample, Source
from fedhca.errors import RecipeError, unknown
from fedhca.tasks import IGNORE, Depth, Edges, SemanticSegmentation, SurfaceNormals, Task


def nyud_tasks(classes: int = 40) -> dict[str, Task]:
    """Return the tasks NYUD-v2 has labels for, by name."""
    tasks: list[Task] = [SemanticSegmentation(channels=classes), SurfaceNormals(), Edges(max_dist=0.011), Depth()]
    return {task.name: task for task in tasks}


class NYUDv2(Source):
    """NYUD-v2 and whatever has its layout.

        images/ID.png  segmentation/ID.png  depth/ID.npy  normals/ID.png  edge/ID.png  gt_sets/{split}.txt

    Args:
        root: the folder with all that.
        split: `train`, `val` or any other list in `gt_sets`.
        size: height and width in pixels that samples are cropped and padded to.
        classes: semantic classes; the files hold 1 to `classes`, and 0 where there is no label.
        ground_truth: what `edge` is: the `label` of training, or the truth of the `benchmark`.

    Raises:
        DataError: the folder or the list is missing or empty; when reading: a file is missing or broken, is no
            label of its kind, or has another size than the picture.

    """

    def __init__(
        self,
        root: Path,
        split: str,
        *,
        size: tuple[int, int] = (448, 576),
        classes: int = 40,
        ground_truth: GroundTruth = "label",
    ) -> None:
        self._root = Path(root)
        self._identifiers = read_list(self._root / "gt_sets" / f"{split}.txt", self._root)
        self._size = size
        self._classes = classes
        self._ground_truth = ground_truth
        self._tasks = nyud_tasks(classes)
        self._edges = MaskFolder(self._root / "edge", self._identifiers)

    @property
    def tasks(self) -> Mapping[str, Task]:
        """`semseg`, `normals`, `edge` and `depth`."""
        return self._tasks

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels that every sample is cropped and padded to."""
        return self._size

    def __len__(self) -> int:
        """Return the number of pictures of the split."""
        return len(self._identifiers)

    def identifier(self, index: int) -> str:
        """Return the name of a picture: the stem of its file."""
        return self._identifiers[index]

    def read(self, index: int, tasks: Collection[str]) -> Sample:
        """Return the picture and the labels of `tasks`, touching no other file."""
        name = self._identifiers[index]
        picture = self._root / "images" / f"{name}.png"
        sample = {"image": read_picture(picture)}
        for task in tasks:
            path, label = self._label(name, task)
            check_size(path, label, picture, sample["image"].shape[:2])
            sample[task] = label
        return sample

    def _label(self, name: str, task: str) -> tuple[Path, np.ndarray]:
        if task == "semseg":
            path = self._root / "segmentation" / f"{name}.png"
            return path, _classes(path, self._classes)
        if task == "depth":
            path = self._root / "depth" / f"{name}.npy"
            return path, _metres(read_array(path))
        if task == "normals":
            path = self._root / "normals" / f"{name}.png"
            return path, decode_normals(read_colour(path))
        if task == "edge":
            path, stored = self._edges.read(name)
            # The benchmark takes the picture of the boundaries for a label map: both sides of a line are boundaries.
            shown = benchmark_edges(stored) if self._ground_truth == "benchmark" else stored
            return path, shown.astype(np.float32) / 255
        raise RecipeError(unknown("task of NYUD-v2", task, self._tasks))


def _classes(path: Path, classes: int) -> UInt8[np.ndarray, "y x"]:
    """Return value − 1; 0 wraps round to 255, which is what it means."""
    stored = read_indices(path)
    label = stored - np.uint8(1)
    check_classes(path, label, classes, stored=1)
    return label


def _metres(depth: Float32[np.ndarray, "y x"]) -> Float32[np.ndarray, "y x"]:
    """Return the depth with 255 where the sensor gave none: what is not above 0 or not finite, and 16-bit's 65535."""
    depth[~((depth > 0) & (depth < NO_MEASUREMENT))] = IGNORE
    return depth
