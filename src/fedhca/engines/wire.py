"""Messages as flat dictionaries of names, numbers and arrays (float32, or fewer bits), which any engine can carry.

The encoder is one array, each decoder one. A message has exactly the fields listed here: a receiver refuses one that
lacks any or brings more, so nothing else can travel by accident. What their values may be is said in `messages`.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, get_args

import numpy as np
import torch

from fedhca.compression import Compressed, Form
from fedhca.errors import ClientError, one_line
from fedhca.layout import Layout
from fedhca.messages import EvaluateReply, EvaluateRequest, Hello, Keeps, LocalRule, Missing, TrainReply, TrainRequest
from fedhca.parameters import Parameters
from fedhca.section import NAME

Scalar = str | int | float
Wire = Mapping[str, Scalar | np.ndarray]
Message = Hello | TrainRequest | TrainReply | EvaluateRequest | EvaluateReply | Missing

KIND, ENCODER, DECODER, LOSS, METRIC = "kind", "encoder", "decoder/", "loss/", "metric/"
ANSWER, BEGINS, SIZES, SCALES = "answer", "begins", "sizes", "scales"
LONGEST = 10**7
"""The letters of the longest text that a message may have."""
ASK_HELLO: Wire = {KIND: "ask hello"}
"""The one request without content."""


def to_wire(message: Message) -> dict[str, Scalar | np.ndarray]:
    """Return a message as it travels."""
    return {KIND: KINDS[type(message)], **PACK[type(message)](message)}


def from_wire(wire: Mapping[str, Any]) -> Message:
    """Return the message that was sent.

    Raises:
        ClientError: a field is missing, too much, or not of its kind.

    """
    fields: dict[str, Any] = dict(wire)
    kind = fields.pop(KIND, None)
    if not isinstance(kind, str) or kind not in UNPACK:
        _refuse("a message", f"one of {', '.join(sorted(UNPACK))}", kind)
    try:
        message = UNPACK[kind](fields)
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        _refuse(f"a message `{kind}`", "all its fields", f"one without {error}")
    if fields:
        _refuse(f"a message `{kind}`", "only its own fields", f"`{min(fields)}`")
    return message


def _hello(message: Hello) -> dict[str, Any]:
    return {
        "client": message.client,
        "dataset": message.dataset,
        "tasks": json.dumps(list(message.tasks)),
        "examples": message.examples,
        "encoder_layout": json.dumps(message.encoder_layout.as_json()),
        "decoder_layout": json.dumps(message.decoder_layout.as_json()),
        "held": json.dumps(message.held),
        **_parameters(message.parameters),
    }


def _request(message: TrainRequest | EvaluateRequest) -> dict[str, Any]:
    rule = message.rule
    return {
        "client": message.client,
        "round": message.round,
        "since": message.home,
        "pull": rule.pull,
        "keeps": rule.keeps,
        "heads_first": rule.heads_first,
        **({ANSWER: message.answer, BEGINS: message.begins} if isinstance(message, TrainRequest) else {}),
        **_parameters(message.parameters),
    }


def _trained(message: TrainReply) -> dict[str, Any]:
    losses = {LOSS + task: value for task, value in message.losses.items()}
    return {**_answered(message), **losses, **_parameters(message.parameters)}


def _evaluated(message: EvaluateReply) -> dict[str, Any]:
    return {**_answered(message), **{METRIC + task: value for task, value in message.metrics.items()}}


def _missing(message: Missing) -> dict[str, Any]:
    return {"client": message.client, "cause": message.cause}


def _answered(message: TrainReply | EvaluateReply) -> dict[str, Any]:
    return {"client": message.client, "round": message.round, "seconds": message.seconds}


def _parameters(parameters: Parameters | Compressed) -> dict[str, np.ndarray]:
    decoders = {f"{DECODER}{place}": _array(row) for place, row in enumerate(parameters.decoders)}
    rows = {ENCODER: _array(parameters.encoder), **decoders}
    if isinstance(parameters, Compressed):
        rows |= {SIZES: _array(parameters.sizes), SCALES: _array(parameters.scales)}
    return rows


def _array(row: torch.Tensor) -> np.ndarray:
    here = row.detach().cpu().contiguous()
    if here.dtype == torch.bfloat16:
        return here.view(torch.int16).numpy()  # numpy has no such numbers
    return (here.float() if here.is_floating_point() else here).numpy()


def _read_hello(fields: dict[str, Any]) -> Hello:
    return Hello(
        _text(fields, "client"),
        _named(_text(fields, "dataset")),
        tuple(_named(task) for task in _json(fields, "tasks")),
        _whole(fields, "examples"),
        Layout.from_json(_json(fields, "encoder_layout")),
        Layout.from_json(_json(fields, "decoder_layout")),
        _read_plain(fields),
        _read_held(fields),
    )


def _read_held(fields: dict[str, Any]) -> tuple[int, ...] | None:
    held = _json(fields, "held")
    if held is not None and not (isinstance(held, list) and all(type(each) is int for each in held)):
        _refuse("`held`", "null or numbers of rounds", held)
    return None if held is None else tuple(held)


def _read_request(kind: Callable[..., Any]) -> Callable[[dict[str, Any]], Any]:
    def read(fields: dict[str, Any]) -> Any:
        keeps = _one_of(fields, "keeps", Keeps)
        rule = LocalRule(_number(fields, "pull"), keeps, _number(fields, "heads_first"))
        client, number, since = _text(fields, "client"), _whole(fields, "round"), _whole(fields, "since")
        parameters = _read_parameters(fields)
        if kind is EvaluateRequest:
            return kind(client, number, parameters, rule, since)
        return kind(client, number, parameters, rule, since, _one_of(fields, ANSWER, Form), _whole(fields, BEGINS))

    return read


def _read_trained(fields: dict[str, Any]) -> TrainReply:
    client, number, seconds = _read_answered(fields)
    return TrainReply(client, number, _read_parameters(fields), _read_values(fields, LOSS), seconds)


def _read_evaluated(fields: dict[str, Any]) -> EvaluateReply:
    client, number, seconds = _read_answered(fields)
    return EvaluateReply(client, number, _read_values(fields, METRIC), seconds)


def _read_missing(fields: dict[str, Any]) -> Missing:
    return Missing(_named(_text(fields, "client")), _text(fields, "cause"))


def _read_answered(fields: dict[str, Any]) -> tuple[str, int, float]:
    return _text(fields, "client"), _whole(fields, "round"), _number(fields, "seconds")


def _read_values(fields: dict[str, Any], prefix: str) -> dict[str, float]:
    names = [name for name in fields if name.startswith(prefix)]
    for name in names:
        _named(name.removeprefix(prefix))
    return {name.removeprefix(prefix): _number(fields, name) for name in names}


def _read_parameters(fields: dict[str, Any]) -> Parameters | Compressed:
    if SCALES not in fields:
        return _read_plain(fields)
    sizes, scales = _row(fields, SIZES, "int32"), _row(fields, SCALES)
    encoder, decoders = _read_rows(fields, "int8" if len(scales) else "int16")
    if not len(scales):
        encoder, decoders = encoder.view(torch.bfloat16), decoders.view(torch.bfloat16)
    return Compressed(encoder, decoders, sizes, scales)


def _read_plain(fields: dict[str, Any]) -> Parameters:
    return Parameters(*_read_rows(fields, "float32"))


def _read_rows(fields: dict[str, Any], kind: str) -> tuple[torch.Tensor, torch.Tensor]:
    names = [f"{DECODER}{place}" for place in range(sum(name.startswith(DECODER) for name in fields))]
    encoder, decoders = _row(fields, ENCODER, kind), [_row(fields, name, kind) for name in names]
    if len({len(row) for row in decoders}) != 1:
        _refuse("a message's decoders", "one or more of one length", [len(row) for row in decoders])
    return encoder, torch.stack(decoders)


def _row(fields: dict[str, Any], name: str, kind: str = "float32") -> torch.Tensor:
    value = fields.pop(name)
    row = value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else value
    if not isinstance(row, np.ndarray) or row.dtype != kind or row.ndim != 1:
        found = f"{row.dtype}{list(row.shape)}" if isinstance(row, np.ndarray) else type(row).__name__
        _refuse(f"`{name}`", f"a row of {kind}", found)
    return torch.from_numpy(row if row.flags.writeable else row.copy())


def _json(fields: dict[str, Any], name: str) -> Any:
    text = _text(fields, name)
    return json.loads(text) if len(text) <= LONGEST else _refuse(f"`{name}`", f"at most {LONGEST} letters", len(text))


def _named(value: Any) -> str:
    """Return a name that may stand on a screen and in a journal."""
    if not isinstance(value, str) or not re.fullmatch(NAME, value):
        _refuse("a name", "letters, digits, dots, dashes and underscores", repr(value))
    return value


def _text(fields: dict[str, Any], name: str) -> str:
    return _of_kind(fields, name, str, "a text")


def _one_of(fields: dict[str, Any], name: str, words: Any) -> Any:
    word, known = _text(fields, name), get_args(words)
    return word if word in known else _refuse(f"`{name}`", f"one of {', '.join(known)}", word)


def _whole(fields: dict[str, Any], name: str) -> int:
    return _of_kind(fields, name, int, "a whole number, at least 0")


def _number(fields: dict[str, Any], name: str) -> float:
    return float(_of_kind(fields, name, (int, float), "a number"))


def _of_kind(fields: dict[str, Any], name: str, kind: Any, words: str) -> Any:
    value = fields.pop(name)
    return value if isinstance(value, kind) and not isinstance(value, bool) else _refuse(f"`{name}`", words, value)


def _refuse(what: str, expected: str, found: object) -> NoReturn:
    raise ClientError(one_line(f"{what[:1].upper()}{what[1:]} should be {expected}. Found {found}."))


KINDS: Mapping[type, str] = {
    Hello: "hello",
    TrainRequest: "train",
    TrainReply: "trained",
    EvaluateRequest: "evaluate",
    EvaluateReply: "evaluated",
    Missing: "missing",
}
PACK: Mapping[type, Callable[[Any], dict[str, Any]]] = {
    Hello: _hello,
    TrainRequest: _request,
    TrainReply: _trained,
    EvaluateRequest: _request,
    EvaluateReply: _evaluated,
    Missing: _missing,
}
UNPACK: Mapping[str, Callable[[dict[str, Any]], Message]] = {
    "hello": _read_hello,
    "train": _read_request(TrainRequest),
    "trained": _read_trained,
    "evaluate": _read_request(EvaluateRequest),
    "evaluated": _read_evaluated,
    "missing": _read_missing,
}
