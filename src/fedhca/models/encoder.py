"""The encoder: any backbone of the transformers library that gives a feature pyramid."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

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
    """A transformers backbone as an encoder: pictures in, feature maps out; widths are read from it."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.channels: Sequence[int] = tuple(network.channels)  # type: ignore[arg-type]

    def forward(self, image: Float[Tensor, "b 3 y x"]) -> tuple[Float[Tensor, "b _ _ _"], ...]:
        """Return the maps, from the largest to the smallest."""
        return tuple(self.network(image).feature_maps)


def backbone(name: str = SWIN_T, *, pretrained: bool = True, config: Mapping[str, Any] | None = None) -> Pyramid:
    """Build an encoder from a backbone of the transformers library.

    Args:
        name: a model on the hub, a local folder, or (with `pretrained=False`) a model type such as `swin`,
            `convnext`, `resnet`.
        pretrained: load weights (safetensors only; nothing is ever unpickled). Otherwise weights are drawn from
            torch's random generator.
        config: settings that replace those of the configuration, such as `embed_dim`, `depths`, `drop_path_rate`.

    Raises:
        RecipeError: there is no such model, it is not a backbone, or a setting does not exist.

    """
    import transformers  # noqa: PLC0415  half a second and more: only where a model is built

    try:
        settings = _configuration(transformers, name, pretrained, dict(config or {}))
        if pretrained:
            network = transformers.AutoBackbone.from_pretrained(name, config=settings, use_safetensors=True)
        else:
            network = transformers.AutoBackbone.from_config(settings)
        return Pyramid(network)
    except RecipeError:
        raise
    except Exception as error:  # the library raises whatever its layers raise; the user needs one line
        where = "local folder" if Path(name).is_dir() else "model"
        mend = "Give a folder or hub name with safetensors weights, or `pretrained: false` and a model type."
        raise RecipeError(f"Cannot build the backbone from {where} '{name}': {_first_line(error)} {mend}") from error


def _configuration(transformers: Any, name: str, pretrained: bool, changes: dict[str, Any]) -> Any:
    known_type = name in transformers.CONFIG_MAPPING
    if known_type and not pretrained:
        config = transformers.AutoConfig.for_model(name)
    else:
        config = transformers.AutoConfig.from_pretrained(name)
    for key, value in changes.items():
        if not hasattr(config, key):
            raise RecipeError(f"Backbone '{name}' has no setting `{key}`. Known: {', '.join(_settings(config))}.")
        setattr(config, key, value)
    # Configurations derive their stage names from depths: they are made anew after a change of it.
    fresh = {key: value for key, value in config.to_dict().items() if key not in _DERIVED}
    config = type(config)(**fresh)
    stages = [stage for stage in config.stage_names if stage != "stem"]
    config.out_features = stages[-4:]
    return config


_DERIVED = {"stage_names", "out_features", "out_indices", "_out_features", "_out_indices", "hidden_size"}


def _settings(config: Any) -> list[str]:
    return sorted(key for key in config.to_dict() if not key.startswith("_"))


def _first_line(error: BaseException) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0].rstrip(".") + "."
