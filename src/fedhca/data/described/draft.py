"""A first dataset.yaml for a folder, to be corrected by hand."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

from fedhca.data.described.description import TASK_NAME
from fedhca.data.described.guess import Guess, guess_labels, guess_pictures
from fedhca.errors import DataError, one_line

LISTS = ("", "lists", "splits", "ImageSets", "gt_sets")
"""Folders that hold lists of pictures."""

HINTS = {
    "semseg": "# names are better: classes: [background, crack, …]; values that mean no label: ignore: 255",
    "human_parts": "# names are better; values that mean no label: ignore: 255",
    "depth": "# metres, centimetres, millimetres, or metres that 1 stands for; no label: invalid: 0",
    "normals": "# n = 2v/255 - 1; a colour that means no label: invalid: [0, 0, 0]",
    "edge": "# the value of a sure edge: white: 255",
    "sal": "# more than half of it is salient: white: 255",
}


def draft_description(root: Path) -> str:
    """Return the text of a dataset.yaml for a folder as it looks.

    Raises:
        DataError: there is no such folder, or no pictures or labels in it, or a label cannot be read.

    """
    if not root.is_dir():
        raise DataError(f"{root}: expected a folder; found none. Correct the path.")
    images = guess_pictures(root)
    guesses = guess_labels(root, images)
    known = [guess for guess in guesses if guess.kind]
    if not known:
        found = ", ".join(f"{guess.folder} ({guess.why})" for guess in guesses) or "none"
        raise DataError(
            f"{root}: expected folders of labels beside {images}, with files called as its pictures are; found {found}."
            " Put them there, or write dataset.yaml by hand."
        )
    total = sum(path.is_file() and not path.name.startswith(".") for path in (root / images).iterdir())
    lines = [
        f"# What {one_line(root.absolute().name)} holds, as it looks. Correct it, then: fedhca data check",
        f"images: {json.dumps(images)}",
        "tasks:",
        *(line for guess in known for line in _task(guess, total)),
        *_strange([guess for guess in guesses if not guess.kind]),
        *_splits(root),
    ]
    return "\n".join(lines) + "\n"


def _task(guess: Guess, total: int) -> list[str]:
    name = guess.folder if re.fullmatch(TASK_NAME, guess.folder) else guess.kind
    lines = [f"  {name}:  # {guess.pictures} labels: {guess.why}", f"    kind: {guess.kind}  {HINTS[guess.kind]}"]
    if name != guess.folder:
        lines.append(f"    folder: {json.dumps(guess.folder)}")
    if guess.suffix:
        lines.append(f"    suffix: {json.dumps(guess.suffix)}")
    lines += [f"    {key}: {json.dumps(value)}" for key, value in guess.keys.items()]
    if guess.pictures < total:
        lines.append(f"    missing: ignore  # {total - guess.pictures} pictures have no label; `error` if all should")
    return lines


def _strange(guesses: Sequence[Guess]) -> list[str]:
    return [f"# not understood: {one_line(guess.folder)}: {guess.why}" for guess in guesses]


def _splits(root: Path) -> list[str]:
    for folder in LISTS:
        lists = {split: Path(folder, f"{split}.txt") for split in ("train", "val", "test")}
        there = [split for split, path in lists.items() if (root / path).is_file()]
        test = next((split for split in there if split != "train"), None)
        if test:
            train = [f"train: {json.dumps(lists['train'].as_posix())}"] if "train" in there else []
            return [*train, f"val: {json.dumps(lists[test].as_posix())}"]
    return [
        "val: 0.2  # the share of pictures for testing, drawn at random; or a list: val.txt, one name a line",
        "seed: 0",
    ]
