"""What `pip install 'fedhca[NAME]'` adds, and the one line that says so where it is missing."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec

from fedhca.errors import FedhcaError


@dataclass(frozen=True)
class Extra:
    """A part of the package that needs more packages.

    Attributes:
        gives: what it is for.
        packages: that it needs, as they are imported.

    """

    gives: str
    packages: tuple[str, ...]

    @property
    def missing(self) -> list[str]:
        """The packages that are not installed."""
        return [package for package in self.packages if not _is_there(package)]


EXTRAS: Mapping[str, Extra] = {
    "figures": Extra("Pages with figures: fedhca report, fedhca experiment.", ("matplotlib",)),
    "flare": Extra("Federations between sites over NVIDIA FLARE.", ("nvflare",)),
    "flower": Extra("Federations between sites over Flower; clients that train at once.", ("flwr",)),
    "hub": Extra("The Hugging Face hub: fedhca export --push, and data sets.", ("huggingface_hub", "datasets")),
    "onnx": Extra("Models as ONNX graphs: fedhca export --onnx.", ("onnx", "onnxscript", "onnxruntime")),
    "privacy": Extra("The accountant of differential privacy.", ("opacus",)),
    "tensorboard": Extra("The tracker TensorBoard.", ("tensorboard",)),
    "wandb": Extra("The tracker Weights & Biases.", ("wandb",)),
}
"""By the names that pip knows, each with what it gives."""


def require_extra(extra: str, who: str) -> None:
    """Ask for an extra before it is used.

    Args:
        extra: its name.
        who: needs it, as the sentence begins.

    Raises:
        FedhcaError: a package of it is not installed; the line says how to install it.

    """
    if missing := EXTRAS[extra].missing:
        found = f"{who} needs the package {missing[0]}. Found none."
        raise FedhcaError(f"{found} Install it: pip install 'fedhca[{extra}]'")


def _is_there(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ValueError:  # something else stands in its place, which was not found where packages lie
        return True
