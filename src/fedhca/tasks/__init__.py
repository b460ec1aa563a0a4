"""The kinds of tasks: each one's head, loss, prediction, metric, label and drawing.

Label tensors of a batch: of semantic segmentation, human parts and saliency int64 [b, y, x]; of edges and depth float32
[b, y, x], the latter in metres; of normals float32 [b, 3, y, x]; of classification int64 [b]; of keypoints float32
[b, k, 3]: x, y and whether labelled. `IGNORE` means "no label here" in all of them.
"""

from fedhca.tasks.classification import Classification
from fedhca.tasks.depth import Depth
from fedhca.tasks.edges import Edges
from fedhca.tasks.human_parts import HumanParts
from fedhca.tasks.keypoints import Keypoints
from fedhca.tasks.saliency import Saliency
from fedhca.tasks.semantic_segmentation import SemanticSegmentation
from fedhca.tasks.surface_normals import SurfaceNormals
from fedhca.tasks.task import IGNORE, Task

__all__ = [
    "IGNORE",
    "Classification",
    "Depth",
    "Edges",
    "HumanParts",
    "Keypoints",
    "Saliency",
    "SemanticSegmentation",
    "SurfaceNormals",
    "Task",
]
