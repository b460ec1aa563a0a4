"""The table of formats in docs/own-data.md: for each row, folders as tools write them, and what happens to them."""

import io
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import own
import pytest
from folders import save
from PIL import Image

from fedhca.data.described.dataset_scaffold import draft_description
from fedhca.data.described.folder import Folder
from fedhca.data.survey.survey import survey_source
from fedhca.errors import DataError

PAGE = Path(__file__).parents[3] / "docs" / "own-data.md"
NAMES = "abc"
Y, X = 12, 16
RANDOM = np.random.default_rng(0)
PICTURE = RANDOM.integers(0, 256, (Y, X, 3), dtype=np.uint8)
CLASSES = np.resize(np.array([0, 1, 2], np.uint8), (Y, X))
HOLES = np.resize(np.array([0, 1, 2, 255], np.uint8), (Y, X))
MASK = np.zeros((Y, X), np.uint8)
MASK[3:9, 4:12] = 1
DEPTH = np.resize(np.array([0.5, 1.25, 2.5, 7.75, 60], np.float32), (Y, X))
COLOURS = np.array([[0, 0, 0], [128, 0, 0], [0, 128, 0]], np.uint8)
VECTORS = np.resize(np.array([[0, 0.6, -0.8], [1, 0, 0]], np.float32), (Y, X, 3))
POINTS = np.array([[3, 4.5, 1], [0, 0, 0]], np.float32)


@dataclass(frozen=True)
class Case:
    """A folder, and what picture `a` and its label are read as.

    Attributes:
        files: by their paths, `{}` in which stands for the name of each picture.
        label: of the only task; not looked at if not given.
        tasks: of a dataset.yaml by hand; it is drafted if not given.
        image: as it is read.
        correct: what is corrected in the draft.
        val: of a dataset.yaml by hand.

    """

    files: Mapping[str, Any]
    label: Any = None
    tasks: dict[str, Any] | None = None
    image: Any = None
    correct: Mapping[str, str] = field(default_factory=dict)
    val: str | float = 0.4


def write(path: Path, value: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(value, bytes):
        path.write_bytes(value)
    elif isinstance(value, Image.Image):
        value.save(path)
    else:
        save(path, value)


def half(values: np.ndarray) -> bytes:
    """Return a TIFF of float16, which no library here writes: one of 16-bit numbers that are said to be real."""
    content = encoded(Image.fromarray(values.astype(np.float16).view(np.uint16)), "TIFF", tiffinfo={339: 3})
    return content


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def palette(values: np.ndarray, colours: np.ndarray) -> Image.Image:
    picture = Image.fromarray(values)
    picture.putpalette(colours.tobytes())
    return picture


def pictures(ending: str, value: Any, image: Any = PICTURE) -> Case:
    return Case({f"images/{{}}{ending}": value, "m/{}.png": CLASSES}, CLASSES, image=image)


def classes(value: Any, label: Any = CLASSES, ending: str = ".png", **more: Any) -> Case:
    return Case({f"m/{{}}{ending}": value}, label, **more)


def mask(value: Any, label: Any = MASK, ending: str = ".png") -> list[Case]:
    return [Case({f"{kind}/{{}}{ending}": value}, label) for kind in ("sal", "edge")]


def depth(value: Any, label: Any = DEPTH, ending: str = ".png", **more: Any) -> Case:
    return Case({f"depth/{{}}{ending}": value}, label, **more)


def points(text: str) -> Case:
    told = {"p": {"kind": "keypoints", "points": ["nose", "tail"], "missing": "ignore"}}
    return Case({"p.csv": text.encode()}, POINTS, told)


def painted(names: str, **more: Any) -> dict[str, Any]:
    colours = {name: colour.tolist() for name, colour in zip(names, COLOURS, strict=False)}
    return {"m": {"kind": "semseg", "colours": colours, **more}}


def semseg(count: int, **more: Any) -> dict[str, Any]:
    return {"m": {"kind": "semseg", "classes": count, **more}}


def kinds(text: str, label: Any) -> Case:
    told = {"k": {"kind": "classification", "classes": ["x", "y"], "missing": "ignore"}}
    return Case({"k.csv": text.encode()}, label, told)


RGB, GREY = Image.fromarray(PICTURE), Image.fromarray(PICTURE[..., 0])
JPEG = np.array(Image.open(io.BytesIO(encoded(RGB, "JPEG"))))
TURNED = Image.Exif()
TURNED[0x0112] = 6
LOSSLESS = {".png": "PNG", ".PNG": "PNG", ".tif": "TIFF", ".TIFF": "TIFF", ".bmp": "BMP"}
LOSSY = encoded(Image.fromarray(CLASSES), "JPEG")
FOREIGN = {
    ".gif": encoded(RGB, "GIF"),
    ".psd": b"8BPS\0\1" + bytes(200),
    ".eps": encoded(RGB, "EPS"),
    ".dcm": bytes(128) + b"DICM" + bytes(200),
}
PAINTED = COLOURS[CLASSES]
ASCENDING = np.array([0, 2, 1], np.uint8)[CLASSES]
"""Classes as drafted: colours in ascending order, green before red."""
CLEAR = np.concatenate([PAINTED, np.where(CLASSES == 0, 0, 255).astype(np.uint8)[..., None]], axis=2)
NFD = unicodedata.normalize("NFD", "é")
NFC = unicodedata.normalize("NFC", "é")
JUNK = {f"{folder}/{name}": b"\x00" for folder in ("images", "m")
        for name in ("Thumbs.db", ".DS_Store", "desktop.ini", "._a.png", ".a.jpg")}  # fmt: skip
WORDS = "id,point,x,y\n"

CASES: dict[tuple[str, str], list[Case]] = {
    ("JPEG, PNG, WebP, TIFF or BMP", "pictures"): [
        *(pictures(ending, encoded(RGB, kind)) for ending, kind in LOSSLESS.items()),
        pictures(".webp", encoded(RGB, "WEBP", lossless=True)),
        *(pictures(ending, encoded(RGB, "JPEG"), JPEG) for ending in (".jpg", ".JPEG")),
    ],
    ("grey, with a palette, RGBA or CMYK", "pictures"): [
        pictures(".png", GREY, np.repeat(PICTURE[..., :1], 3, 2)),
        pictures(".png", palette(CLASSES, COLOURS), PAINTED),
        pictures(".png", RGB.convert("RGBA")),
        pictures(".tif", RGB.convert("CMYK")),
    ],
    ("turned by EXIF", "pictures"): [
        Case({"images/{}.jpg": encoded(RGB, "JPEG", exif=TURNED), "m/{}.png": CLASSES.T.copy()}, CLASSES.T,
             image=np.rot90(JPEG, -1)),
    ],
    ("16 bits a channel, colours", "pictures"): [
        pictures(".png", cv2.imencode(".png", PICTURE[..., ::-1].astype(np.uint16) * 257)[1].tobytes()),
    ],
    ("16 bits, grey", "pictures"): [pictures(".png", PICTURE[..., 0].astype(np.uint16) * 257)],
    ("GIF, PSD, EPS or DICOM", "pictures"): [pictures(ending, content) for ending, content in FOREIGN.items()],
    ("GIF, PSD, EPS or DICOM, called .png", "pictures"): [pictures(".png", content) for content in FOREIGN.values()],
    ("in folders below `images`", "pictures"): [pictures("/one.png", RGB)],
    ("two of one name, `a.png` and `a.jpg`", "pictures"): [
        Case({"images/{}.png": RGB, "images/a.jpg": RGB, "m/{}.png": CLASSES}),
    ],
    ("`Thumbs.db`, `.DS_Store`, `desktop.ini`, `._a.png`", "beside pictures and labels"): [
        Case({**JUNK, "m/{}.png": CLASSES}, CLASSES),
    ],
    ("names in decomposed letters, as macOS writes them", "pictures or labels"): [
        Case({f"images/{{}}{one}.png": RGB, f"m/{{}}{other}.png": CLASSES}, CLASSES)
        for one, other in ((NFD, NFC), (NFC, NFD), (NFD, NFD))
    ],
    ("one channel of 8 or 16 bits, or of 1 bit", "`semseg`"): [
        classes(CLASSES), classes(CLASSES.astype(np.uint16)), classes(MASK.astype(bool), MASK),
        classes(HOLES, HOLES, ".bmp"), classes(HOLES.astype(np.uint16), HOLES, ".tif"),
    ],
    ("a palette, as of PASCAL VOC", "`semseg`"): [classes(palette(HOLES, np.resize(COLOURS, (256, 3))), HOLES)],
    ("three equal channels", "`semseg`"): [classes(np.repeat(HOLES[..., None], 3, 2), HOLES)],
    ("colours, RGB or RGBA", "`semseg`"): [
        classes(PAINTED, ASCENDING), classes(PAINTED, ASCENDING, ".npy"), classes(CLEAR, ASCENDING),
        classes(Image.fromarray(PAINTED).convert("RGBA"), ASCENDING),
        classes(palette(np.flip(CLASSES), COLOURS), np.flip(CLASSES), tasks=painted("xyz")),
        classes(PAINTED, np.where(CLASSES == 2, 255, CLASSES), tasks=painted("xy", ignore=[0, 128, 0])),
    ],
    ("grey with opacity (LA)", "`semseg`"): [classes(Image.fromarray(CLASSES).convert("LA"))],
    ("colours that are not in `colours`", "`semseg`"): [
        classes(np.array([[0, 255, 0], [128, 0, 0]], np.uint8)[MASK], tasks=painted("xy")),
    ],
    ("colours without `colours`", "`semseg`"): [classes(PAINTED, tasks=semseg(3))],
    ("colours with soft borders", "`semseg`"): [classes(RANDOM.integers(0, 256, (20, 20, 3), dtype=np.uint8))],
    ("JPEG", "`semseg`"): [
        classes(LOSSY, ending=".jpg", tasks=tasks) for tasks in (None, semseg(3), semseg(3, missing="ignore"))
    ],
    ("JPEG called .png", "`semseg`"): [classes(LOSSY, tasks=tasks) for tasks in (None, semseg(3))],
    ("JPEG", "`depth`"): [
        depth(LOSSY, ending=".jpg", tasks=tasks) for tasks in (None, {"depth": {"kind": "depth", "unit": "metres"}})
    ],
    ("GIF, `.npz`, `.mat` or `.pfm`", "labels"): [
        classes(b"x", ending=ending, tasks=tasks)
        for ending in (".gif", ".npz", ".mat", ".pfm")
        for tasks in (None, semseg(3), semseg(3, missing="ignore"))
    ],
    ("`.npy` of int8 to int64, uint8 to uint64, or big-endian", "`semseg`"): [
        classes(CLASSES.astype(kind), ending=".npy")
        for kind in ("i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", ">i2", ">u4")
    ],
    ("-1, 255 or 65535 for no label", "`semseg`"): [
        classes(np.where(HOLES == 255, -1, HOLES.astype(np.int16)), HOLES, ".npy"),
        classes(np.where(HOLES == 255, -1, HOLES.astype(np.int32)), HOLES, ".tif"),
        classes(HOLES, HOLES),
        classes(np.where(HOLES == 255, 65535, HOLES.astype(np.uint16)), HOLES),
        classes(np.where(CLASSES == 2, -1, HOLES.astype(np.int16)), np.where(CLASSES == 2, 255, HOLES), ".npy"),
    ],
    ("values that are no classes, such as 65536", "`semseg`"): [
        classes(MASK.astype(np.uint32) * 65536, ending=".npy", tasks=semseg(2)),
        classes(MASK.astype(np.int64) * 65536, ending=".npy", tasks=semseg(2)),
    ],
    ("real numbers, all whole; NaN for no label", "`semseg`"): [
        classes(np.where(HOLES == 255, hole, HOLES.astype(kind)), HOLES, ".npy")
        for hole in (np.nan, -1, 255)
        for kind in ("f2", "f4", "f8")
    ],
    ("real numbers that are not whole", "`semseg`"): [classes(CLASSES / 2, ending=".npy", tasks=semseg(3))],
    ("`.npy` [y, x, 1]", "labels"): [
        classes(CLASSES[..., None], ending=".npy"), depth(DEPTH[..., None], ending=".npy"),
        *mask(MASK[..., None], ending=".npy"),
    ],
    ("`.npy` [1, y, x]", "labels"): [
        classes(CLASSES[None], ending=".npy"), classes(CLASSES[None], ending=".npy", tasks=semseg(3)),
        depth(DEPTH[None], ending=".npy"),
    ],
    ("half the size of the picture", "labels"): [classes(CLASSES[::2, ::2]), depth(DEPTH[::2, ::2], ending=".tif")],
    ("labels for some pictures alone", "labels"): [Case({"m/a.png": CLASSES, "m/b.png": CLASSES})],
    ("a label twice, `a.png` and `a.npy`", "labels"): [Case({"m/{}.png": CLASSES, "m/a.npy": CLASSES})],
    ("0 and 255, 0 and 1, or 1 bit", "`sal` or `edge`"): [
        *mask(MASK * np.uint8(255)), *mask(MASK), *mask(MASK.astype(bool)), *mask(MASK, ending=".npy"),
    ],
    ("a grey palette", "`sal` or `edge`"): mask(palette(1 - MASK, np.array([[255] * 3, [0] * 3], np.uint8))),
    ("a palette of colours", "`sal` or `edge`"): [
        Case(each.files, tasks={kind: {"kind": kind}})
        for kind, each in zip(("sal", "edge"), mask(palette(MASK, COLOURS)), strict=True)
    ],
    ("JPEG", "`sal` or `edge`"): [
        Case({"sal/{}.jpg": encoded(Image.fromarray(MASK * np.uint8(255)), "JPEG")}, MASK),
        Case({"edge/{}.jpg": encoded(Image.fromarray(MASK * np.uint8(255)), "JPEG", quality=100)}),
    ],
    ("real numbers from 0 to 1; NaN for no label", "`sal` or `edge`"): [
        Case({"sal/{}.npy": np.where(CLASSES == 2, np.nan, 0.9 * MASK)}, np.where(CLASSES == 2, 255, MASK)),
        Case({"edge/{}.npy": np.where(CLASSES == 2, np.nan, 0.75 * MASK)}, np.where(CLASSES == 2, 255, 0.75 * MASK)),
    ],
    ("PNG of 16 bits, millimetres", "`depth`"): [depth((DEPTH * 1000).astype(np.uint16))],
    ("PNG of 16 bits, 256 for one metre, as KITTI's", "`depth`"): [
        depth((DEPTH * 256).astype(np.uint16), correct={'"millimetres"': "0.00390625"}),
    ],
    ("TIFF of float32 or float64", "`depth`"): [
        depth(DEPTH, ending=".tif"),
        depth(cv2.imencode(".tif", DEPTH.astype(np.float64))[1].tobytes(), ending=".tif"),
    ],
    ("TIFF of float16", "`depth`"): [depth(half(DEPTH), ending=".tif")],
    ("`.npy` of float16, float32 or float64, or big-endian", "`depth`"): [
        depth(DEPTH.astype(kind), ending=".npy") for kind in ("f2", "f4", "f8", ">f4", ">f8")
    ],
    ("0, below 0, NaN, infinite or 65535", "`depth`"): [
        *(depth(np.where(HOLES == 255, hole, DEPTH), np.where(HOLES == 255, 255, DEPTH), ".tif")
          for hole in np.array([0, -1, np.nan, np.inf], np.float32)),
        *(depth(np.where(HOLES == 255, np.uint16(hole), (DEPTH * 1000).astype(np.uint16)),
                np.where(HOLES == 255, 255, DEPTH)) for hole in (0, 65535)),
    ],
    ("PNG of 8 bits", "`normals`"): [
        Case({"normals/{}.png": np.round((VECTORS + 1) * 127.5).astype(np.uint8)}, VECTORS),
        Case({"x/{}.png": np.where(MASK[..., None], np.round((VECTORS + 1) * 127.5), 0).astype(np.uint8)},
             np.where(MASK[..., None], VECTORS, 255)),
    ],
    ("`.npy` of unit vectors [y, x, 3]", "`normals`"): [
        Case({"normals/{}.npy": np.where(MASK[..., None], VECTORS, 0)}, np.where(MASK[..., None], VECTORS, 255)),
    ],
    ("`.npy` [3, y, x]", "`normals`"): [
        Case({"normals/{}.npy": np.moveaxis(VECTORS, -1, 0)}),
        Case({"normals/{}.npy": np.moveaxis(VECTORS, -1, 0)}, tasks={"normals": {"kind": "normals"}}),
    ],
    ("vectors of another length", "`normals`"): [
        Case({"normals/{}.npy": 2 * VECTORS}, tasks={"normals": {"kind": "normals"}}),
    ],
    ("CSV with COCO's `v`", "`keypoints`"): [
        points(f"id,point,x,y,{name}\na,nose,3,4.5,{seen}\na,tail,0,0,0\n")
        for name in ("v", "visible", "visibility")
        for seen in (1, 2)
    ],
    ("CSV with a point twice in a picture", "`keypoints`"): [
        points(f"{WORDS}a,nose,3,4.5\na,{again}\n") for again in ("nose,5,5", "0,3,4.5", "nose,,")
    ],
    ("CSV with semicolons and decimal commas, or tabs", "`keypoints`"): [
        points(f"{WORDS}a,nose,3,4.5\n".replace(",", ";").replace(".", ",")),
        points(f"{WORDS}a,nose,3,4.5\n".replace(",", "\t")),
        points(f"{WORDS}a,nose,3,4.5\n".replace(",", ";")),
    ],
    ("CSV or list with CRLF and a byte order mark", "any"): [
        points(f"\ufeff{WORDS}a.png,nose,3,4.5\n".replace("\n", "\r\n")),
        Case({"m/{}.png": CLASSES, "v.txt": "\ufeffa.png\r\nb\r\n".encode()}, CLASSES, semseg(3), val="v.txt"),
    ],
    ("CSV with 1.0, -1, 255 or empty classes", "`classification`"): [
        kinds(f"id,class\na,{word}\n", label)
        for word, label in {"1": 1, "1.0": 1, "y": 1, "0": 0, "-1": 255, "-1.0": 255, "255": 255, "": 255}.items()
    ],
    ("CSV with a picture twice", "`classification`"): [
        kinds(f"id,class\na,{one}\na.png,{other}\n", None) for one, other in (("x", "x"), ("x", "y"), ("", "x"))
    ],
    ("a list with a picture twice, `a` and `a.png`", "`val`"): [
        Case({"m/{}.png": CLASSES, "v.txt": b"a\na.png\n"}, None, semseg(3), val="v.txt"),
    ],
}  # fmt: skip


def rows() -> dict[tuple[str, str], str]:
    """Return the rows of the page's table: what happens, by the first two columns."""
    text = PAGE.read_text().split("## What tools write", 1)[1].split("\n## ", 1)[0]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    return {(files, kind): result for files, kind, result in cells[2:]}


def test_every_row_has_cases_and_every_case_a_row() -> None:
    assert list(rows()) == list(CASES)
    assert {result.split(":")[0] for result in rows().values()} == {"works", "refused"}


@pytest.mark.parametrize("row", CASES, ids=" as ".join)
def test_what_the_page_says_is_what_happens(tmp_path: Path, row: tuple[str, str]) -> None:
    result = rows()[row]
    for number, case in enumerate(CASES[row]):
        root = made(tmp_path / str(number), case)
        try:
            problems = described(root, case)
        except DataError as error:
            problems = [str(error)]
        if result.startswith("refused"):
            (words,) = re.findall('"(.*?)"', result)
            assert problems, number
            assert all("\n" not in line for line in problems)
            assert words in problems[0], (number, problems[0])
        else:
            assert problems == [], number
            as_expected(root, case)


def made(root: Path, case: Case) -> Path:
    """Write the folder of a case, with plain pictures where it has none."""
    files = {"images/{}.png": RGB, **case.files}
    if any(name.startswith("images/{}") for name in case.files):
        del files["images/{}.png"]
        files |= case.files
    for name, value in files.items():
        for each in NAMES if "{}" in name else [""]:
            write(root / name.format(each), value)
    return root


def described(root: Path, case: Case) -> list[str]:
    """Draft a dataset.yaml, or write it by hand, and return what `fedhca data check` would say is wrong."""
    if case.tasks is None:
        text = draft_description(root)
        assert not re.search("^ *missing:", text, re.MULTILINE)
        for old, new in case.correct.items():
            assert old in text
            assert new in text  # the comment says so
            text = text.replace(old, new)
        (root / "dataset.yaml").write_text(text)
    else:
        own.describe(root, {"tasks": case.tasks, "val": case.val})
    return survey_source({split: Folder(root, split) for split in ("train", "val")}).problems


def as_expected(root: Path, case: Case) -> None:
    """Check what picture a is read as, and its label."""
    for folder in (Folder(root, split) for split in ("train", "val")):
        (task,) = folder.tasks
        for index in range(len(folder)):
            if folder.identifier(index)[0] != "a":
                continue
            sample = folder.read(index, [task])
            if case.image is not None:
                np.testing.assert_array_equal(sample["image"], case.image)
            if case.label is not None:
                np.testing.assert_allclose(sample[task], case.label, atol=1 / 127)
            return
    pytest.fail("there is no picture a")
