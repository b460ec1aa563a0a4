from pathlib import Path

import torch
from torch import Tensor, nn

from fedhca.client.client import Client
from fedhca.client.clients import Clients
from fedhca.client.home_tensors import home_tensors, load_home_tensors
from fedhca.models import ClientModel
from fedhca.storage.tensor_file import load_tensors, save_tensors
from tiny import FEDERATION, WIDTH, client, encoder, participant, same_bits, train


def state(subject: Client) -> dict[str, Tensor]:
    return {
        name: each.detach().clone()
        for name, each in home_tensors(subject.model, subject.state.trainer.optimiser).items()
    }


def test_a_state_holds_heads_buffers_and_moments_and_nothing_that_travels() -> None:
    subject = client("semseg", "depth")
    train(subject, 0)
    found = state(subject)
    heads = {name for name in found if name.startswith("parameter/")}
    assert heads == {f"parameter/{name}" for name in subject.model.home}
    assert {name for name in found if name.startswith("buffer/")} == {
        f"buffer/{name}" for name, _ in subject.model.named_buffers()
    }
    trained = [name for name, each in subject.model.named_parameters() if each.grad is not None]
    assert {name for name in found if name.startswith("optimiser/")} == {
        f"optimiser/{name}/{key}" for name in trained for key in ("step", "exp_avg", "exp_avg_sq")
    }


def test_a_fresh_client_has_no_moments() -> None:
    assert not any(name.startswith("optimiser/") for name in state(client("depth")))


def test_scatter_puts_back_what_gather_took_bit_for_bit() -> None:
    trained, fresh = client("semseg", "depth"), client("semseg", "depth")
    train(trained, 0)
    assert not same_bits(state(trained), state(fresh))
    load_home_tensors(state(trained), fresh.model, fresh.state.trainer.optimiser)
    assert same_bits(state(trained), state(fresh))


def test_scatter_takes_moments_away_too() -> None:
    trained, fresh = client("depth"), client("depth")
    before = state(fresh)
    train(trained, 0)
    load_home_tensors(before, trained.model, trained.state.trainer.optimiser)
    assert same_bits(state(trained), before)


def test_a_state_is_a_copy_once_scattered() -> None:
    trained, other = client("depth"), client("depth")
    train(trained, 0)
    held = state(trained)
    kept = {name: each.clone() for name, each in held.items()}
    load_home_tensors(held, other.model, other.state.trainer.optimiser)
    other.model.install(trained.model.collect())
    train(other, 0)
    assert same_bits(held, kept)


def test_a_client_with_a_scattered_state_goes_on_with_the_same_bits(tmp_path: Path) -> None:
    one, other = client("semseg", "depth"), client("semseg", "depth")
    sent = train(one, 0).parameters
    save_tensors(tmp_path / "state", state(one), {})
    load_home_tensors(load_tensors(tmp_path / "state")[0], other.model, other.state.trainer.optimiser)
    other.state.rounds = 1
    ahead = [train(each, 1, sent) for each in (one, other)]
    assert torch.equal(ahead[0].parameters.encoder, ahead[1].parameters.encoder)
    assert ahead[0].losses == ahead[1].losses
    assert same_bits(state(one), state(other))


class TrainingOnly(nn.Module):
    """An encoder with a parameter that takes part in training only: it is learnt, but does not travel."""

    channels = (4, 6)

    def __init__(self) -> None:
        super().__init__()
        self.inner = encoder(0)
        self.shift = nn.Parameter(torch.zeros(1))

    def forward(self, image: Tensor) -> list[Tensor]:
        return self.inner(image + self.shift if self.training else image)


def test_a_parameter_that_learns_but_does_not_travel_stays_in_the_state() -> None:
    subject = Clients(FEDERATION, encoder=TrainingOnly()).make(participant("a", "depth"))
    train(subject, 0)
    assert "parameter/encoder.shift" in state(subject)
    assert subject.model.encoder.shift.item() != 0  # type: ignore[operator]
    assert all(segment.name != "shift" for segment in subject.model.encoder_layout.segments)


def test_all_moments_lie_beside_their_parameter() -> None:
    trained = client("depth")
    train(trained, 0)
    model = ClientModel(encoder(), trained.participant.tasks, width=WIDTH).to(
        "meta"
    )  # stands for a GPU that goes on from a file
    optimiser = torch.optim.SGD(model.parameters())
    load_home_tensors(state(trained), model, optimiser)
    moments = [value for each in optimiser.state.values() for value in each.values()]
    assert {each.device.type for each in moments} == {"meta"}
