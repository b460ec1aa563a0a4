"""Whatever another site sends is a message or is refused in one line; what it says of itself is cleaned first."""

from typing import Any

import numpy as np
import pytest
import torch
from hostile import attempt, json_values
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fedhca.config.federation import Federation
from fedhca.engines.network_runtime import NetworkRuntime
from fedhca.errors import ClientError
from fedhca.server.replies import collect
from fedhca.wire.encoding import Message, from_wire, to_wire
from fedhca.wire.layout import Layout
from fedhca.wire.messages import EvaluateReply, EvaluateRequest, Hello, LocalRule, Missing, TrainReply, TrainRequest
from fedhca.wire.parameters import Parameters
from tally import many

FEW = settings(max_examples=many(150), suppress_health_check=list(HealthCheck))
LAYOUT = Layout.of({"a.weight": (3,)})
PARAMETERS = Parameters(torch.ones(3), torch.ones(2, 3))
MESSAGES: list[Message] = [
    Hello("a", "nyud", ("depth", "edge"), 5, LAYOUT, LAYOUT, PARAMETERS, (1, 2)),
    TrainRequest("a", 1, PARAMETERS, LocalRule(), 1),
    TrainReply("a", 1, PARAMETERS, {"depth": 1.0}, 1.0),
    EvaluateRequest("a", 1, PARAMETERS, LocalRule(), 1),
    EvaluateReply("a", 1, {"depth": 1.0}, 1.0),
    Missing("a", "no power"),
]
kinds = st.sampled_from([np.float32, np.float64, np.int8, np.int16, np.int32, np.complex64, np.bool_])
arrays = st.builds(
    lambda shape, kind, fill: np.full(shape, fill).astype(kind),
    st.lists(st.integers(0, 4), max_size=3).map(tuple),
    kinds,
    st.sampled_from([0, 1, -1, 127]),
)
names = st.sampled_from(
    ["kind", "client", "round", "encoder", "decoder/0", "decoder/9", "sizes", "scales", "loss/", "held"]
)
texts = st.sampled_from(["[" * 5000, '[["a", [-1], false]]', '[["a", [1e18], 0]]', '["../x"]', "\x1b[2J", "null", "{}"])
odd = st.sampled_from([np.nan, np.inf, -np.inf, 1e308, -1e308, -1, 1.5, 10**9, 10**9 + 1, "../../x", "int8"])
values = st.one_of(arrays, json_values, texts, odd, st.integers(10**9, 10**400))


@st.composite
def wires(draw: st.DrawFn) -> dict[str, Any]:
    """A good message of which some fields are others, gone, or too many."""
    wire: dict[str, Any] = dict(to_wire(draw(st.sampled_from(MESSAGES))))
    for _ in range(draw(st.integers(1, 3))):
        name = draw(st.one_of(st.sampled_from(sorted(wire)), names, st.text(max_size=6)))
        if draw(st.integers(0, 3)) == 0:
            wire.pop(name, None)
        else:
            wire[name] = draw(values)
    return wire


@FEW
@given(wire=wires())
def test_any_fields_are_a_message_or_refused_in_one_line(wire: dict[str, Any]) -> None:
    def read() -> None:
        message = from_wire(wire)
        numbers: list[float] = []
        if isinstance(message, TrainRequest | EvaluateRequest):
            assert 0 <= message.home <= message.round <= 10**9
            assert 0 <= message.rule.heads_first <= 1
            numbers = [message.rule.pull]
        elif isinstance(message, TrainReply | EvaluateReply):
            told = message.losses if isinstance(message, TrainReply) else message.metrics
            numbers = [message.seconds, *(value for value in told.values() if not np.isnan(value))]
        assert all(abs(value) <= 1e30 for value in numbers) or isinstance(message, TrainRequest | EvaluateRequest)
        assert np.isfinite(numbers).all()
        assert "/" not in message.client

    attempt(read)


@FEW
@given(wire=wires())
def test_any_answer_is_a_reply_or_why_there_is_none(wire: dict[str, Any]) -> None:
    """What the server makes of it is a reply for the right client, of the right kind, or one clean line."""
    request = TrainRequest("a", 1, PARAMETERS, LocalRule())

    def ask() -> None:
        post = NetworkRuntime(lambda sent: [("a", wire)], ["a"])
        found = collect(
            post.train, [request, TrainRequest("b", 1, PARAMETERS, LocalRule())], Federation(on_missing="keep")
        )
        assert all(cause.isprintable() and len(cause) <= 1000 for cause in found.missing.values())
        assert {*found.replies} <= {"a"}

    attempt(ask)


@pytest.mark.parametrize(
    "cause", ["\x1b[2J\x1b]0;owned\x07gone", "a\nfedhca: all is well", "x" * 100_000, "\u202egone"]
)
def test_a_cause_is_one_clean_line_wherever_it_comes_from(cause: str) -> None:
    for missing in (Missing("a", cause), from_wire({"kind": "missing", "client": "a", "cause": cause})):
        assert isinstance(missing, Missing)
        assert missing.cause.isprintable()
        assert len(missing.cause) <= 1000


@pytest.mark.parametrize("name", ["../x", "a/b", "\x1b[2J", "", "a b", "x" * 101])
def test_names_that_go_to_journal_and_screen_look_like_names(name: str) -> None:
    wire = {**to_wire(MESSAGES[2]), f"loss/{name}": 1.0}
    with pytest.raises(ClientError, match="A name should be letters"):
        from_wire(wire)
    with pytest.raises(ClientError, match="A name should be letters"):
        from_wire({**to_wire(MESSAGES[0]), "client": name})


def test_a_layout_of_absurd_size_takes_no_room() -> None:
    for shape in ([10**18, 10**18], [-1], [1.5], [True]):
        wire = {
            **to_wire(MESSAGES[0]),
            "encoder_layout": f'[["a.weight", {str(shape).replace("True", "true")}, false]]',
        }
        attempt(lambda wire=wire: from_wire(wire))  # type: ignore[misc]
