"""Maps of classes in files: a whole number, or a colour, for every pixel."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, final

import numpy as np
from jaxtyping import Bool, Integer, Shaped, UInt8, UInt32
from PIL import Image
from pydantic import AfterValidator, Field, model_validator

from fedhca.config.bounds import Number
from fedhca.data.described.label import Label, Several, StoredWhole, listed, one_channel
from fedhca.data.image import read_colours, read_stored
from fedhca.errors import DataError
from fedhca.tasks import IGNORE, HumanParts, SemanticSegmentation, Task
from fedhca.tasks.human_parts import PARTS


def _three_or_four(colour: tuple[int, ...]) -> tuple[int, ...]:
    if len(colour) not in {3, 4}:
        raise ValueError(f"a colour should be three numbers, such as [128, 0, 0]; found {list(colour)}")
    return colour[:3] if colour[3:] == (255,) else colour


Channel = Annotated[int, Field(ge=0, le=255), Number]
Colour = Annotated[tuple[Channel, ...], Field(examples=[[128, 0, 0]]), AfterValidator(_three_or_four)]
"""Red, green and blue; a fourth number is how opaque it is, 255 if not given."""


def distinct_colours(picture: UInt8[np.ndarray, "y x ..."]) -> list[Colour]:
    """Return the colours of a picture in ascending order: three numbers each, four of one that is not opaque."""
    return sorted(map(_colour, np.unique(_codes(picture)).tolist()))


def class_of_colours(
    picture: UInt8[np.ndarray, "y x ..."], classes: Mapping[Colour, int]
) -> tuple[Integer[np.ndarray, "y x"], Bool[np.ndarray, "y x"]]:
    """Return the class of each pixel's colour, and where the colour is none of `classes`."""
    opaque = [bytes([*colour, 255][:4]) for colour in classes]
    codes, known = _codes(picture), np.array([int.from_bytes(colour, "little") for colour in opaque], np.uint32)
    order = np.argsort(known)
    nearest = order[np.searchsorted(known, codes, sorter=order).clip(max=len(known) - 1)]
    return np.array([*classes.values()])[nearest], known[nearest] != codes


def _codes(picture: UInt8[np.ndarray, "y x ..."]) -> UInt32[np.ndarray, "y x"]:
    """Return the colour of each pixel as one number."""
    return np.array(Image.fromarray(picture).convert("RGBA")).view("<u4")[..., 0]


def _colour(code: int) -> Colour:
    red, green, blue, alpha = code.to_bytes(4, "little")
    return (red, green, blue) if alpha == 255 else (red, green, blue, alpha)


Classes = (
    Annotated[int, Field(ge=1, le=IGNORE), Number] | Annotated[tuple[str, ...], Field(min_length=1, max_length=IGNORE)]
)


def read_class_names(classes: int | tuple[str, ...]) -> tuple[str, ...]:
    """Return the names of classes; their numbers where they have none."""
    return tuple(map(str, range(classes))) if isinstance(classes, int) else classes


@final
class ClassMap(Label):
    """Pictures with one channel, or a palette, whose values are class indices; or with one colour for each class.

    Real numbers are class indices where all are whole; what is not finite is no label.

    Attributes:
        classes: their names in order, or how many there are; those of `colours` if not given.
        colours: of each class, by its name.
        ignore: values, or colours, that mean "no label here".
        offset: what a file adds to a class index.

    """

    kind: Literal["semseg", "human_parts"]
    classes: Classes
    colours: Annotated[dict[str, Colour], Field(max_length=IGNORE)] = Field(default_factory=dict)
    ignore: Annotated[tuple[StoredWhole | Colour, ...], Several] = (IGNORE,)
    offset: Annotated[int, Field(ge=0, lt=1 << 16), Number] = 0

    @model_validator(mode="before")
    @classmethod
    def _implied(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        colours, ignore = values.get("colours"), values.get("ignore")
        if isinstance(colours, dict) and colours:
            values = {"classes": [*colours], **values}
            if isinstance(ignore, list) and len(ignore) in {3, 4} and all(isinstance(each, int) for each in ignore):
                values["ignore"] = [ignore]  # one colour, not several values
        return {"classes": PARTS, **values} if values.get("kind") == "human_parts" else values

    @model_validator(mode="after")
    def _different(self) -> "ClassMap":
        if len({*self.names}) < len(self.names):
            raise ValueError("`classes` should have different names; rename one")
        if self.colours and self.names != tuple(self.colours):
            raise ValueError("`classes` should be the names in `colours`; take `classes` out")
        if len(self._classes) < len(self.colours) + sum(isinstance(each, tuple) for each in self.ignore):
            raise ValueError("`colours` and `ignore` should be different colours; take one out")
        return self

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the classes."""
        return read_class_names(self.classes)

    def task(self, name: str) -> Task:
        """Return the task."""
        kind = HumanParts if self.kind == "human_parts" else SemanticSegmentation
        return kind(name=name, channels=len(self.names))

    def read(self, path: Path, content: bytes | None = None) -> Shaped[np.ndarray, "..."]:
        """Return what a file holds, values or colours; DataError where it cannot be read or is a JPEG."""
        if self.colours and (content is not None or path.suffix.lower() != ".npy"):
            return read_colours(path, content)
        return read_stored(path, content, exact=True)

    def decode(self, where: Path, stored: Shaped[np.ndarray, "..."]) -> UInt8[np.ndarray, "y x"]:
        """Return class indices, 255 where there is no label."""
        return self._by_colour(where, stored) if self.colours else self._by_value(where, stored)

    def nothing(self, shape: tuple[int, int]) -> UInt8[np.ndarray, "y x"]:
        """Return 255 everywhere."""
        return np.full(shape, IGNORE, np.uint8)

    def strange(self, stored: Shaped[np.ndarray, "y x ..."]) -> set[Colour]:
        """Return the colours in a file that the description does not know."""
        return {colour for colour in distinct_colours(stored) if colour not in self._classes}

    def _by_value(self, where: Path, stored: Shaped[np.ndarray, "..."]) -> UInt8[np.ndarray, "y x"]:
        mend = "Save class indices as a PNG with 8 or 16 bits, or with a palette; or say the `colours` of the classes."
        values = one_channel(where, stored, mend)
        first, count = self.offset, len(self.names)
        hidden = listed(values, [each for each in self.ignore if isinstance(each, int)])
        right = (values >= first) & (values < first + count)
        if values.dtype.kind == "f":  # whole numbers need no look: it would take as long again for every sample
            hidden |= ~np.isfinite(values)
            right &= values % 1 == 0
        wrong = values[~hidden & ~right]
        if wrong.size:
            value = wrong.max()
            ignored = f", or {' or '.join(map(str, self.ignore))} for no label" if self.ignore else ""
            more = " or `classes`" if first <= value < first + IGNORE else ""
            mend = f"Add it to `ignore`{more}, or correct the label."
            if value % 1 != 0:
                mend = "Class indices are whole numbers; a class map is resized by the nearest pixel, never smoothed."
            expected = f"{where}: expected {count} classes, {first} to {first + count - 1}{ignored}"
            raise DataError(f"{expected}; found {value}. {mend}")
        label = (np.where(hidden, 0, values).astype(np.int32) - first).astype(np.uint8)
        label[hidden] = IGNORE
        return label

    def _by_colour(self, where: Path, stored: Shaped[np.ndarray, "..."]) -> UInt8[np.ndarray, "y x"]:
        if (
            stored.dtype != np.uint8
            or stored.ndim not in {2, 3}
            or (stored.ndim == 3 and stored.shape[2] not in {3, 4})
        ):
            expected = f"{where}: expected colours, uint8 [y, x, 3]; found {stored.dtype} {list(stored.shape)}"
            raise DataError(f"{expected}. Save them so, or take out `colours` where files hold class indices.")
        label, wrong = class_of_colours(stored, self._classes)
        if wrong.any():
            colours = [list(colour) for colour in self.strange(stored)]
            found = f"{colours[0]}" + f" and {len(colours) - 1} more" * (len(colours) > 1)
            mend = "Add it to `colours` or `ignore`; where borders are soft, export the labels without smoothing."
            raise DataError(f"{where}: expected the colours of {len(self.names)} classes; found {found}. {mend}")
        return label.astype(np.uint8)

    @property
    def _classes(self) -> Mapping[Colour, int]:
        """The class of each colour; 255 for no label."""
        classes = {colour: index for index, colour in enumerate(self.colours.values())}
        return {**classes, **{each: IGNORE for each in self.ignore if isinstance(each, tuple)}}
