from typing import Any

import pytest
import torch
from torch import Tensor, nn

from fedhca.errors import LayoutError
from fedhca.models import ClientModel, Decoder, Head, backbone
from fedhca.tasks import Classification
from fedhca.wire.parameters import Parameters
from tiny import SWIN, TASKS, WIDTH, Encoder, encoder, same_bits, same_parameters, swin


def model(*tasks: str, seed: int = 0, own: Encoder | None = None) -> ClientModel:
    return ClientModel(own or encoder(), [TASKS[task] for task in tasks], width=WIDTH, seed=seed)


def test_swin_t_has_the_sizes_of_the_released_code() -> None:
    swin_t = ClientModel(backbone("swin", pretrained=False), [TASKS["depth"]])
    assert sum(each.numel() for each in swin_t.encoder.parameters()) == 27_522_234
    assert swin_t.encoder_layout.width == 27_520_698  # less a final norm without gradient
    assert swin_t.decoder_layout.width == 175_776
    assert swin_t.encoder.channels == (96, 192, 384, 768)


def test_a_decoder_has_six_layers_on_four_maps() -> None:
    decoder = Decoder((96, 192, 384, 768))
    assert sum(each.numel() for each in decoder.parameters()) == 175_776
    assert len(ClientModel(swin(), [TASKS["depth"]]).decoder_layout.layers) == 6
    pyramid = [torch.zeros(2, width, 16 >> k, 12 >> k) for k, width in enumerate((96, 192, 384, 768))]
    assert decoder(pyramid).shape == (2, 96, 16, 12)


def test_a_decoder_is_linear_layers_upsampling_a_convolution_norm_and_leaky_relu() -> None:
    decoder = Decoder((4, 6), WIDTH).eval()
    pyramid = [torch.randn(1, 4, 8, 8), torch.randn(1, 6, 4, 4)]
    linears: list[Any] = [*decoder.linears]
    level = [
        torch.einsum("bcyx,oc->boyx", each, linear.weight) + linear.bias[:, None, None]
        for each, linear in zip(pyramid, linears, strict=True)
    ]
    level[1] = nn.functional.interpolate(level[1], (8, 8), mode="bilinear", align_corners=False)
    fused = decoder.norm(decoder.fuse(torch.cat(level, 1)))
    torch.testing.assert_close(decoder(pyramid), torch.where(fused > 0, fused, 0.01 * fused))


def test_a_head_is_two_transposed_convolutions_and_a_one_by_one() -> None:
    first, second, last = Head(96, 7)
    assert [each.weight.shape for each in (first, second, last)] == [(96, 48, 2, 2), (48, 24, 2, 2), (7, 24, 1, 1)]
    assert [each.stride for each in (first, second, last)] == [(2, 2), (2, 2), (1, 1)]
    assert Head(96, 7)(torch.zeros(2, 96, 5, 3)).shape == (2, 7, 20, 12)


def test_under_autocast_outputs_are_float32_and_near_depths_are_told_apart() -> None:
    """Between 4 m and 8 m bfloat16 has steps of 0.03 m."""
    subject = ClientModel(encoder(), [TASKS["depth"], TASKS["semseg"], Classification(channels=3)], width=WIDTH).eval()
    with torch.no_grad():
        subject.heads["depth"][-1].bias.fill_(5.0)  # type: ignore[index]
    picture = torch.randn(2, 3, 45, 61, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = subject(picture)
    assert {each.dtype for each in found.values()} == {torch.float32}
    depths = found["depth"].flatten().sort().values
    assert bool((depths > 4).all() & (depths < 8).all())
    assert float(depths.detach().diff().max()) < 0.03
    with torch.autocast("cpu", dtype=torch.bfloat16):
        before = [subject.heads[name](torch.randn(2, WIDTH, 4, 4)) for name in ("depth", "classification")]
    assert all(each.dtype == torch.float32 and not torch.equal(each, each.bfloat16().float()) for each in before)
    for name, each in subject(picture).items():
        torch.testing.assert_close(found[name], each, rtol=0.05, atol=0.05)


@pytest.mark.parametrize("size", [(16, 16), (17, 23), (31, 64)])
def test_outputs_have_the_size_of_the_input(size: tuple[int, int]) -> None:
    outputs = model("semseg", "depth", "normals")(torch.zeros(2, 3, *size))
    assert {name: tuple(each.shape) for name, each in outputs.items()} == {
        name: (2, TASKS[name].channels, *size) for name in ("semseg", "depth", "normals")
    }


def test_what_travels_are_parameters_of_encoder_and_decoders_that_a_gradient_reaches() -> None:
    subject = model("semseg", "depth")
    names = [segment.name for segment in subject.encoder_layout.segments]
    assert names == ["first.weight", "first.bias", "norm.weight", "norm.bias", "second.weight", "second.bias"]
    decoder = [segment.name for segment in subject.decoder_layout.segments]
    assert decoder == [name for name, _ in Decoder((4, 6), WIDTH).named_parameters()]
    assert {*subject.home} == {"encoder.unused"} | {f"heads.{task}.{k}.{part}" for task in ("semseg", "depth")
                                                   for k in range(3) for part in ("weight", "bias")}  # fmt: skip


def test_frozen_parameters_do_not_travel() -> None:
    own = encoder()
    own.first.weight.requires_grad_(False)
    names = [segment.name for segment in model("depth", own=own).encoder_layout.segments]
    assert "first.weight" not in names
    assert "first.bias" in names


def test_finding_out_what_travels_touches_nothing() -> None:
    subject = model("depth").train()
    before = {name: each.clone() for name, each in subject.state_dict().items()}
    drawn = torch.random.get_rng_state()
    assert subject.encoder_layout.width > 0
    assert same_bits(before, subject.state_dict())
    assert torch.equal(drawn, torch.random.get_rng_state())
    assert all(each.training for each in subject.modules())
    assert all(each.grad is None for each in subject.parameters())


def test_installing_what_was_collected_changes_nothing() -> None:
    subject = model("semseg", "depth")
    before = {name: each.clone() for name, each in subject.state_dict().items()}
    subject.install(subject.collect())
    assert same_bits(before, subject.state_dict())


def test_installing_replaces_what_travels_and_nothing_else() -> None:
    subject = model("semseg", "depth")
    home = {name: each.detach().clone() for name, each in [*subject.home.items(), *subject.named_buffers()]}
    held = subject.collect()
    other = Parameters(torch.randn_like(held.encoder), torch.randn_like(held.decoders))
    subject.install(other)
    assert same_parameters(subject.collect(), other)
    found = {name: each.detach() for name, each in [*subject.home.items(), *subject.named_buffers()]}
    assert same_bits(home, found)


def test_what_was_collected_is_a_copy() -> None:
    subject = model("depth")
    held = subject.collect()
    kept = held.encoder.clone()
    with torch.no_grad():
        for each in subject.parameters():
            each.add_(1)
    assert torch.equal(held.encoder, kept)


def test_decoders_travel_in_the_order_of_the_tasks() -> None:
    subject = model("semseg", "depth")
    with torch.no_grad():
        for each in subject.decoders["depth"].parameters():
            each.fill_(3)
    assert (subject.collect().decoders == 3).all(1).tolist() == [False, True]


def test_parameters_for_other_tasks_or_another_encoder_do_not_fit() -> None:
    two, one = model("semseg", "depth"), model("depth")
    with pytest.raises(ValueError, match=r"shorter|longer"):
        one.install(two.collect())
    with pytest.raises(LayoutError, match=r"first\.weight"):
        one.encoder_layout.require_equal(ClientModel(swin(), [TASKS["depth"]], width=WIDTH).encoder_layout, "another")


def test_all_decoders_start_alike_and_heads_of_one_task_do() -> None:
    both, alone = model("semseg", "depth"), model("depth")
    rows = both.collect().decoders
    assert torch.equal(rows[0], rows[1])
    assert torch.equal(rows[0], alone.collect().decoders[0])
    heads: list[dict[str, Tensor]] = [{**each.heads["depth"].state_dict()} for each in (both, alone)]
    assert same_bits(*heads)


def test_another_seed_starts_elsewhere() -> None:
    assert not torch.equal(model("depth").collect().decoders, model("depth", seed=1).collect().decoders)


def test_building_a_model_draws_nothing_from_the_common_generator() -> None:
    own, drawn = encoder(), torch.random.get_rng_state()
    model("depth", own=own)
    assert torch.equal(drawn, torch.random.get_rng_state())


@pytest.mark.parametrize("kind", ["convnext", "swin"])
@pytest.mark.parametrize("size", [(8, 8), (3, 50), (16, 40), (31, 33)])
def test_pictures_smaller_than_the_stride_are_served(kind: str, size: tuple[int, int]) -> None:
    config = {"hidden_sizes": [4, 8, 8, 8], "depths": [1, 1, 1, 1]} if kind == "convnext" else SWIN
    model = ClientModel(backbone(kind, pretrained=False, config=config), [TASKS["depth"]], width=8).eval()
    assert model(torch.zeros(1, 3, *size))["depth"].shape == (1, 1, *size)
