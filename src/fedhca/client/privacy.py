"""Differential privacy of what a client sends: its update is shortened to a length, and blurred by noise.

It holds for every answer of a client, against everybody outside its site, the server included.

Where Δ is the whole update of a round (the encoder's and all decoders', as one vector), what is sent is

    start + Δ · min(1, clip/‖Δ‖) + z,    z ~ N(0, (noise · clip)²) on every number.

What is protected is the client as a whole: any two data sets it might train on, of the same size. Two shortened
updates are at most 2 · clip apart, so an answer is a Gaussian mechanism of noise multiplier noise/2, and T answers
are (α, 2αT/noise²)-Rényi private for every α > 1: no subsampling helps, as every client answers every time.

Covered are the parameters that are sent, in any form. Losses of a private client are not sent. Metrics are neither,
unless `metrics` says so: they are measured with heads that learnt from the training data, and ε knows nothing of
them. See docs/security.md for what else is not covered.

Sources: Mironov, Rényi differential privacy (CSF 2017); Balle et al., Hypothesis testing interpretations and Rényi
differential privacy (AISTATS 2020), for ε of α.
"""

import math
import os
import warnings
from collections.abc import Callable
from types import ModuleType

import numpy as np
import torch
from jaxtyping import Float32, Float64
from torch import Tensor

from fedhca.config.federation import Privacy
from fedhca.extras import require_extra
from fedhca.wire.parameters import Parameters

Draw = Callable[[int], bytes]
"""Returns so many random bytes."""

BLOCK = 2**20
"""Numbers that are blurred at a time: what float64 takes stays small."""

ORDERS = 1 + np.logspace(-6, 6, 1201)
"""Rényi orders α, among which the accountant takes the one of the least ε."""


def blur(privacy: Privacy, update: Parameters, draw: Draw = os.urandom) -> Parameters:
    """Return the update as it may be known outside: shortened, and blurred.

    The noise is from the operating system, never from the experiment's seed: who knows the seed could subtract it.
    Nor is it torch's, whose generator on the CPU has 2³² seeds in all: who tries each finds the one whose noise
    leaves a short update. So two runs of one seed differ. It is added in float64, and rounded to float32 once.

    Args:
        privacy: length and noise.
        update: Δ; one that is not finite counts as zero.
        draw: for tests alone.

    """
    length = _length(update)
    if not math.isfinite(length):
        update = Parameters(torch.zeros_like(update.encoder), torch.zeros_like(update.decoders))
        length = 0.0
    factor = privacy.clip / max(length, privacy.clip)
    return Parameters(_blurred(privacy, update.encoder, factor, draw), _blurred(privacy, update.decoders, factor, draw))


def epsilon(privacy: Privacy, answers: int) -> float:
    """Return ε at δ after so many answers: 0 before the first, infinite without noise.

    Raises:
        FedhcaError: Opacus, whose accountant is asked, is not installed.

    """
    if answers == 0 or privacy.noise == 0:
        return math.inf if answers else 0.0
    accountant = _accountant()
    spent = accountant.compute_rdp(q=1.0, noise_multiplier=privacy.noise / 2, steps=answers, orders=ORDERS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # at the ends of the orders ε is still a bound
        epsilon, _ = accountant.get_privacy_spent(orders=ORDERS, rdp=spent, delta=privacy.delta)
    return max(0.0, float(epsilon))


def _blurred(privacy: Privacy, rows: Float32[Tensor, "*w"], factor: float, draw: Draw) -> Float32[Tensor, "*w"]:
    blurred = torch.empty_like(rows, memory_format=torch.contiguous_format)
    for part, into in zip(rows.flatten().split(BLOCK), blurred.view(-1).split(BLOCK), strict=True):
        noise = torch.from_numpy(gaussian(len(part), draw))
        into.copy_(part.cpu().double() * factor + privacy.noise * privacy.clip * noise)
    return blurred


def gaussian(count: int, draw: Draw) -> Float64[np.ndarray, " count"]:
    """Return independent normal numbers made of random bytes.

    √(−2 ln u) cos 2πv and √(−2 ln u) sin 2πv, with u in (0, 1] and v in [0, 1) of 53 bits each.

    Source: Box and Muller, A note on the generation of random normal deviates (1958).
    """
    pairs = -(-count // 2)
    u, v = (np.frombuffer(draw(16 * pairs), np.uint64).reshape(2, pairs) >> np.uint64(11)) * 2.0**-53
    radius, angle = np.sqrt(-2 * np.log1p(-u)), 2 * np.pi * v
    return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])[:count]


def _length(update: Parameters) -> float:
    """Return ‖Δ‖ of encoder and all decoders together."""
    return math.hypot(
        *(float(torch.linalg.vector_norm(part, dtype=torch.float64)) for part in (update.encoder, update.decoders))
    )


def _accountant() -> ModuleType:
    require_extra("privacy", "The accountant of privacy")
    from opacus.accountants.analysis import rdp  # noqa: PLC0415 - seconds to load, for those who ask for ε alone

    return rdp
