"""The journal of a run: one line of JSON a round."""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from fedhca.aggregation import Answer
from fedhca.atomic import write_atomically
from fedhca.errors import RunFolderError
from fedhca.layout import Layout
from fedhca.server.roster import Roster
from fedhca.server.rounds import Round


def entry(round_: Round, roster: Roster) -> dict[str, Any]:
    """Return one round as JSON would hold it: numbers that are not finite become null."""
    return _plain(
        {
            "round": round_.number,
            "losses": round_.losses,
            "metrics": round_.metrics,
            "encoder": _answer(round_.encoder, roster.encoder_layout),
            "decoder": _answer(round_.decoder, roster.decoder_layout),
            "seconds": round_.seconds,
            "clients": round_.clients,
            "bytes": round_.bytes,
            **({"missing": round_.missing} if round_.missing else {}),
            **({"shortened": round_.shortened} if round_.shortened else {}),
        }
    )


def append(path: Path, line: Mapping[str, Any]) -> None:
    """Add one line and flush it to the disk."""
    try:
        with path.open("a+", encoding="utf-8") as file:
            if file.tell() and not _ends_in_a_line(path):  # a line was cut short, and must not spoil this one
                file.write("\n")
            file.write(json.dumps(line, allow_nan=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise RunFolderError(f"Cannot write '{path}': {error.strerror}. Free some space, then resume.") from error


def _ends_in_a_line(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read() == b"\n"


def read(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a journal; one that was cut short by a crash is left out."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    except (OSError, UnicodeDecodeError) as error:
        raise RunFolderError(f"Cannot read '{path}': {error}. Restore it from a copy.") from error
    entries = []
    for number, line in enumerate(lines, start=1):
        try:
            entries.append(json.loads(line))
        except json.JSONDecodeError:
            if number < len(lines):
                raise RunFolderError(f"'{path}', line {number} should be JSON. Restore it from a copy.") from None
    return entries


def rewind(path: Path, rounds: int) -> None:
    """Drop the lines after so many rounds: the run goes on from there; of a round written twice the last counts."""
    kept = {line["round"]: line for line in read(path) if line["round"] <= rounds}
    write_atomically(path, "".join(json.dumps(line) + "\n" for line in kept.values()).encode())


def _answer(answer: Answer, layout: Layout) -> dict[str, Any]:
    return {"mixing": answer.mixing.listening(layout), **answer.notes}


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
