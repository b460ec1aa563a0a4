"""Numbers of more than eight bits are read as they are, or refused with a way that works; never as other numbers."""

import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from folders import one_line, save
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fedhca.data import image
from fedhca.errors import DataError

FORMS = {"u": 1, "i": 2, "f": 3}


def tiff(values: np.ndarray, *, compressed: bool) -> bytes:
    """Return an array [y, x] as TIFF, in the array's own order of bytes."""
    order = ">" if values.dtype.str.startswith(">") else "<"
    pixels = values.tobytes()
    strip = zlib.compress(pixels) if compressed else pixels
    tags = {256: values.shape[1], 257: values.shape[0], 258: values.itemsize * 8, 259: 8 if compressed else 1}
    tags |= {262: 1, 273: 8, 277: 1, 278: values.shape[0], 279: len(strip), 339: FORMS[values.dtype.kind]}
    entries = b"".join(struct.pack(f"{order}HHII", tag, 4, 1, value) for tag, value in tags.items())
    head = struct.pack(f"{order}2sHI", b"II" if order == "<" else b"MM", 42, 8 + len(strip))
    return head + strip + struct.pack(f"{order}H", len(tags)) + entries + bytes(4)


EVERYWHERE = ("u1", "i1", "u2", "i2", "i4", "f4", "f8")
kinds = st.sampled_from([order + kind for kind in (*EVERYWHERE, "u4", "u8", "i8", "f2") for order in "<>"])
pictures = kinds.flatmap(lambda kind: arrays(np.dtype(kind), st.tuples(st.integers(1, 6), st.integers(1, 6))))


def read(content: bytes) -> np.ndarray | str:
    """Return the numbers of a picture, or why there are none."""
    try:
        return image.read_stored(Path("x.tif"), content)
    except DataError as error:
        return str(error)


@given(values=pictures, compressed=st.booleans())
def test_a_tiff_gives_its_numbers_or_is_refused(values: np.ndarray, compressed: bool) -> None:
    found = read(tiff(values, compressed=compressed))
    if isinstance(found, str):
        assert values.dtype.str[1:] not in EVERYWHERE
        assert "as TIFF of float32 or as .npy" in found
    else:
        np.testing.assert_array_equal(found, values)


def test_what_is_said_to_do_helps(tmp_path: Path) -> None:
    values = np.linspace(0, 9, 12).reshape(3, 4).astype(np.float16)
    (tmp_path / "x.tif").write_bytes(tiff(values, compressed=False))
    one_line(lambda: image.read_stored(tmp_path / "x.tif"), "x.tif", "float16", "float32")
    (tmp_path / "x.tif").write_bytes(tiff(values.astype("<f4"), compressed=False))
    for path in (tmp_path / "x.tif", save(tmp_path / "x.npy", values)):
        np.testing.assert_array_equal(image.read_stored(path), values)


@pytest.mark.parametrize("share", [0.03, 0.3, 0.9])
@pytest.mark.parametrize("kind", ["<f8", ">f4", "<f4"])
def test_a_cut_one_is_one_line_and_nothing_else(
    tmp_path: Path, kind: str, share: float, capfd: pytest.CaptureFixture[str]
) -> None:
    content = tiff(np.random.default_rng(0).random((40, 50)).astype(kind), compressed=True)
    (tmp_path / "x.tif").write_bytes(content[: int(len(content) * share)])
    one_line(lambda: image.read_stored(tmp_path / "x.tif"), "x.tif", "again")
    assert capfd.readouterr() == ("", "")


def test_a_large_one_is_refused_before_it_takes_the_memory() -> None:
    content, rows = tiff(np.zeros((1, 4), "<f8"), compressed=False), struct.pack("<HHI", 257, 4, 1)
    found = read(content.replace(rows + b"\1\0\0\0", rows + b"\0\0\0\2"))
    assert "at most 67108864 pixels; found 134217728" in found


def png(path: Path, values: np.ndarray) -> Path:
    path.write_bytes(cv2.imencode(".png", values[..., [2, 1, 0, *range(3, values.shape[2])]])[1].tobytes())
    return path


@pytest.mark.parametrize("channels", [3, 4])
def test_sixteen_bits_in_three_equal_channels_are_one_channel_of_sixteen(tmp_path: Path, channels: int) -> None:
    numbers = np.arange(12, dtype=np.uint16).reshape(3, 4) * 300
    stored = np.full((3, 4, channels), 65535, np.uint16)
    stored[..., :3] = numbers[..., None]
    found = image.plane(image.read_stored(png(tmp_path / "x.png", stored)))
    np.testing.assert_array_equal(found, numbers)


def test_colours_of_sixteen_bits_are_read_with_eight(tmp_path: Path) -> None:
    colours = np.arange(36, dtype=np.uint16).reshape(3, 4, 3) * 1700
    np.testing.assert_array_equal(image.read_colour(png(tmp_path / "x.png", colours)), colours >> 8)
