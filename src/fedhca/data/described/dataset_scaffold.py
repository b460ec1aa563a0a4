"""A first dataset.yaml for a folder, to be corrected by hand."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from fedhca.data.described.dataset_description import TASK_NAME
from fedhca.data.described.files import PICTURES, contents
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
COLOURS = "# better names than class_0; a colour that means no label: take it out, and: ignore: [224, 224, 192]"
NAMED = 5
"""Pictures without a label that are named."""


def draft_description(root: Path) -> str:
    """Return the text of a dataset.yaml for a folder as it looks.

    Raises:
        DataError: there is no such folder, or no pictures or labels in it, or two pictures have one name.

    """
    if not root.is_dir():
        raise DataError(f"{root}: expected a folder; found none. Correct the path.")
    images = guess_pictures(root)
    guesses = guess_labels(root, images)
    known = [guess for guess in guesses if guess.kind.name]
    if not known:
        found = "; ".join(f"{guess.folder}: {guess.kind.why.rstrip('.')}" for guess in guesses)
        raise DataError(
            f"{root}: expected folders of labels beside {images}, with files called as its pictures are; found "
            f"{found or 'none'}. {'Mend that' if guesses else 'Put them there'}, or write dataset.yaml by hand."
        )
    others = contents(root / images, PICTURES)
    lines = [
        f"# What {one_line(root.absolute().name)} holds, as it looks. Correct it, then: fedhca data check",
        f"images: {json.dumps(images)}" + f"  # not read: {one_line(others)}" * bool(others),
        "tasks:",
        *(line for guess in known for line in _task(guess)),
        *(
            f"# not understood: {one_line(guess.folder)}: {one_line(guess.kind.why)}"
            for guess in guesses
            if guess not in known
        ),
        *_splits(root),
    ]
    return "\n".join(lines) + "\n"


def _task(guess: Guess) -> Iterator[str]:
    kind = guess.kind
    name = guess.folder if re.fullmatch(TASK_NAME, guess.folder) else kind.name
    yield f"  {name}:  # {guess.labels} labels: {kind.why}"
    yield f"    kind: {kind.name}  {COLOURS if 'colours' in kind.keys else HINTS[kind.name]}"
    if name != guess.folder:
        yield f"    folder: {json.dumps(guess.folder)}"
    if guess.suffix:
        yield f"    suffix: {json.dumps(guess.suffix)}"
    for key, value in kind.keys.items():
        if isinstance(value, dict):
            yield f"    {key}:"
            yield from (f"      {each}: {json.dumps(colour)}" for each, colour in value.items())
        else:
            yield f"    {key}: {json.dumps(value)}"
    if kind.doubt:
        yield f"    # {kind.doubt}"
    if guess.missing:
        some = ", ".join(map(one_line, guess.missing[:NAMED])) + ", …" * (len(guess.missing) > NAMED)
        yield f"    # missing: ignore  # {len(guess.missing)} without a label, an error if this stays a comment: {some}"


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
