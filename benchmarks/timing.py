"""How long something takes, and how much that varies from turn to turn."""

import time
from collections.abc import Callable, Sequence
from statistics import median

import torch

CPU = torch.device("cpu")


def seconds(action: Callable[[], object], device: torch.device = CPU) -> float:
    """Return how long something takes, work that the device still does included."""
    began = time.perf_counter()
    action()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - began


def spread(values: Sequence[float]) -> str:
    """Return the median, and the least and greatest."""
    return f"{median(values):.3g} ({min(values):.3g}–{max(values):.3g})" if len(values) > 1 else f"{values[0]:.3g}"
