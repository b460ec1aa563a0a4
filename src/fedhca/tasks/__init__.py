"""The kinds of dense prediction: each one's loss, prediction, metric and drawing.

Label tensors of a batch: `semseg`, `human_parts` and `sal` int64 [b, y, x]; `edge` and `depth` float32 [b, y, x], the
latter in metres; `normals` float32 [b, 3, y, x]. `IGNORE` means "no label here" in all of them.
"""

from fedhca.tasks.depth import Depth
from fedhca.tasks.edges import Edges
from fedhca.tasks.human_parts import HumanParts
from fedhca.tasks.saliency import Saliency
from fedhca.tasks.semantic_segmentation import SemanticSegmentation
from fedhca.tasks.surface_normals import SurfaceNormals
from fedhca.tasks.task import IGNORE, Task

__all__ = [
    "IGNORE",
    "Depth",
    "Edges",
    "HumanParts",
    "Saliency",
    "SemanticSegmentation",
    "SurfaceNormals",
    "Task",
]
