"""The encoder's architecture as plain values, as the transformers library writes its configurations, and back."""

import json
from collections.abc import Mapping
from inspect import signature
from typing import Any

from torch import nn

from fedhca.errors import one_line
from fedhca.models.encoder import Pyramid

KIND = "model_type"
CHOSEN = "out_features"
"""Which maps of the pyramid are taken."""

NEVER = {"timm_backbone"}
"""Kinds that fetch something themselves."""


def encoder_settings(encoder: nn.Module) -> dict[str, Any] | None:
    """Return the configuration of an encoder of the transformers library; None for one of somebody's own.

    No name and no place of any machine is in it, nor what the library would run or fetch.
    """
    from transformers import MODEL_FOR_BACKBONE_MAPPING  # noqa: PLC0415  half a second: only where a model is built

    if type(encoder) is not Pyramid:
        return None
    config: Any = getattr(encoder.network, "config", None)
    known = {kind: network for kind, network in MODEL_FOR_BACKBONE_MAPPING.items() if kind.model_type not in NEVER}
    if type(config) not in known or known[type(config)] is not type(encoder.network):
        return None
    values = {key: value for key, value in config.to_dict().items() if key in _keys(type(config))}
    return dict(json.loads(json.dumps({KIND: config.model_type, **values, CHOSEN: list(config.out_features)})))


def encoder_of(settings: Mapping[str, Any]) -> Pyramid:
    """Return the encoder that a configuration describes, untrained.

    Raises:
        ValueError: the configuration is of no backbone, has another key, or a value that cannot be.

    """
    from transformers import MODEL_FOR_BACKBONE_MAPPING, AutoBackbone  # noqa: PLC0415  as above

    kinds = {kind.model_type: kind for kind in MODEL_FOR_BACKBONE_MAPPING if kind.model_type not in NEVER}
    kind = settings.get(KIND)
    if not isinstance(kind, str) or kind not in kinds:
        raise ValueError(f"`encoder.{KIND}` should be a backbone, such as swin; found {_short(kind)}")
    config = kinds[kind]
    strange = settings.keys() - _keys(config) - {KIND, CHOSEN}
    if strange:
        raise ValueError(f"`encoder`: a {kind} has no setting {_short(min(strange))}")
    try:
        made = config(**{key: value for key, value in settings.items() if key not in {KIND, CHOSEN}})
        made.out_features = settings.get(CHOSEN)
        return Pyramid(AutoBackbone.from_config(made))
    except Exception as error:  # the library raises whatever its layers raise
        raise ValueError(f"`encoder` cannot be built: {_short(error)}") from error


def _keys(config: Any) -> set[str]:
    """Return the settings that make a kind of backbone what it is, without those that all models have."""
    from transformers import PretrainedConfig  # noqa: PLC0415  as above

    taken = signature(config).parameters.keys() - signature(PretrainedConfig).parameters.keys()
    return taken & config().to_dict().keys()


def _short(value: Any) -> str:
    if isinstance(value, Exception):
        return one_line(str(value), 240) or type(value).__name__
    return one_line(repr(value), 100)
