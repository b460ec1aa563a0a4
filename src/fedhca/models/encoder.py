"""The encoder: any backbone of the transformers library that gives a feature pyramid."""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from fedhca.errors import RecipeError

SWIN_T = "microsoft/swin-tiny-patch4-window7-224"


@runtime_checkable
class Encoder(Protocol):
    """What a backbone of your own must offer: a module that maps pictures to maps, and those maps' channels."""

    channels: Sequence[int]
    """Channels of the maps, from the largest map to the smallest."""

    def __call__(self, image: Tensor) -> Sequence[Tensor]:
        """Return the maps [b, c, y, x], from the largest to the smallest."""
        ...


class Pyramid(nn.Module):
    """A transformers backbone as an encoder: pictures in, feature maps out; widths are read from its maps.

    Its weights are made float32, in which it is trained, whatever they were loaded in.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network.float()
        with torch.no_grad():  # the widths that configurations claim are not always those of the maps
            maps = network.eval()(torch.zeros(1, 3, 64, 64)).feature_maps
        self.channels: Sequence[int] = tuple(each.shape[1] for each in maps)
        network.train()

    def forward(self, image: Float[Tensor, "b 3 y x"]) -> tuple[Float[Tensor, "b _ _ _"], ...]:
        """Return the maps, from the largest to the smallest."""
        return tuple(self.network(image).feature_maps)


def backbone(name: str = SWIN_T, *, pretrained: bool = True, config: Mapping[str, Any] | None = None) -> Pyramid:
    """Build an encoder from a backbone of the transformers library.

    Args:
        name: a model on the hub, a local folder, or (with `pretrained=False`) a model type such as `swin`,
            `convnext`, `resnet`.
        pretrained: load weights (safetensors only; nothing is ever unpickled). Otherwise weights are drawn from
            torch's random generator. They are float32, whatever the file and its configuration hold.
        config: settings that replace those of the configuration, such as `embed_dim`, `depths`, `drop_path_rate`.

    Raises:
        RecipeError: there is no such model, it is not a backbone, or a setting does not exist.

    """
    import transformers  # noqa: PLC0415  half a second and more: only where a model is built

    if "/" not in name and not Path(name).is_dir() and (pretrained or name not in transformers.CONFIG_MAPPING):
        _refuse(name, pretrained, transformers.CONFIG_MAPPING)
    try:
        settings = _configuration(transformers, name, pretrained, dict(config or {}))
        network = _load(transformers, name, settings) if pretrained else transformers.AutoBackbone.from_config(settings)
        return Pyramid(network)
    except RecipeError:
        raise
    except Exception as error:  # the library raises whatever its layers raise; the user needs one line
        where = "local folder" if Path(name).is_dir() else "model"
        mend = "Give a folder or hub name with safetensors weights, or `pretrained: false` and a model type."
        raise RecipeError(f"Cannot build the backbone from {where} '{name}': {_cause(error)} {mend}") from error


def _refuse(name: str, pretrained: bool, types: Iterable[str]) -> None:
    """Say what is wrong with a name that is no folder, no OWNER/MODEL of the hub, and no type to draw weights for."""
    if pretrained and name in types:
        raise RecipeError(f"Backbone '{name}' is a model type, which has no weights. Set `pretrained: false`.")
    near = get_close_matches(name, types, n=1)
    hint = f" did you mean '{near[0]}'?" if near else ""
    known = "a local folder, OWNER/MODEL of the hub, or with `pretrained: false` a model type such as swin"
    raise RecipeError(f"Unknown backbone '{name}':{hint} Expected {known}.")


def _load(transformers: Any, name: str, settings: Any) -> nn.Module:
    """Load weights; say so where the file lacks some, except for the norms that backbones put behind their maps."""
    verbosity, bars = transformers.logging.get_verbosity(), transformers.logging.is_progress_bar_enabled()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    try:
        kind = transformers.MODEL_FOR_BACKBONE_MAPPING[type(settings)]  # AutoBackbone asks the hub for local folders
        network, report = _fetch(kind, name, config=settings, use_safetensors=True, output_loading_info=True)
    finally:
        transformers.logging.set_verbosity(verbosity)
        if bars:
            transformers.logging.enable_progress_bar()
    missing = sorted(key for key in report["missing_keys"] if "hidden_states_norms" not in key)
    if missing:
        found = f"{len(missing)} parameters are not in its file and start at random, `{missing[0]}` first"
        warnings.warn(f"Backbone '{name}': {found}. Check that file and configuration are of one model.", stacklevel=3)
    return network


def _fetch(kind: Any, name: str, **options: Any) -> Any:
    """Load from a folder or the cache; the network is asked only for what is in neither."""
    try:
        return kind.from_pretrained(name, local_files_only=True, **options)
    except OSError:
        if Path(name).is_dir():
            raise
        return kind.from_pretrained(name, **options)


def _configuration(transformers: Any, name: str, pretrained: bool, changes: dict[str, Any]) -> Any:
    known_type = name in transformers.CONFIG_MAPPING
    if known_type and not pretrained:
        config = transformers.AutoConfig.for_model(name)
    else:
        config = _fetch(transformers.AutoConfig, name)
    if type(config) not in transformers.MODEL_FOR_BACKBONE_MAPPING:
        raise RecipeError(f"Backbone '{name}' should give a pyramid of maps. Found one that does not. Try swin.")
    known = _settings(config)
    for key, value in changes.items():
        if key not in known:
            raise RecipeError(f"Backbone '{name}' has no setting `{key}`. Known: {', '.join(known)}.")
        setattr(config, key, value)
    # Configurations derive their stage names from depths: they are made anew after a change of it.
    values = config.to_dict()
    config = type(config)(**{key: values[key] for key in known})
    stages = [stage for stage in config.stage_names if stage != "stem"]
    config.out_features, config.dtype = stages[-4:], torch.float32
    return config


def _settings(config: Any) -> list[str]:
    """Return what may be set: the configuration's own fields, without what it derives from them."""
    return sorted({each.name for each in fields(config)} & config.to_dict().keys())


def _cause(error: BaseException) -> str:
    """Return what the library says in one line, of a length that can be read."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text.rstrip(".") + "." if len(text) <= 240 else text[:239] + "…"
