"""A picture is opened in one place, by the decoders of five formats; whatever else a file is, its kind is said."""

import ast
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from folders import one_line
from PIL import Image

from fedhca.data import image
from fedhca.data.edge_folders import benchmark_folders
from fedhca.data.image import read_array
from fedhca.data.matlab import label_map
from fedhca.data.picture_file import FORMATS, open_picture
from source_code import MODULES, tree

VALUES = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)


def saved(kind: str) -> bytes:
    file = BytesIO()
    Image.fromarray(VALUES).save(file, kind)
    return file.getvalue()


OTHERS: dict[str, tuple[bytes, str]] = {
    "EPS": (saved("EPS"), "PostScript"),
    "GIF": (saved("GIF"), "GIF"),
    "ICO": (saved("ICO"), "ICO"),
    "PPM": (saved("PPM"), "PNM"),
    "PDF": (saved("PDF"), "PDF"),
    "JPEG2000": (saved("JPEG2000"), "JPEG 2000"),
    "AVIF": (saved("AVIF"), "AVIF"),
    "PCX": (saved("PCX"), "cannot be read"),
    "PSD": (b"8BPS\0\1" + bytes(6) + b"\0\3\0\0\0\4\0\0\0\4\0\x08\0\3" + bytes(60), "PSD"),
    "FITS": (b"SIMPLE  =                    T / standard".ljust(2880), "FITS"),
    "XBM": (b"#define x_width 8\n#define x_height 1\nstatic char x_bits[] = {0xff};\n", "XBM"),
}
READERS: dict[str, Callable[[Path], object]] = {
    "photographs": image.read_picture,
    "photographs of cameras": image.read_upright,
    "labels": image.read_stored,
    "masks": image.read_grey,
    "edges": lambda path: benchmark_folders(path.parent, path.parent),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", OTHERS)
def test_no_other_decoder_sees_a_file_whatever_it_is_called(
    kind: str, reader: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, named = OTHERS[kind]
    (tmp_path / "a.png").write_bytes(content)
    Image.init()
    called: list[str] = []
    for name, (_, accept) in list(Image.OPEN.items()):
        if name not in FORMATS:
            monkeypatch.setitem(Image.OPEN, name, (lambda *_, name=name: called.append(name), accept))
    one_line(lambda: READERS[reader](tmp_path / "a.png"), "a.png", *FORMATS, named)
    assert called == []


@pytest.mark.parametrize("kind", [*FORMATS, "MPO"])
def test_the_five_formats_are_read_and_the_two_pictures_of_a_camera(kind: str, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(saved(kind))
    assert image.read_picture(tmp_path / "a.png").shape == VALUES.shape
    assert open_picture(tmp_path / "a.png").size == (4, 4)


def test_pictures_are_opened_in_one_place() -> None:
    openers = {"Image.open", "cv2.imread", "cv2.imdecode", "plt.imread", "matplotlib.image.imread"}
    calls = [
        f"{module}: {ast.unparse(node)}"
        for module in MODULES
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Call) and ast.unparse(node.func).replace("PIL.", "") in openers
    ]
    assert [call.partition("(")[0] for call in calls] == [
        "data.deep_picture: cv2.imdecode",
        "data.picture_file: Image.open",
    ]


PAGES = {
    "html": (b"\xef\xbb\xbf\n<!DOCTYPE html><html>sign in</html>", "HTML", "Download the file again"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS", "git lfs pull"),
    "zip": (b"PK\x03\x04" + bytes(30), "ZIP", "Unpack"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(30), "HDF5", "Convert"),
    "svg": (b'<?xml version="1.0"?><svg/>', "SVG", "Convert"),
}


@pytest.mark.parametrize("kind", PAGES)
@pytest.mark.parametrize(("name", "read"), [("a.png", image.read_stored), ("a.npy", read_array), ("a.mat", label_map)])
def test_what_a_file_is_instead_is_said_with_what_to_do(
    kind: str, name: str, read: Callable[[Path], object], tmp_path: Path
) -> None:
    content, *words = PAGES[kind]
    (tmp_path / name).write_bytes(content)
    one_line(lambda: read(tmp_path / name), name, *words)


def test_files_of_newer_matlab_are_named_with_the_way_back(tmp_path: Path) -> None:
    head = b"MATLAB 7.3 MAT-file, Platform: GLNXA64, Created on: Mon Jan 1 00:00:00 2024 HDF5 schema 1.00 ."
    (tmp_path / "a.mat").write_bytes(head.ljust(512) + b"\x89HDF\r\n\x1a\n")
    one_line(lambda: label_map(tmp_path / "a.mat"), "format 5", "7.3", "'-v7'")
