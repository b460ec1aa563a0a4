"""PASCAL-Context: photographs with semantic classes, human parts, saliency, surface normals and edges."""

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

import numpy as np

from fedhca.data.cache import LabelCache
from fedhca.data.image import read_colour, read_indices, read_picture
from fedhca.data.label_edges import benchmark_edges, edges_of_labels
from fedhca.data.label_normals import common_classes, decode_normals, on_classes
from fedhca.data.listing import read_list
from fedhca.data.mask_folder import MaskFolder
from fedhca.data.matlab import label_map
from fedhca.data.part_annotations import COARSER, parts_label
from fedhca.data.person_pictures import FileOrderFlags, People
from fedhca.data.sizes import check_classes, check_size
from fedhca.data.source import GroundTruth, Sample, Source
from fedhca.errors import RecipeError, unknown
from fedhca.tasks import Edges, HumanParts, Saliency, SemanticSegmentation, SurfaceNormals, Task

Shape = tuple[int, int]

EDGES: dict[GroundTruth, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {
    "label": ("edge-1", edges_of_labels),
    "benchmark": ("edge-benchmark-1", benchmark_edges),
}
"""What makes each kind of edges from a label map, and the name of its place in the cache."""


def pascal_context_tasks(classes: int = 21, parts: int = 7) -> dict[str, Task]:
    """Return the tasks PASCAL-Context has labels for, by name; RecipeError for a number of parts that there is not."""
    if parts not in COARSER:
        raise RecipeError(f"`parts` should be one of {sorted(COARSER)} channels. Found `parts = {parts}`.")
    tasks: list[Task] = [SemanticSegmentation(channels=classes), HumanParts(channels=parts)]
    tasks += [SurfaceNormals(), Edges(), Saliency()]
    return {task.name: task for task in tasks}


class PASCALContext(Source):
    """PASCAL-Context and whatever has its layout.

        JPEGImages/ID.jpg  ImageSets/Context/{split}.txt  ImageSets/Parts/{split}.txt (made if absent)
        semseg/VOC12/ID.png, or where absent semseg/pascal-context/ID.png    human_parts/ID.mat
        sal_distill/ID.png  normals_distill/ID.png  pascal-context/trainval/ID.mat
        json/nyu_classes.json  json/context_classes.json

    Args:
        root: the folder with all that.
        split: `train`, `val` or any other list in `ImageSets/Context`.
        size: height and width in pixels that samples are cropped and padded to.
        classes: semantic classes, background included; 255 in the files means no label.
        parts: channels of human parts, background included: 7, 5 or 2.
        cache: the folder for labels that are slow to make; the platform's own one if not given.
        legacy_parts: repeat a defect of the released code, see `FileOrderFlags`; only for replication.
        legacy_normals: count normals on pixels that are called `unknown`, too; only for runs begun with them.
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
        size: Shape = (512, 512),
        classes: int = 21,
        parts: int = 7,
        cache: Path | None = None,
        legacy_parts: bool = False,
        legacy_normals: bool = False,
        ground_truth: GroundTruth = "label",
    ) -> None:
        self._root = Path(root)
        self._identifiers = read_list(self._root / "ImageSets" / "Context" / f"{split}.txt", self._root)
        self._size, self._classes, self._parts = size, classes, parts
        self._cache = LabelCache(cache)
        self._people = People(self._root, split, self._identifiers, self._cache.folder)
        self._legacy_parts, self._legacy_normals = legacy_parts, legacy_normals
        self._edges = EDGES[ground_truth]
        self._salient = MaskFolder(self._root / "sal_distill", self._identifiers)
        self._common: list[int] | None = None
        self._tasks = pascal_context_tasks(classes, parts)

    @property
    def tasks(self) -> Mapping[str, Task]:
        """`semseg`, `human_parts`, `normals`, `edge` and `sal`."""
        return self._tasks

    @property
    def size(self) -> Shape:
        """Height and width in pixels that every sample is cropped and padded to."""
        return self._size

    def __len__(self) -> int:
        """Return the number of pictures of the split."""
        return len(self._identifiers)

    def identifier(self, index: int) -> str:
        """Return the name of a picture: the stem of its file."""
        return self._identifiers[index]

    def usable(self, index: int, tasks: Collection[str]) -> bool:
        """Return whether the picture shows people, if human parts are the only task; else true."""
        return set(tasks) != {"human_parts"} or self.has_people(index)

    def has_people(self, index: int) -> bool:
        """Return whether a person is annotated in a picture."""
        return self._people[index]

    def given(self, indices: Sequence[int]) -> Source:
        """Return the source itself, or with `legacy_parts` one with the defect of the released code."""
        return FileOrderFlags(self, self._people, indices) if self._legacy_parts else self

    def read(self, index: int, tasks: Collection[str]) -> Sample:
        """Return the picture and the labels of `tasks`, touching no other file."""
        name = self._identifiers[index]
        picture = self._root / "JPEGImages" / f"{name}.jpg"
        image = read_picture(picture)
        sample = {"image": image}
        for task in tasks:
            path, label = self._label(name, task, (image.shape[0], image.shape[1]))
            check_size(path, label, picture, image.shape[:2])
            sample[task] = label
        return sample

    def _label(self, name: str, task: str, shape: Shape) -> tuple[Path, np.ndarray]:
        if task == "human_parts":
            return self._human_parts(name, shape)
        readers = {"semseg": self._semseg, "normals": self._normals, "edge": self._edge, "sal": self._saliency}
        if task not in readers:
            raise RecipeError(unknown("task of PASCAL-Context", task, self._tasks))
        return readers[task](name)

    def _semseg(self, name: str) -> tuple[Path, np.ndarray]:
        first, second = (self._root / "semseg" / kind / f"{name}.png" for kind in ("VOC12", "pascal-context"))
        path = second if second.is_file() and not first.is_file() else first
        label = read_indices(path)
        check_classes(path, label, self._classes)
        return path, label

    def _human_parts(self, name: str, shape: Shape) -> tuple[Path, np.ndarray]:
        path = self._root / "human_parts" / f"{name}.mat"
        # The shape is part of the kind because an annotation without objects has none of its own.
        kind = f"human_parts-1-{self._parts}-{shape[0]}x{shape[1]}"
        return path, self._cache.label(path, kind, lambda content: parts_label(path, shape, self._parts, content))

    def _normals(self, name: str) -> tuple[Path, np.ndarray]:
        path, map_path = self._root / "normals_distill" / f"{name}.png", self._label_map(name)
        colours, labels = read_colour(path), label_map(map_path)
        check_size(map_path, labels, path, (colours.shape[0], colours.shape[1]))
        return path, decode_normals(colours, on_classes(labels, self._classes_with_normals()))

    def _edge(self, name: str) -> tuple[Path, np.ndarray]:
        path = self._label_map(name)
        kind, make = self._edges
        label = self._cache.label(path, kind, lambda content: make(label_map(path, content)))
        return path, label.astype(np.float32) / 255

    def _saliency(self, name: str) -> tuple[Path, np.ndarray]:
        path, stored = self._salient.read(name)
        return path, (stored > 127.5).astype(np.uint8)

    def _label_map(self, name: str) -> Path:
        return self._root / "pascal-context" / "trainval" / f"{name}.mat"

    def _classes_with_normals(self) -> list[int]:
        if self._common is None:
            folder = self._root / "json"
            lists = (folder / "nyu_classes.json", folder / "context_classes.json")
            self._common = common_classes(*lists, unknown=self._legacy_normals)
        return self._common
