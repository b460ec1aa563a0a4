from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from folders import one_line, save
from PIL import Image

from fedhca.data import image

VALUES = np.arange(12, dtype=np.uint8).reshape(3, 4)


def test_photographs_become_rgb_whatever_their_mode(tmp_path: Path) -> None:
    for mode in ("L", "P", "RGBA", "CMYK", "RGB"):
        path = tmp_path / f"{mode}.tif"
        Image.fromarray(VALUES).convert(mode).save(path)
        assert image.read_picture(path).shape == (3, 4, 3)


def test_a_palette_keeps_its_indices(tmp_path: Path) -> None:
    indexed = Image.fromarray(VALUES)
    indexed.putpalette([value for colour in range(256) for value in (255 - colour, 0, 0)])
    assert indexed.mode == "P"
    indexed.save(tmp_path / "p.png")
    np.testing.assert_array_equal(image.read_indices(tmp_path / "p.png"), VALUES)


@pytest.mark.parametrize(
    ("read", "mode"),
    [
        (image.read_indices, "RGB"),
        (image.read_indices, "I;16"),
        (image.read_grey, "P"),
        (image.read_grey, "RGB"),
        (image.read_colour, "L"),
        (image.read_colour, "RGBA"),
        (image.read_picture, "I;16"),
    ],
)
def test_another_mode_is_named(tmp_path: Path, read: Callable[[Path], np.ndarray], mode: str) -> None:
    path = tmp_path / "x.png"
    Image.fromarray(VALUES).convert(mode).save(path)
    one_line(lambda: read(path), str(path), mode, "8 bits")


def test_a_picture_too_large_to_unpack_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "x.png", VALUES)
    monkeypatch.setattr(image, "MAX_PIXELS", 11)
    one_line(lambda: image.read_grey(path), str(path), "3 × 4", "11 pixels")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 5)
    one_line(lambda: image.read_grey(path), str(path), "11 pixels")


@pytest.mark.parametrize("kind", ["png", "jpg"])
@pytest.mark.parametrize("share", [0.005, 0.1, 0.5, 0.9])
def test_a_picture_cut_anywhere_is_an_error(tmp_path: Path, kind: str, share: float) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (40, 50), dtype=np.uint8)
    path = save(tmp_path / f"x.{kind}", noise)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    one_line(lambda: image.read_grey(path), str(path), "cannot be read")


def test_arrays_are_read_as_float32_and_can_be_written_to(tmp_path: Path) -> None:
    path = save(tmp_path / "x.npy", VALUES.astype(np.float16))
    found = image.read_array(path)
    found[0, 0] = 7
    assert found.dtype == np.float32
    assert np.load(path)[0, 0] == 0


@pytest.mark.parametrize("values", [VALUES[None], VALUES[0], VALUES.astype(complex), VALUES.astype("U3"), VALUES > 1])
def test_arrays_of_another_kind_are_named(tmp_path: Path, values: np.ndarray) -> None:
    path = save(tmp_path / "x.npy", values)
    one_line(lambda: image.read_array(path), str(path), str(values.dtype))


def test_pickles_are_never_opened(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([[{}]], dtype=object), allow_pickle=True)
    one_line(lambda: image.read_array(tmp_path / "x.npy"), "x.npy")
    (tmp_path / "y.npy").write_bytes(b"\x80\x04N.")
    one_line(lambda: image.read_array(tmp_path / "y.npy"), "y.npy")


def test_a_header_that_promises_too_much_is_an_error(tmp_path: Path) -> None:
    path = save(tmp_path / "x.npy", np.zeros((3, 4), np.float32))
    path.write_bytes(path.read_bytes().replace(b"(3, 4), }        ", b"(99999, 99999), }"))
    one_line(lambda: image.read_array(path), str(path), "cannot be read")


def test_an_archive_is_no_array(tmp_path: Path) -> None:
    with (tmp_path / "x.npy").open("wb") as file:
        np.savez(file, a=VALUES)
    one_line(lambda: image.read_array(tmp_path / "x.npy"), "NpzFile")


def test_a_photograph_is_turned_as_the_camera_held_it_where_that_is_asked_for(tmp_path: Path) -> None:
    photo = Image.fromarray(np.arange(24, dtype=np.uint8).reshape(2, 4, 3) * 10)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be shown turned by 90 degrees
    photo.save(tmp_path / "a.png", exif=exif)
    plain, upright = image.read_picture(tmp_path / "a.png"), image.read_upright(tmp_path / "a.png")
    assert plain.shape == (2, 4, 3)
    assert np.array_equal(upright, np.rot90(plain, k=-1))
