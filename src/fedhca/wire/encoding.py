"""Messages as flat dictionaries of names, numbers and arrays (float32, or fewer bits), which any engine can carry.

The fields of a message and their types say all: a number or a name travels as it is, a list as JSON, a loss as
`loss/TASK`, parameters as one array for the encoder and one for each decoder. A receiver refuses a message that lacks
a field or brings more, so nothing else can travel by accident. What values may be is said in `messages`.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass, replace
from functools import cache
from typing import Any, NoReturn, get_args, get_type_hints

import numpy as np
import torch
from pydantic import TypeAdapter, ValidationError

from fedhca.config.federation import TransferDtype
from fedhca.config.section import NAME
from fedhca.errors import ClientError, one_line
from fedhca.wire.compression import Compressed
from fedhca.wire.layout import Layout
from fedhca.wire.messages import (
    EvaluateReply,
    EvaluateRequest,
    Hello,
    Keeps,
    LocalRule,
    Missing,
    TrainReply,
    TrainRequest,
)
from fedhca.wire.parameters import Parameters

Scalar = str | int | float
Wire = Mapping[str, Scalar | np.ndarray]
Message = Hello | TrainRequest | TrainReply | EvaluateRequest | EvaluateReply | Missing

KIND, ENCODER, DECODER, SIZES, SCALES = "kind", "encoder", "decoder/", "sizes", "scales"
PREFIX = {"losses": "loss/", "metrics": "metric/"}
"""What stands before the task's name."""
STAYS = {"transport", "error"}
"""Fields that do not travel."""
LONGEST = 10**7
"""The letters of the longest text that a message may have."""
ASK_HELLO: Wire = {KIND: "ask hello"}
"""The one request without content."""
KINDS: Mapping[str, type] = {
    **{"hello": Hello, "train": TrainRequest, "trained": TrainReply},
    **{"evaluate": EvaluateRequest, "evaluated": EvaluateReply, "missing": Missing},
}
EXPECTED: Mapping[Any, str] = {
    str: "a text",
    **dict.fromkeys((int, int | None), "a whole number, at least 0"),
    float: "a number",
    **{words: f"one of {', '.join(get_args(words))}" for words in (Keeps, TransferDtype)},
    **{tuple[str, ...]: "names", tuple[int, ...] | None: "null or numbers of rounds"},
}
"""Types of fields, and what they are called where something else comes."""
IN_JSON = (Layout, tuple[str, ...], tuple[int, ...] | None)
ADAPTERS = {kind: TypeAdapter(int if kind == int | None else kind) for kind in EXPECTED}
"""A round that a message may leave out in Python is always said on a wire."""


def to_wire(message: Message) -> dict[str, Scalar | np.ndarray]:
    """Return a message as it travels."""
    if isinstance(message, TrainRequest | EvaluateRequest):
        message = replace(message, since=message.home)
    own: Any = type(message)
    wire: dict[str, Scalar | np.ndarray] = {KIND: next(word for word, kind in KINDS.items() if kind is own)}
    for name in _types(own):
        wire |= _packed(name, getattr(message, name))
    return wire


def from_wire(wire: Mapping[str, Any]) -> Message:
    """Return the message that was sent.

    Raises:
        ClientError: a field is missing, too much, or not of its kind.

    """
    rest: dict[str, Any] = dict(wire)
    kind = rest.pop(KIND, None)
    if not isinstance(kind, str) or kind not in KINDS:
        _refuse("A message", f"one of {', '.join(sorted(KINDS))}", kind)
    try:
        message: Message = _read(KINDS[kind], rest)
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        _refuse(f"A message `{kind}`", "all its fields", f"one without {error}")
    if rest:
        _refuse(f"A message `{kind}`", "only its own fields", f"`{min(rest)}`")
    return message


@cache
def _types(kind: Any) -> dict[str, Any]:
    """Return the type of each field that travels."""
    return {name: of for name, of in get_type_hints(kind).items() if name not in STAYS}


def _packed(name: str, value: Any) -> dict[str, Any]:
    match value:
        case Parameters() | Compressed():
            rows = {each.name: _array(getattr(value, each.name)) for each in fields(value)}
            decoders = rows.pop("decoders")
            return rows | {f"{DECODER}{place}": row for place, row in enumerate(decoders)}
        case Layout():
            return {name: json.dumps(value.as_json())}
        case Mapping():
            return {PREFIX[name] + task: each for task, each in value.items()}
        case tuple() | None:
            return {name: json.dumps(value)}
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else {name: value}


def _array(row: torch.Tensor) -> np.ndarray:
    here = row.detach().cpu().contiguous()
    if here.dtype == torch.bfloat16:
        return here.view(torch.int16).numpy()  # numpy has no such numbers
    return (here.float() if here.is_floating_point() else here).numpy()


def _read(kind: type, wire: dict[str, Any]) -> Any:
    return kind(**{name: _field(wire, name, of) for name, of in _types(kind).items()})


def _field(wire: dict[str, Any], name: str, kind: Any) -> Any:
    """Take a field of a kind out of a wire."""
    if kind is LocalRule:
        return _read(LocalRule, wire)
    if kind in (Parameters, Parameters | Compressed):
        return _read_parameters(wire, plain=kind is Parameters)
    if name in PREFIX:
        found = [each for each in wire if each.startswith(PREFIX[name])]
        return {_named(each.removeprefix(PREFIX[name])): _value(wire.pop(each), each, float) for each in found}
    value = _value(wire.pop(name), name, str if kind in IN_JSON else kind)
    if kind not in IN_JSON:
        return _named(value) if kind is str and name != "cause" else value
    if len(value) > LONGEST:
        _refuse(f"`{name}`", f"at most {LONGEST} letters", len(value))
    found = json.loads(value)
    if kind is Layout:
        return Layout.from_json(found)
    listed = _value(tuple(found) if isinstance(found, list) else found, name, kind)
    return tuple(map(_named, listed)) if name == "tasks" else listed


def _value(value: Any, name: str, kind: Any) -> Any:
    try:
        return ADAPTERS[kind].validate_python(value, strict=True)
    except ValidationError:
        _refuse(f"`{name}`", EXPECTED[kind], value)


def _read_parameters(wire: dict[str, Any], *, plain: bool) -> Parameters | Compressed:
    if plain or SCALES not in wire:
        return Parameters(*_read_rows(wire, "float32"))
    sizes, scales = _row(wire, SIZES, "int32"), _row(wire, SCALES)
    encoder, decoders = _read_rows(wire, "int8" if len(scales) else "int16")
    if not len(scales):
        encoder, decoders = encoder.view(torch.bfloat16), decoders.view(torch.bfloat16)
    return Compressed(encoder, decoders, sizes, scales)


def _read_rows(wire: dict[str, Any], kind: str) -> tuple[torch.Tensor, torch.Tensor]:
    names = [f"{DECODER}{place}" for place in range(sum(name.startswith(DECODER) for name in wire))]
    encoder, decoders = _row(wire, ENCODER, kind), [_row(wire, name, kind) for name in names]
    if len({len(row) for row in decoders}) != 1:
        _refuse("A message's decoders", "one or more of one length", [len(row) for row in decoders])
    return encoder, torch.stack(decoders)


def _row(wire: dict[str, Any], name: str, kind: str = "float32") -> torch.Tensor:
    value = wire.pop(name)
    row = value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else value
    if not isinstance(row, np.ndarray) or row.dtype != kind or row.ndim != 1:
        found = f"{row.dtype}{list(row.shape)}" if isinstance(row, np.ndarray) else type(row).__name__
        _refuse(f"`{name}`", f"a row of {kind}", found)
    return torch.from_numpy(row if row.flags.writeable else row.copy())


def _named(name: str) -> str:
    """Return a name that may stand on a screen and in a journal."""
    if not re.fullmatch(NAME, name):
        _refuse("A name", "letters, digits, dots, dashes and underscores", repr(name))
    return name


def _refuse(what: str, expected: str, found: object) -> NoReturn:
    raise ClientError(one_line(f"{what} should be {expected}. Found {found}."))
