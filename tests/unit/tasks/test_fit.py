"""What fits together: the tasks of the recipes, and outputs with labels."""

import pytest
import torch

from fedhca.errors import DataError, RecipeError
from fedhca.tasks import Depth, Edges, HumanParts, Saliency, SemanticSegmentation, SurfaceNormals, Task
from fedhca.tasks.pixels import require_label_fits


def test_the_tasks_of_the_recipes() -> None:
    tasks = [SemanticSegmentation(channels=21), HumanParts(), Saliency(), SurfaceNormals(), Edges(), Depth()]
    assert {task.name: (task.channels, task.weight, task.metric, task.higher_is_better) for task in tasks} == {
        "semseg": (21, 1, "mIoU", True),
        "human_parts": (7, 2, "mIoU", True),
        "sal": (2, 5, "maxF", True),
        "normals": (3, 10, "mErr", False),
        "edge": (1, 50, "odsF", True),
        "depth": (1, 1, "RMSE", False),
    }


@pytest.mark.parametrize("task", [SemanticSegmentation(channels=21), HumanParts(), Saliency()], ids=repr)
def test_other_channels_than_the_task_has_are_refused(task: Task) -> None:
    label = torch.zeros(1, 2, 2, dtype=torch.int64)
    for verb in (task.loss, task.measure):
        with pytest.raises(RecipeError, match=f"'{task.name}' should get {task.channels} channels. Found 4"):
            verb(torch.zeros(1, 4, 2, 2), label)


def test_a_label_of_another_size_is_refused() -> None:
    output = torch.zeros(2, 1, 4, 6)
    for shape in ((2, 4, 5), (1, 4, 6), (2, 1, 4, 6), (4, 6)):
        with pytest.raises(DataError, match=r"'depth' should have the output's shape \[2, 4, 6\]"):
            require_label_fits(Depth(), output, torch.zeros(shape))
    with pytest.raises(DataError, match=r"'normals' should have the output's shape \[2, 3, 4, 6\]"):
        require_label_fits(SurfaceNormals(), torch.zeros(2, 3, 4, 6), torch.zeros(2, 4, 6), vectors=True)
