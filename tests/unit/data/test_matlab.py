"""What is looked at before SciPy reads a .mat file lets through all that it is for, and nothing that breaks it."""

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from folders import one_line
from hypothesis import given
from hypothesis import strategies as st
from scipy.io import savemat

from fedhca.data.matlab import DEEPEST, label_map, require_small


def cell(found: list[Any]) -> np.ndarray:
    """What MATLAB calls so: an array of anything."""
    made = np.empty((1, len(found)), dtype=object)
    for place, each in enumerate(found):
        made[0, place] = each
    return made


kinds = st.sampled_from(["u1", "i1", "u2", "i2", "i4", "u4", "i8", "u8", "f4", "f8", "c8", "c16", "?"])
arrays = st.builds(np.ones, st.lists(st.integers(0, 3), min_size=2, max_size=4).map(tuple), kinds)
names = st.text("abcdefgh", min_size=1, max_size=8)
values = st.recursive(
    st.one_of(arrays, st.text("héllo wörld", max_size=12), st.floats(allow_nan=False)),
    lambda inner: st.one_of(
        st.dictionaries(names, inner, min_size=1, max_size=3),
        st.lists(inner, min_size=1, max_size=3).map(cell),
    ),
    max_leaves=8,
)


def written(values: dict[str, Any], *, compressed: bool = False) -> bytes:
    file = io.BytesIO()
    savemat(file, values, do_compression=compressed)
    return file.getvalue()


@given(found=st.dictionaries(names, values, min_size=1, max_size=3), compressed=st.booleans())
def test_numbers_textcells_and_structures_are_let_through(found: dict[str, Any], compressed: bool) -> None:
    require_small(written(found, compressed=compressed))


GOOD = written({"LabelMap": np.ones((3, 4), np.uint16)})
NUMBERS = GOOD.index(struct.pack("<II", 4, 24))
"""Where the numbers' tag is: 12 of two bytes."""


def deep(levels: int) -> Any:
    return {"a": deep(levels - 1)} if levels else 1.0


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (GOOD[:100], "does not begin as one"),
        (b"\0" + GOOD[1:], "does not begin as one"),
        (GOOD[:124] + b"\0\2" + GOOD[126:], "does not begin as one"),
        (GOOD[:-1], "ends in the middle of a variable"),
        (GOOD + b"\0" * 5, "ends in the middle of a tag"),
        (GOOD[:NUMBERS] + struct.pack("<II", 0, 24) + GOOD[NUMBERS + 8 :], "values of kind 0"),
        (GOOD[:NUMBERS] + struct.pack("<II", 5, 24) + GOOD[NUMBERS + 8 :], "12 values in 24 bytes"),
        (GOOD.replace(struct.pack("<II", 6, 8), struct.pack("<II", 2, 8)), "without flags"),
        (GOOD.replace(struct.pack("<ii", 3, 4), struct.pack("<ii", -3, 4)), "negative size"),
        (GOOD.replace(struct.pack("<ii", 3, 4), struct.pack("<ii", 2**30, 2**30)), "values in 24 bytes"),
        (GOOD.replace(struct.pack("<I", 11), struct.pack("<I", 17)), "an object, a sparse matrix or a function"),
        (GOOD.replace(struct.pack("<I", 11), struct.pack("<I", 11 | 0x0800)), "no part, or of too many"),
        (GOOD.replace(struct.pack("<I", 11), struct.pack("<I", 2)), "structure without names"),
        (GOOD.replace(struct.pack("<I", 11), struct.pack("<I", 1)), "1 variables where 12 should be"),
        (written({"a": deep(DEEPEST + 1)}), "structures in each other"),
    ],
    ids=lambda value: value if isinstance(value, str) else "file",  # which bears the time when it was made
)
def test_what_would_break_the_reader_is_refused(content: bytes, line: str) -> None:
    with pytest.raises(ValueError, match=line):
        require_small(content)


@pytest.mark.parametrize(
    ("value", "found"),
    [(np.float64("nan"), "nan"), (3.5, "3.5"), (-1, "-1"), (np.uint32(65536), "65536"), (np.uint64(2**63), str(2**63))],
)
def test_a_label_map_of_what_is_no_class_is_refused(tmp_path: Path, value: Any, found: str) -> None:
    labels = np.zeros((3, 4), np.asarray(value).dtype)
    labels[1, 2] = value
    savemat(tmp_path / "x.mat", {"LabelMap": labels})
    one_line(lambda: label_map(tmp_path / "x.mat"), "x.mat", "0 to 65535", f"found {found}.")


@pytest.mark.parametrize("kind", ["u1", "u2", "i4", "f8"])
def test_a_label_map_may_be_of_any_numbers_that_are_whole(tmp_path: Path, kind: str) -> None:
    savemat(tmp_path / "x.mat", {"LabelMap": np.arange(12).reshape(3, 4).astype(kind)})
    assert label_map(tmp_path / "x.mat").ravel().tolist() == [*range(12)]
