"""What others describe is built without memory first, and no larger than anybody would build it."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

MOST_STEPS = 15_000
"""Operations of PyTorch: Swin-T is made, and run twice, in three thousand."""

MOST_NUMBERS = 2**30
"""Of one tensor: 4 GB in float32."""


class Limits(TorchDispatchMode):
    """While it is entered, tensors have no memory; ValueError as soon as there are too many, or one is too large.

    What is made within has names, shapes and kinds of numbers, and nothing else, so that a description can be held
    against a file before anything is read.
    """

    def __init__(self) -> None:
        super().__init__()
        self.steps = 0
        self.device = torch.device("meta")

    def __enter__(self) -> "Limits":
        self.device.__enter__()
        super().__enter__()
        return self

    def __exit__(self, *reason: Any) -> None:
        super().__exit__(*reason)
        self.device.__exit__(*reason)

    def __torch_dispatch__(self, function: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Do one operation, and look at what comes of it."""
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise ValueError(f"it takes more than {MOST_STEPS} steps to build")
        made = function(*args, **(kwargs or {}))
        for each in made if isinstance(made, tuple | list) else (made,):
            if isinstance(each, Tensor) and each.numel() > MOST_NUMBERS:
                raise ValueError(f"a tensor has more than {MOST_NUMBERS} numbers, {list(each.shape)}")
        return made
