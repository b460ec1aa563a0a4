import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from fedhca.errors import RecipeError
from fedhca.models import Pyramid, backbone
from fedhca.models.encoder import Encoder
from tiny import SWIN, swin

SMALL: dict[str, dict[str, Any]] = {
    "swin": SWIN,
    "convnext": {"hidden_sizes": [8, 8, 16, 24], "depths": [1, 1, 1, 1]},
    "pvt_v2": {"hidden_sizes": [8, 8, 16, 24], "depths": [1, 1, 1, 1], "num_attention_heads": [1, 1, 2, 2]},
    "resnet": {"embedding_size": 8, "hidden_sizes": [8, 8, 16, 24], "depths": [1, 1, 1, 1], "layer_type": "basic"},
    "focalnet": {"embed_dim": 8, "depths": [1, 1, 1, 1]},  # its configuration claims other widths than its maps have
}


@pytest.mark.parametrize("family", SMALL)
@pytest.mark.parametrize("size", [(64, 64), (45, 61), (33, 96)])
def test_widths_are_those_of_the_maps_at_any_size(family: str, size: tuple[int, int]) -> None:
    encoder = backbone(family, pretrained=False, config=SMALL[family])
    maps = encoder(torch.zeros(2, 3, *size))
    assert [each.shape[1] for each in maps] == list(encoder.channels)
    assert len(maps) == 4
    areas = [each.shape[2] * each.shape[3] for each in maps]
    assert areas == sorted(areas, reverse=True)


def test_settings_replace_those_of_the_configuration() -> None:
    assert swin().channels == (8, 16, 32, 64)
    deeper = backbone("swin", pretrained=False, config=SWIN | {"depths": [1, 2, 1, 1]})
    assert sum(each.numel() for each in deeper.parameters()) > sum(each.numel() for each in swin().parameters())


@pytest.mark.parametrize("family", ["dinov2", "vitdet", "beit"])
def test_a_transformer_without_stages_has_the_width_it_is_given(family: str) -> None:
    small = {"hidden_size": 24, "num_attention_heads": 2, "num_hidden_layers": 4, "image_size": 64}
    windows: dict[str, Any] = {"window_block_indices": [], "residual_block_indices": []} if family == "vitdet" else {}
    assert backbone(family, pretrained=False, config=small | windows).channels == (24, 24, 24, 24)


def test_a_size_that_a_configuration_derives_is_no_setting() -> None:
    with pytest.raises(RecipeError, match="Backbone 'swin' has no setting `hidden_size`"):
        backbone("swin", pretrained=False, config={"hidden_size": 48})


def test_measuring_the_widths_leaves_the_encoder_in_training_and_its_buffers_alone() -> None:
    fresh = backbone("resnet", pretrained=False, config=SMALL["resnet"])
    assert all(module.training for module in fresh.modules())
    counted = [buffer for name, buffer in fresh.named_buffers() if name.endswith("num_batches_tracked")]
    assert counted
    assert not any(counted)


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16, torch.float64])
def test_weights_of_any_precision_become_float32(kind: torch.dtype, tmp_path: Path) -> None:
    saved: Any = swin().network.to(kind)
    saved.save_pretrained(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        loaded = backbone(str(tmp_path))
    for mine, theirs in zip(loaded.parameters(), saved.parameters(), strict=True):
        assert mine.dtype == torch.float32
        assert torch.equal(mine, theirs.float())
    for other in (backbone(str(tmp_path), pretrained=False), Pyramid(swin().network.to(kind))):
        assert {each.dtype for each in other.parameters()} == {torch.float32}


def test_weights_hang_on_the_random_generator_alone() -> None:
    same = zip(swin().parameters(), swin().parameters(), strict=True)
    assert all(torch.equal(one, other) for one, other in same)


def test_a_backbone_is_an_encoder() -> None:
    assert isinstance(swin(), Encoder)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Pyramid]:
    folder, encoder = tmp_path_factory.mktemp("pretrained"), swin()
    encoder.network.save_pretrained(folder)  # type: ignore[operator]
    return folder, encoder


def test_weights_come_from_a_local_folder(saved: tuple[Path, Pyramid]) -> None:
    folder, encoder = saved
    loaded = backbone(str(folder))
    assert loaded.channels == encoder.channels
    assert loaded.state_dict().keys() == encoder.state_dict().keys()
    for name, value in encoder.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name


def test_weights_come_out_of_a_classifier_as_the_hub_has_them(tmp_path: Path) -> None:
    import transformers  # noqa: PLC0415

    classifier = transformers.SwinForImageClassification(transformers.SwinConfig(**SWIN))
    classifier.save_pretrained(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = dict(backbone(str(tmp_path)).network.named_parameters())
    common = {name: value for name, value in classifier.named_parameters() if name in found}
    assert len(common) > 80
    for name, value in common.items():
        assert torch.equal(found[name], value), name


def test_weights_that_are_not_in_the_file_are_named(saved: tuple[Path, Pyramid], tmp_path: Path) -> None:
    weights = load_file(saved[0] / "model.safetensors")
    lost = next(name for name in weights if "intermediate" in name)  # what files call mlp.fc1
    save_file({name: value for name, value in weights.items() if name != lost}, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_bytes((saved[0] / "config.json").read_bytes())
    with pytest.warns(UserWarning, match=r"1 parameters are not in its file.*mlp\.fc1"):
        backbone(str(tmp_path))


def test_settings_that_do_not_change_shapes_may_be_changed_in_a_folder(saved: tuple[Path, Pyramid]) -> None:
    loaded: Any = backbone(str(saved[0]), config={"drop_path_rate": 0.3})
    assert loaded.network.config.drop_path_rate == 0.3


def test_a_folder_may_give_the_configuration_alone(saved: tuple[Path, Pyramid]) -> None:
    folder, encoder = saved
    torch.manual_seed(5)
    fresh = backbone(str(folder), pretrained=False)
    assert fresh.channels == encoder.channels
    assert not torch.equal(next(fresh.parameters()), next(encoder.parameters()))


def test_pickled_weights_are_refused(saved: tuple[Path, Pyramid], tmp_path: Path) -> None:
    folder, encoder = saved
    (tmp_path / "config.json").write_bytes((folder / "config.json").read_bytes())
    torch.save(encoder.network.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(RecipeError, match="safetensors") as caught:
        backbone(str(tmp_path))
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "pretrained", "config", "words"),
    [
        ("swinn", False, {}, ["'swinn'", "did you mean 'swin'?"]),
        ("nothing-like-it", True, {}, ["'nothing-like-it'", "OWNER/MODEL"]),
        ("swin", True, {}, ["'swin'", "pretrained: false"]),
        ("nobody/nothing", True, {}, ["'nobody/nothing'", "pretrained: false"]),
        ("swin", False, {"dephts": [1]}, ["`dephts`", "depths"]),
        ("swin", False, {"depths": 3}, ["'swin'", "depths"]),
        ("swin", False, {"out_features": ["stage1"]}, ["`out_features`"]),
        ("swin", False, {"embed_dim": 7}, ["'swin'", "7"]),
        ("bert", False, {}, ["'bert'"]),
        ("hiera", False, {"depths": [1, 1, 1, 1]}, ["'hiera'"]),  # serves one size of picture only
    ],
)
def test_what_cannot_be_built_is_one_line(
    name: str, pretrained: bool, config: dict[str, Any], words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub.constants  # noqa: PLC0415

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)  # read from the environment at import
    with pytest.raises(RecipeError) as caught:
        backbone(name, pretrained=pretrained, config=config)
    line = str(caught.value)
    assert "\n" not in line
    assert len(line) < 1000
    for word in words:
        assert word in line, line


def test_weights_of_other_shapes_are_refused(saved: tuple[Path, Pyramid]) -> None:
    with pytest.raises(RecipeError, match="Cannot build the backbone"):
        backbone(str(saved[0]), config={"embed_dim": 16})
