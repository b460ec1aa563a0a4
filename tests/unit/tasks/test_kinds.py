from dataclasses import dataclass, replace
from typing import Any

import pytest

from fedhca.errors import RecipeError
from fedhca.tasks import Classification, Depth, Keypoints, SemanticSegmentation, Task
from fedhca.tasks.kinds import KINDS, kind_of


@pytest.mark.parametrize("word", KINDS)
def test_every_kind_has_one_word_whatever_its_task_is_called(word: str) -> None:
    options: dict[str, Any] = (
        {"channels": 3} if KINDS[word] in (SemanticSegmentation, Classification, Keypoints) else {}
    )
    task: Task = KINDS[word](**options)
    assert task.name == word
    assert kind_of(replace(task, name="my-own")) == word


def test_a_kind_of_ones_own_has_no_word() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Far(Depth):  # type: ignore[misc]
        pass

    with pytest.raises(RecipeError, match=r"'far' should be one of semseg, .*Found Far"):
        kind_of(Far(name="far"))
