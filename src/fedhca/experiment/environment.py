"""What a run ran on: versions and machine, for the record."""

import os
import platform
import time
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

PACKAGES = ("fedhca", "torch", "transformers", "numpy", "scipy", "clarabel", "opencv-python-headless", "safetensors")


def environment() -> dict[str, Any]:
    """Return versions, processor, threads and accelerator."""
    return {
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "python": platform.python_version(),
        "system": platform.platform(terse=True),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "accelerator": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "packages": {name: _version(name) for name in PACKAGES},
    }


def _version(name: str) -> str | None:
    """Return a package's version; None where it runs from a source tree or goes by another name."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None
