"""Fewer bits: what rounding may do, and that nothing is lost over the rounds."""

import math

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fedhca.config.federation import TransferDtype
from fedhca.errors import ClientError
from fedhca.wire.compression import LEVELS, Compressed, compress, difference, total
from fedhca.wire.encoding import from_wire, to_wire
from fedhca.wire.layout import Layout
from fedhca.wire.messages import LocalRule, TrainReply, TrainRequest
from fedhca.wire.parameters import Parameters

ENCODER = Layout.of({"a.weight": (3, 2), "a.bias": (1,), "b.weight": (5,)})
DECODER = Layout.of({"c.weight": (2, 2), "c.bias": (3,)})
FEW = settings(max_examples=60)
fewer = pytest.mark.parametrize("form", ["bfloat16", "int8"])
numbers = st.floats(-1e6, 1e6, width=32)


@st.composite
def parameters(draw: st.DrawFn) -> Parameters:
    rows = draw(st.integers(1, 3))
    encoder = draw(st.lists(numbers, min_size=ENCODER.width, max_size=ENCODER.width))
    size = rows * DECODER.width
    decoders = torch.tensor(draw(st.lists(numbers, min_size=size, max_size=size))).view(rows, -1)
    return Parameters(torch.tensor(encoder), decoders)


def segments(given_: Parameters) -> list[torch.Tensor]:
    cut = [*ENCODER.unflatten(given_.encoder).values()]
    return cut + [part for row in given_.decoders for part in DECODER.unflatten(row).values()]


def sent(given_: Parameters, form: TransferDtype) -> Parameters | Compressed:
    return compress(given_, form, ENCODER, DECODER)


def test_float32_changes_nothing() -> None:
    given_ = Parameters(torch.randn(ENCODER.width), torch.randn(2, DECODER.width))
    assert sent(given_, "float32") is given_
    assert given_.plain is given_


@FEW
@given(parameters())
def test_int8_is_off_by_half_a_step_of_its_segment_at_most(given_: Parameters) -> None:
    for before, after in zip(segments(given_), segments(sent(given_, "int8").plain), strict=True):
        step = float(before.abs().max()) / LEVELS
        assert float((before - after).abs().max()) <= step / 2 * (1 + 1e-4) + 1e-37


@FEW
@given(parameters())
def test_bfloat16_keeps_eight_bits_of_every_number(given_: Parameters) -> None:
    for before, after in zip(segments(given_), segments(sent(given_, "bfloat16").plain), strict=True):
        assert bool(((before - after).abs() <= before.abs() / 256 + 1e-38).all())


@fewer
@FEW
@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=7, max_size=7))
@example([3.4028234663852886e38] * 7)  # the greatest of float32
def test_what_is_finite_stays_finite(form: TransferDtype, values: list[float]) -> None:
    row = torch.tensor(values)
    assert sent(Parameters(torch.cat([row, row])[: ENCODER.width], row[None]), form).plain.finite


@fewer
@FEW
@given(
    changes=st.lists(parameters(), min_size=1, max_size=6).filter(
        lambda all_: len({len(a.decoders) for a in all_}) == 1
    )
)
def test_error_feedback_what_arrived_and_what_is_owed_are_all_there_was(
    form: TransferDtype, changes: list[Parameters]
) -> None:
    zero = difference(changes[0], changes[0])
    owed, arrived, whole = zero, zero, zero
    for change in changes:
        due = difference(change, zero, owed)
        answer = sent(due, form).plain
        owed = difference(due, answer)
        arrived, whole = total(arrived, answer), total(whole, change)
    largest = max(float(part.abs().max()) for each in changes for part in (each.encoder, each.decoders))
    torch.testing.assert_close(total(arrived, owed).encoder, whole.encoder, rtol=0, atol=1e-5 * largest * len(changes))
    torch.testing.assert_close(
        total(arrived, owed).decoders, whole.decoders, rtol=0, atol=1e-5 * largest * len(changes)
    )


@fewer
@FEW
@given(given_=parameters())
def test_it_crosses_the_wire_bit_by_bit_and_in_fewer_bytes(form: TransferDtype, given_: Parameters) -> None:
    packed = sent(given_, form)
    request = TrainRequest("one", 3, packed, LocalRule(), 3, form)
    wire = to_wire(request)
    found = from_wire(wire)
    assert isinstance(found, TrainRequest)
    assert isinstance(found.parameters, Compressed)
    assert found.answer == form
    for mine, theirs in zip(vars(packed).values(), vars(found.parameters).values(), strict=True):
        assert mine.dtype == theirs.dtype
        assert torch.equal(mine, theirs)
    assert packed.bytes == sum(value.nbytes for value in wire.values() if hasattr(value, "nbytes"))
    assert torch.equal(found.parameters.plain.encoder, packed.plain.encoder)


@fewer
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_not_made_finite(form: TransferDtype, bad: float) -> None:
    given_ = Parameters(torch.ones(ENCODER.width), torch.ones(1, DECODER.width))
    given_.encoder[7] = bad
    assert not sent(given_, form).plain.finite


def test_a_segment_of_zeros_stays_zero() -> None:
    given_ = Parameters(torch.zeros(ENCODER.width), torch.zeros(2, DECODER.width))
    assert not sent(given_, "int8").plain.encoder.any()


@pytest.mark.parametrize(
    ("sizes", "scales"),
    [
        ([6, 1, 4, 4, 3], [1.0] * 5),  # one number too few
        ([6, 1, 5, 4, 3], [1.0] * 4),
        ([6, 1, 5, -4, 11], [1.0] * 5),
        ([2**31 - 1] * 5, [1.0] * 5),
        ([], []),
    ],
)
def test_segments_that_do_not_fit_are_refused_before_memory_is_taken(sizes: list[int], scales: list[float]) -> None:
    wire = to_wire(TrainReply("one", 0, sent(Parameters(torch.ones(12), torch.ones(1, 7)), "int8"), {}))
    wire |= {"sizes": torch.tensor(sizes, dtype=torch.int32).numpy(), "scales": torch.tensor(scales).numpy()}
    with pytest.raises(ClientError, match=r"should be"):
        from_wire(wire)


def test_an_answer_of_unknown_form_is_refused() -> None:
    wire = to_wire(TrainRequest("one", 0, Parameters(torch.ones(3), torch.ones(1, 2)), LocalRule()))
    with pytest.raises(ClientError, match="answer"):
        from_wire({**wire, "answer": "float16"})
