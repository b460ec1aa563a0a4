import json
import math
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fedhca.errors import ClientError
from fedhca.wire.encoding import Message, Wire, from_wire, to_wire
from fedhca.wire.layout import Layout
from fedhca.wire.messages import EvaluateReply, EvaluateRequest, Hello, LocalRule, Missing, TrainReply, TrainRequest
from fedhca.wire.parameters import Parameters

PARAMETERS = Parameters(torch.tensor([1.5, -0.0, 1e-45]), torch.arange(6.0).view(3, 2))
LAYOUT = Layout.of({"a.weight": (2, 1), "norm.bias": (1,)}, norms=["norm"])
MESSAGES: list[Message] = [
    Hello("multi", "nyud", ("semseg", "depth", "edge"), 12, LAYOUT, Layout.of({"b.weight": (2,)}), PARAMETERS),
    TrainRequest("multi", 4, PARAMETERS, LocalRule(0.1, "own", 0.5), 2),
    TrainReply("multi", 4, PARAMETERS, {"semseg": 1.25, "depth": -0.5}, 2.5),
    EvaluateRequest("multi", 5, PARAMETERS, LocalRule(), 5),
    EvaluateReply("multi", 5, {"semseg": 40.0, "depth": 0.5}, 1.0),
    Missing("multi", "no power"),
]
each = pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)


def same(one: Any, other: Any) -> bool:
    mine, theirs = (getattr(message, "parameters", None) for message in (one, other))
    if mine is not None and theirs is not None:
        assert all(
            torch.equal(getattr(mine, part).view(torch.int32), getattr(theirs, part).view(torch.int32))
            for part in ("encoder", "decoders")
        )
        return replace(one, parameters=PARAMETERS) == replace(other, parameters=PARAMETERS)
    return one == other


@each
def test_what_is_sent_arrives(message: Message) -> None:
    wire: dict[str, Any] = dict(to_wire(message))
    assert all(type(value) in {str, int, float} or value.dtype == np.float32 for value in wire.values())
    assert same(from_wire(wire), message)
    assert to_wire(message).keys() == wire.keys()  # reading takes nothing away


def test_one_array_for_the_encoder_and_one_for_each_decoder() -> None:
    wire = to_wire(MESSAGES[1])
    arrays = {name: value.shape for name, value in wire.items() if isinstance(value, np.ndarray)}
    assert arrays == {"encoder": (3,), "decoder/0": (2,), "decoder/1": (2,), "decoder/2": (2,)}


def test_arrays_may_arrive_as_tensors_or_unwriteable() -> None:
    wire = to_wire(MESSAGES[2])
    tensors = {
        name: torch.from_numpy(value) if isinstance(value, np.ndarray) else value for name, value in wire.items()
    }
    assert same(from_wire(tensors), MESSAGES[2])
    frozen = {name: value.copy() if isinstance(value, np.ndarray) else value for name, value in wire.items()}
    for value in frozen.values():
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
    assert same(from_wire(frozen), MESSAGES[2])


def test_errors_stay_home() -> None:
    wire = to_wire(Missing("a", "no power", ClientError("in /home/eve/secret.png")))
    assert wire == {"kind": "missing", "client": "a", "cause": "no power"}


@each
def test_a_message_has_all_its_fields_and_no_others(message: Message) -> None:
    wire = to_wire(message)
    for name in wire:
        rest = {key: value for key, value in wire.items() if key != name}
        optional = name.startswith(("loss/", "metric/")) or name == "decoder/2"
        if not optional:
            with pytest.raises(ClientError, match="should be"):
                from_wire(rest)
    with pytest.raises(ClientError, match=r"only its own fields\. Found `image`"):
        from_wire({**wire, "image": np.zeros(3, np.float32)})


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("encoder", np.zeros(3), "`encoder` should be a row of float32. Found float64[3]."),
        ("encoder", np.zeros((1, 3), np.float32), "`encoder` should be a row of float32. Found float32[1, 3]."),
        ("encoder", "x", "`encoder` should be a row of float32. Found str."),
        ("decoder/1", np.zeros(5, np.float32), "A message's decoders should be one or more of one length."),
        ("round", -1, "`round` should be from 0 to 1000000000. Found -1."),
        ("round", True, "`round` should be a whole number, at least 0. Found True."),
        ("round", "4", "`round` should be a whole number, at least 0. Found 4."),
        ("pull", "x", "`pull` should be a number. Found x."),
        ("keeps", "all", "`keeps` should be one of received, trained, own. Found all."),
        ("client", 3, "`client` should be a text. Found 3."),
        ("client", "../../x", "A name should be letters, digits, dots, dashes and underscores. Found '../../x'."),
        ("pull", math.nan, "`pull` should be a number, at least 0. Found nan."),
        ("pull", -0.5, "`pull` should be a number, at least 0. Found -0.5."),
        ("pull", math.inf, "`pull` should be a number, at least 0. Found inf."),
        ("heads_first", 1.5, "`heads_first` should be in [0, 1]. Found 1.5."),
        ("heads_first", math.nan, "`heads_first` should be in [0, 1]. Found nan."),
        ("round", 10**9 + 1, "`round` should be from 0 to 1000000000. Found 1000000001."),
        ("since", 5, "`since` should be a round before or at 4. Found 5."),
        ("begins", 5, "`begins` should be a round before or at 4. Found 5."),
        ("answer", "float16", "`answer` should be one of float32, bfloat16, int8. Found float16."),
        ("kind", "exec", "A message should be one of evaluate, evaluated, hello, missing, train, trained. Found exec."),
        ("kind", None, "A message should be one of "),
        ("kind", [], "A message should be one of "),
    ],
)
def test_a_field_of_another_kind_is_refused_in_one_line(name: str, value: Any, words: str) -> None:
    with pytest.raises(ClientError) as error:
        from_wire({**to_wire(MESSAGES[1]), name: value})
    assert str(error.value).startswith(words)


@pytest.mark.parametrize("layout", ["", "[[1]]", '[["a", [2], false], 3]', "nonsense", '[["a", "x", true]]'])
def test_a_layout_that_is_none_is_refused(layout: str) -> None:
    with pytest.raises(ClientError):
        assert from_wire({**to_wire(MESSAGES[0]), "encoder_layout": layout}) is None


values = st.text(max_size=5) | st.integers() | st.floats() | st.none() | st.booleans() | st.lists(st.integers())


@settings(max_examples=300)
@given(st.dictionaries(st.sampled_from([*to_wire(MESSAGES[0]), *to_wire(MESSAGES[1]), "loss/x", "x"]), values))
def test_whatever_arrives_is_read_or_refused(fields: Wire) -> None:
    for kind in ("hello", "train", "trained", "evaluate", "evaluated", "missing"):
        with suppress(ClientError):
            from_wire({**fields, "kind": kind})


def test_layouts_cross_as_they_are() -> None:
    hello = from_wire(to_wire(MESSAGES[0]))
    assert isinstance(hello, Hello)
    assert hello.encoder_layout == LAYOUT
    assert json.loads(str(to_wire(MESSAGES[0])["encoder_layout"]))[1] == ["norm.bias", [1], True]
