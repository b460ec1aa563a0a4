"""Differential privacy at a client: what shortening may do, what noise is, and what ε has to obey."""

import math
from random import Random

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_ndtr

from fedhca.client.privacy import blur, epsilon, gaussian
from fedhca.config.federation import Privacy
from fedhca.wire.parameters import Parameters

FEW = settings(max_examples=60)
numbers = st.floats(-1e4, 1e4, width=32)
clips = st.floats(1e-3, 1e3)
noises = st.floats(0.05, 50)


@st.composite
def updates(draw: st.DrawFn) -> Parameters:
    rows, width = draw(st.integers(1, 3)), draw(st.integers(1, 5))
    encoder = draw(st.lists(numbers, min_size=1, max_size=7))
    decoders = draw(st.lists(numbers, min_size=rows * width, max_size=rows * width))
    return Parameters(torch.tensor(encoder), torch.tensor(decoders).view(rows, width))


def flat(update: Parameters) -> torch.Tensor:
    return torch.cat([update.encoder, update.decoders.flatten()]).double()


@FEW
@given(updates(), clips)
def test_shortening_never_lengthens_and_keeps_the_direction(update: Parameters, clip: float) -> None:
    before, after = flat(update), flat(blur(Privacy(clip=clip, noise=0.0), update))
    assert float(after.norm()) <= min(clip, float(before.norm())) * (1 + 1e-6) + 1e-37
    assert torch.allclose(
        after * before.norm(), before * after.norm(), rtol=1e-5, atol=1e-6 * float(before.norm() ** 2)
    )


@FEW
@given(updates())
def test_an_update_within_the_length_stays_as_it_is(update: Parameters) -> None:
    length = float(flat(update).norm())
    kept = blur(Privacy(clip=length * (1 + 1e-9) + 1e-9, noise=0.0), update)
    assert torch.equal(flat(kept), flat(update))


@FEW
@given(updates(), clips, st.sampled_from([math.inf, -math.inf, math.nan]), st.data())
def test_an_update_that_is_not_finite_counts_as_zero(
    update: Parameters, clip: float, bad: float, data: st.DataObject
) -> None:
    part = data.draw(st.sampled_from([update.encoder, update.decoders.view(-1)]))
    part[data.draw(st.integers(0, len(part) - 1))] = bad
    assert not flat(blur(Privacy(clip=clip, noise=0.0), update)).any()


@FEW
@given(updates(), updates(), clips)
def test_two_shortened_updates_are_at_most_twice_the_length_apart(
    one: Parameters, other: Parameters, clip: float
) -> None:
    """The sensitivity that ε is computed from; of vectors of one shape, so the shorter goes on with zeros."""
    short = [flat(blur(Privacy(clip=clip, noise=0.0), each)) for each in (one, other)]
    longest = max(map(len, short))
    first, second = (torch.nn.functional.pad(each, (0, longest - len(each))) for each in short)
    assert float((first - second).norm()) <= 2 * clip * (1 + 1e-6)


@FEW
@given(updates(), clips, noises, st.integers(0, 9))
def test_the_noise_does_not_hang_on_the_update(update: Parameters, clip: float, noise: float, seed: int) -> None:
    """Same bytes, same noise: what is added to an update is what is added to none, to float32."""
    nothing = Parameters(torch.zeros_like(update.encoder), torch.zeros_like(update.decoders))
    draws = (Random(seed).randbytes for _ in range(2))
    added, alone = (flat(blur(Privacy(clip=clip, noise=noise), each, next(draws))) for each in (update, nothing))
    short = flat(blur(Privacy(clip=clip, noise=0.0), update))
    assert torch.allclose(added - short, alone, rtol=1e-5, atol=1e-5 * clip * (1 + noise))


@pytest.mark.parametrize("count", [200_000, 200_001])
def test_the_noise_is_normal(count: int) -> None:
    drawn = torch.from_numpy(gaussian(count, Random(0).randbytes))
    assert len(drawn) == count
    assert abs(float(drawn.mean())) < 6 / math.sqrt(count)
    assert abs(float(drawn.var()) - 1) < 6 * math.sqrt(2 / count)
    for bound in (-2.0, -1.0, 0.0, 0.5, 2.5):
        expected = math.exp(log_ndtr(bound))
        assert float((drawn <= bound).double().mean()) == pytest.approx(expected, abs=6 * math.sqrt(0.25 / count))
    halves = drawn[: count // 2 * 2].view(2, -1)  # the two of a pair
    assert abs(float((halves[0] * halves[1]).mean())) < 6 / math.sqrt(count / 2)


def test_its_deviation_is_the_noise_times_the_length_on_every_number() -> None:
    privacy, count = Privacy(clip=0.5, noise=3.0), 100_000
    nothing = Parameters(torch.zeros(count), torch.zeros(2, count))
    blurred = blur(privacy, nothing, Random(1).randbytes)
    for row in (blurred.encoder, *blurred.decoders):
        assert float(row.std()) == pytest.approx(1.5, rel=6 / math.sqrt(2 * count))
    assert not torch.equal(*blurred.decoders)


@FEW
@given(noises, st.integers(0, 200), st.integers(1, 50))
def test_more_answers_never_cost_less(noise: float, answers: int, more: int) -> None:
    privacy = Privacy(clip=1.0, noise=noise)
    assert epsilon(privacy, answers) <= epsilon(privacy, answers + more)


@FEW
@given(noises, st.floats(1.05, 10), st.integers(1, 200))
def test_more_noise_never_costs_more(noise: float, factor: float, answers: int) -> None:
    more, less = (Privacy(clip=1.0, noise=each) for each in (noise * factor, noise))
    assert epsilon(more, answers) <= epsilon(less, answers)


@FEW
@given(noises, clips)
def test_a_quarter_of_the_answers_is_worth_half_the_noise(noise: float, clip: float) -> None:
    """ε hangs on answers/noise² alone, and not on the length: 2αT/noise²."""
    whole, half = Privacy(clip=clip, noise=noise), Privacy(clip=1.0, noise=noise / 2)
    assert epsilon(whole, 4) == pytest.approx(epsilon(half, 1), rel=1e-9, abs=1e-12)


@FEW
@given(st.floats(0.5, 50), st.integers(1, 100), st.sampled_from([1e-3, 1e-5, 1e-8]))
def test_epsilon_is_between_the_exact_one_and_that_of_the_textbook(noise: float, answers: int, delta: float) -> None:
    """Above: ρ + 2√(ρ ln 1/δ) with ρ = 2T/noise² (Bun and Steinke 2016), the classic end of α ↦ αρ + ln(1/δ)/(α − 1).

    Below: T answers are one Gaussian mechanism with sensitivity s = 2√T/noise standard deviations, whose δ at ε is
    Φ(s/2 − ε/s) − exp(ε) Φ(−s/2 − ε/s) exactly (Balle and Wang, ICML 2018): it must not exceed the δ that was promised.
    """
    found = epsilon(Privacy(clip=1.0, noise=noise, delta=delta), answers)
    rho = 2 * answers / noise**2
    assert found <= rho + 2 * math.sqrt(rho * math.log(1 / delta)) + 1e-9
    s = 2 * math.sqrt(answers) / noise
    exact = math.exp(log_ndtr(s / 2 - found / s)) - math.exp(found + log_ndtr(-s / 2 - found / s))
    assert exact <= delta * (1 + 1e-6)
