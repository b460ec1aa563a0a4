from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from folders import one_line, save
from PIL import Image

from fedhca.data import image, picture_file

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
    ("read", "mode", "found"),
    [
        (image.read_indices, "I;16", "uint16"),
        (image.read_grey, "I;16", "uint16"),
        (image.read_colour, "L", "one channel"),
        (image.read_picture, "I;16", "I;16"),
        (image.read_stored, "CMYK", "CMYK"),
    ],
)
def test_another_mode_is_named(tmp_path: Path, read: Callable[[Path], np.ndarray], mode: str, found: str) -> None:
    path = tmp_path / ("x.tif" if mode == "CMYK" else "x.png")
    Image.fromarray(VALUES).convert(mode).save(path)
    one_line(lambda: read(path), str(path), found, "8 bits")


@pytest.mark.parametrize("mode", ["LA", "RGB", "RGBA"])
def test_equal_channels_are_one(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "x.png"
    Image.fromarray(VALUES).convert(mode).save(path)
    assert image.read_stored(path).shape == ((3, 4) if mode == "LA" else (3, 4, 3))
    for read in (image.read_indices, image.read_grey):
        np.testing.assert_array_equal(read(path), VALUES)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_colours_are_no_classes(tmp_path: Path, mode: str) -> None:
    path = tmp_path / "x.png"
    Image.fromarray(np.arange(36, dtype=np.uint8).reshape(3, 4, 3)).convert(mode).save(path)
    one_line(lambda: image.read_indices(path), "3 channels", "one channel")
    assert image.read_colour(path).ravel().tolist() == [*range(36)]


def test_what_is_transparent_is_said_and_what_is_said_to_do_helps(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    picture = Image.fromarray(np.dstack([VALUES, VALUES]), "LA")
    picture.save(path)
    one_line(lambda: image.read_stored(path), str(path), "without alpha channel")
    picture.convert("L").save(path)
    np.testing.assert_array_equal(image.read_grey(path), VALUES)


def palette(path: Path, colours: list[list[int]]) -> Path:
    """Save VALUES % 2 with a palette."""
    picture = Image.fromarray(VALUES % 2)
    picture.putpalette([value for colour in colours for value in colour])
    picture.save(path)
    return path


@pytest.mark.parametrize(
    ("colours", "greys"),
    [([[255] * 3, [0] * 3], [255, 0]), ([[0] * 3, [1] * 3], [0, 1]), ([[9] * 3, [8] * 3, [200, 0, 0]], [9, 8])],
)
def test_a_palette_of_a_mask_stands_for_greys_and_of_classes_for_indices(
    tmp_path: Path, colours: list[list[int]], greys: list[int]
) -> None:
    path = palette(tmp_path / "x.png", colours)
    np.testing.assert_array_equal(image.read_grey(path), np.array(greys)[VALUES % 2])
    np.testing.assert_array_equal(image.read_stored(path, grey=True), np.array(greys)[VALUES % 2])
    np.testing.assert_array_equal(image.read_indices(path), VALUES % 2)


def test_colours_of_a_masks_palette_are_said_and_what_is_said_to_do_helps(tmp_path: Path) -> None:
    path = palette(tmp_path / "x.png", [[0, 0, 0], [128, 0, 0]])
    one_line(lambda: image.read_grey(path), str(path), "[128, 0, 0]", "one channel, black for no and white for yes")
    save(path, VALUES % 2 * np.uint8(255))
    np.testing.assert_array_equal(image.read_grey(path), VALUES % 2 * 255)


def test_one_bit_is_black_and_white(tmp_path: Path) -> None:
    Image.fromarray(VALUES % 2 == 1).save(tmp_path / "x.png")
    np.testing.assert_array_equal(image.read_grey(tmp_path / "x.png"), VALUES % 2 * 255)
    np.testing.assert_array_equal(image.read_indices(tmp_path / "x.png"), VALUES % 2)


@pytest.mark.parametrize("read", [image.read_indices, image.read_grey])
def test_jpeg_holds_no_exact_numbers_whatever_it_is_called(tmp_path: Path, read: Callable[[Path], np.ndarray]) -> None:
    Image.fromarray(VALUES).save(tmp_path / "x.png", "JPEG")
    one_line(lambda: read(tmp_path / "x.png"), "x.png", "JPEG", "as PNG")


def test_a_picture_too_large_to_unpack_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(tmp_path / "x.png", VALUES)
    monkeypatch.setattr(picture_file, "MAX_PIXELS", 11)
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
    one_line(lambda: image.read_stored(path), str(path), "cannot be read")


def test_arrays_are_read_as_float32_and_can_be_written_to(tmp_path: Path) -> None:
    path = save(tmp_path / "x.npy", VALUES.astype(np.float16))
    found = image.read_array(path)
    found[0, 0] = 7
    assert found.dtype == np.float32
    assert np.load(path)[0, 0] == 0


@pytest.mark.parametrize(
    "values",
    [
        VALUES[None],
        VALUES[0],
        np.stack([VALUES, VALUES + 1], -1),
        VALUES.astype(complex),
        VALUES.astype("U3"),
        VALUES > 1,
    ],
)
def test_arrays_of_another_kind_are_named(tmp_path: Path, values: np.ndarray) -> None:
    path = save(tmp_path / "x.npy", values)
    one_line(lambda: image.read_array(path), str(path), str(values.dtype))


@pytest.mark.parametrize("values", [VALUES[..., None], np.stack([VALUES] * 3, -1)])
def test_an_array_of_one_channel_may_have_an_axis_for_it(tmp_path: Path, values: np.ndarray) -> None:
    np.testing.assert_array_equal(image.read_array(save(tmp_path / "x.npy", values)), VALUES)


def test_what_float32_cannot_hold_is_infinite(tmp_path: Path) -> None:
    assert np.isinf(image.read_array(save(tmp_path / "x.npy", np.full((2, 2), 1e300)))).all()


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
