"""The journal of a run: one line of JSON a round, with what the rules noted of every family."""

import json
import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import torch
from jaxtyping import Shaped
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from torch import Tensor

from fedhca.aggregation import Answer
from fedhca.config.validation import describe
from fedhca.errors import RunFolderError, one_line
from fedhca.server.architecture_group import PARTS, Family, Part, architectures
from fedhca.server.state import Round
from fedhca.storage.atomic import write_atomically

LARGEST = 1e12
"""Numbers beyond this, whatever wrote them, are read as null: no figure can be drawn of them."""

Number = float | None
"""null is a number that is not finite."""


class Kin(BaseModel):
    """Whose encoders, or decoders, are of one layout, and where that first differs from the first family's."""

    clients: list[str]
    unlike: str


class JournalLine(BaseModel):
    """What a line of a journal holds; see `Round`. What else it holds is whoever's that reads it."""

    model_config = ConfigDict(extra="allow", allow_inf_nan=False, strict=True)

    round: Annotated[int, Field(ge=1, le=10**9)]
    losses: dict[str, dict[str, Number]] = {}
    metrics: dict[str, dict[str, Number]] = {}
    encoder: dict[str, Any] = {}
    decoder: dict[str, Any] = {}
    seconds: dict[str, Number] = {}
    clients: dict[str, dict[str, Number]] = {}
    bytes: dict[str, dict[str, int | None]] = {}
    missing: dict[str, dict[str, str]] = {}
    shortened: dict[str, Number] = {}
    families: dict[str, list[Kin]] = {}


def entry(round_: Round) -> dict[str, Any]:
    """Return one round as JSON would hold it: numbers that are not finite become null.

    Who is in which family is said only where there are several.
    """
    families = round_.state.roster.families
    several = architectures(families)
    return _plain(
        {
            "round": round_.number,
            "losses": round_.losses,
            "metrics": round_.metrics,
            **{part: noted(part, families, round_.answers) for part in PARTS},
            "seconds": round_.seconds,
            "clients": round_.clients,
            "bytes": round_.bytes,
            **({"missing": round_.missing} if round_.missing else {}),
            **({"shortened": round_.shortened} if round_.shortened else {}),
            **({"families": several} if several else {}),
        }
    )


def append(path: Path, line: Mapping[str, Any]) -> None:
    """Add one line and flush it to the disk; a last line that was cut short, by a crash or a full disk, is cut off.

    Raises:
        RunFolderError: the journal cannot be written, or is gone: it is not begun anew in the middle of a run.

    """
    try:
        if path.stat().st_size and not _ends_in_a_line(path):
            write_atomically(path, _whole(path.read_bytes()))
        with path.open("r+b") as file:
            file.seek(0, os.SEEK_END)
            file.write(json.dumps(line, allow_nan=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except FileNotFoundError as error:
        found = "Found none: it, or its folder, was moved or removed while the run went on"
        raise RunFolderError(f"'{path}' should still be there. {found}. Put it back, then resume.") from error
    except OSError as error:
        raise RunFolderError(f"Cannot write '{path}': {error.strerror}. Free some space, then resume.") from error


def _ends_in_a_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read() == b"\n"


def _whole(content: bytes) -> bytes:
    """Return all lines, each with its newline, but for a last one that was cut short: it has none and is no JSON."""
    before, newline, last = content.rpartition(b"\n")
    try:
        json.loads(last)
    except (ValueError, RecursionError):
        return before + newline
    return content + b"\n"


def read_lines(path: Path, kind: type[BaseModel] = JournalLine) -> list[dict[str, Any]]:
    """Return the lines of a journal; one that was cut short by a crash is left out.

    Args:
        path: of the file; there are no lines if it is not there.
        kind: what every line has to be.

    Raises:
        RunFolderError: the file cannot be read, or a line is not of its kind; the first field that is wrong is named.

    """
    try:
        lines = _whole(path.read_bytes()).decode().splitlines() if path.exists() else []
    except (OSError, UnicodeDecodeError) as error:
        raise RunFolderError(f"Cannot read '{path}': {error}. Restore it from a copy.") from error
    entries = []
    for number, line in enumerate(lines, start=1):
        try:
            entries.append(_entry(line, kind))
        except json.JSONDecodeError:
            if number < len(lines):
                raise RunFolderError(f"'{path}', line {number} should be JSON. Restore it from a copy.") from None
        except (ValueError, RecursionError) as error:
            found = one_line(str(error)).rstrip(".") or type(error).__name__
            raise RunFolderError(f"'{path}', line {number}: {found}. Restore it from a copy.") from None
    return entries


def _entry(line: str, kind: type[BaseModel]) -> dict[str, Any]:
    values = json.loads(line, parse_float=_number, parse_int=_number, parse_constant=lambda word: None)
    try:
        # As validated, not as read: JSON writes 1.0 as 1 where another program wrote the line, and a number is a float.
        return kind.model_validate(values).model_dump(exclude_unset=True)
    except ValidationError as error:
        raise ValueError(describe(error, kind.model_json_schema(), values)) from None


def rewind(path: Path, rounds: int) -> None:
    """Drop the lines after so many rounds: the run goes on from there; of a round written twice the last counts."""
    kept = {line["round"]: line for line in read_lines(path) if line["round"] <= rounds}
    write_atomically(path, "".join(json.dumps(line) + "\n" for line in kept.values()).encode())


def _number(text: str) -> int | float | None:
    """Return a number of a line; None for one that nothing can be drawn of."""
    value = float(text)
    if abs(value) > LARGEST:
        return None
    return int(text) if text.lstrip("-").isdecimal() else value


def _plain(value: Any) -> Any:
    if isinstance(value, Tensor):
        return _plain(value.tolist())
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return float(f"{value:.9g}") if math.isfinite(value) else None
    return value


MIXING = "mixing"
"""The note that says who listens to whom."""


def noted(part: Part, families: Sequence[Family], answers: Sequence[Answer]) -> dict[str, Tensor]:
    """Return who listens to whom, and the notes of a part's rules, by roster order.

    Who is of another family is not listened to: 0. Of other pairs across families, of layers that a family does not
    have, and of a family of which nobody answered nothing is known: NaN. Notes that are nobody's stand one family's
    after the other's.
    """
    theirs = [(family, answer) for family, answer in zip(families, answers, strict=True) if family.part == part]
    found = [{MIXING: answer.mixing.listening(family.layout), **answer.notes} for family, answer in theirs]
    if len(found) == 1:
        return found[0]
    places = [torch.tensor(family.places) for family, _ in theirs]
    joined = {}
    for name in dict.fromkeys(name for notes in found for name in notes):
        runs = 2 if name == MIXING else theirs[0][1].personal.get(name, 0)
        values = [(where, notes[name]) for where, notes in zip(places, found, strict=True) if name in notes]
        if runs == 0:
            joined[name] = torch.cat([value.reshape(-1) for _, value in values])
        else:
            joined[name] = _spread(values, runs, sum(map(len, places)), 0.0 if name == MIXING else math.nan)
    return joined


def _spread(values: Sequence[tuple[Tensor, Tensor]], runs: int, count: int, nothing: float) -> Shaped[Tensor, "..."]:
    """Write each family's numbers to its places among all, along so many leading dimensions."""
    rest = [max(sizes) for sizes in zip(*(value.shape[runs:] for _, value in values), strict=True)]
    whole = values[0][1].new_full((*[count] * runs, *rest), nothing)
    for places, value in values:
        part = whole[tuple(slice(size) for size in (*[count] * runs, *value.shape[runs:]))]
        part[torch.meshgrid(*[places] * runs, indexing="ij")] = value
    return whole
