"""Samples a second and core, beside the same steps taken in turn: `python benchmarks/input_pipeline.py [--quick]`.

Folders in the layouts of NYUD-v2 (425 × 560 to 448 × 576) and PASCAL-Context (375 × 500 to 512 × 512) are painted; then
every sample is read and augmented with all labels, by turns in one process with one thread, in processor time. The
plain way is what loaders of multi-task learning do: decode, make edges and parts from the .mat files, and take float
arrays through scale, crop, flip, distortion, normalisation and padding, one after the other. Ours keeps labels that
are slow to make, and looks at the original through one window.

Both draw the same numbers: the script stops unless they show the same part of the same picture.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import folders
import numpy as np
import torch
from PIL import Image
from scipy.io import loadmat
from timing import spread

from fedhca.data.augmented import Augmented
from fedhca.data.colours import DEVIATION, MEAN
from fedhca.data.nyud import NYUDv2
from fedhca.data.part_annotations import PARTS
from fedhca.data.pascal_context import PASCALContext
from fedhca.data.window import Window, draw_window
from fedhca.edge_detection import thin

Sample = dict[str, np.ndarray]


def read_nyud(root: Path, index: int) -> Sample:
    """Read one picture and its labels as float arrays."""
    name = f"{index:04}"
    classes = np.array(Image.open(root / "segmentation" / f"{name}.png"), np.float32)
    return {
        "image": np.array(Image.open(root / "images" / f"{name}.png").convert("RGB"), np.float32),
        "semseg": np.where(classes == 0, 255, classes - 1),
        "depth": np.load(root / "depth" / f"{name}.npy").astype(np.float32),
        "normals": _normals(root / "normals" / f"{name}.png"),
        "edge": np.array(Image.open(root / "edge" / f"{name}.png"), np.float32) / 255,
    }


def read_pascal(root: Path, index: int) -> Sample:
    """Read one picture and its labels as float arrays; edges, parts and the normals' mask come from .mat files."""
    name = f"2008_{index:06}"
    image = np.array(Image.open(root / "JPEGImages" / f"{name}.jpg").convert("RGB"), np.float32)
    things = loadmat(root / "human_parts" / f"{name}.mat")["anno"][0][0]["objects"]
    parts = np.zeros(image.shape[:2], np.float32)
    for thing in things.ravel():
        for piece in thing["parts"].ravel():
            parts[piece["mask"].astype(bool)] = PARTS[str(np.ravel(piece["part_name"])[0])]
    labels = loadmat(root / "pascal-context" / "trainval" / f"{name}.mat")["LabelMap"].astype(np.float64)
    normals = _normals(root / "normals_distill" / f"{name}.png")
    normals[~np.isin(labels, (0, 1, 2))] = 255
    return {
        "image": image,
        "semseg": np.array(Image.open(root / "semseg" / "VOC12" / f"{name}.png"), np.float32),
        "human_parts": parts,
        "normals": normals,
        "edge": thin(np.abs(cv2.Laplacian(labels, cv2.CV_64F)) > 0).astype(np.float32),
        "sal": (np.array(Image.open(root / "sal_distill" / f"{name}.png"), np.float32) > 127.5).astype(np.float32),
    }


def _normals(path: Path) -> np.ndarray:
    return 2 * np.array(Image.open(path), np.float32) / 255 - 1


def augment(sample: Sample, size: tuple[int, int], draw: np.random.Generator) -> dict[str, torch.Tensor]:
    """Take every map through every step in turn."""
    shape = (sample["image"].shape[0], sample["image"].shape[1])
    window = draw_window(shape, size, draw, scale=(0.5, 2.0), flip=True, classes=sample["semseg"].astype(np.uint8))
    for step in (_scale, _crop, _flip):
        sample = {name: step(name, values, window) for name, values in sample.items()}
    depth = sample.get("depth")
    if depth is not None:
        sample["depth"] = np.where(depth == 255, 255, depth / window.scale)
    sample["image"] = _distort(sample["image"], draw)
    sample["image"] = (sample["image"] / 255 - MEAN) / DEVIATION
    parts = sample.get("human_parts")
    if parts is not None and not ((parts != 0) & (parts != 255)).any():
        sample["human_parts"] = np.full_like(parts, 255)
    finished = {name: _pad(name, values, size) for name, values in sample.items()}
    whole = ("semseg", "human_parts", "sal")
    return {name: torch.from_numpy(each).to(torch.int64 if name in whole else None) for name, each in finished.items()}


def _scale(name: str, values: np.ndarray, window: Window) -> np.ndarray:
    how = cv2.INTER_LINEAR if name == "image" else cv2.INTER_NEAREST
    return cv2.resize(values, window.scaled[::-1], interpolation=how)


def _crop(name: str, values: np.ndarray, window: Window) -> np.ndarray:
    (top, left), (height, width) = window.corner, window.shape
    return values[top : top + height, left : left + width]


def _flip(name: str, values: np.ndarray, window: Window) -> np.ndarray:
    if not window.flipped:
        return values
    mirrored = np.fliplr(values).copy()
    if name == "normals":
        mirrored[..., 0] = np.where(mirrored[..., 0] == 255, 255, -mirrored[..., 0])
    return mirrored


def _distort(image: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """Change brightness, contrast, saturation and hue; the same draws as `fedhca.data.colours.distort`."""
    brightness, contrast, saturation, hue, first = draw.random(5) < 0.5
    added = draw.uniform(-32, 32) if brightness else 0.0
    contrasted = draw.uniform(0.5, 1.5) if contrast else 1.0
    saturated = draw.uniform(0.5, 1.5) if saturation else 1.0
    turned = int(draw.integers(-18, 18)) if hue else 0
    image = np.clip(np.clip(image + added, 0, 255) * (contrasted if first else 1), 0, 255)
    if saturation or hue:
        colours = cv2.cvtColor(image.astype(np.uint8), cv2.COLOR_RGB2HSV).astype(np.float32)
        colours[..., 0] = (colours[..., 0] + turned) % 180
        colours[..., 1] = np.clip(colours[..., 1] * saturated, 0, 255)
        image = cv2.cvtColor(colours.astype(np.uint8), cv2.COLOR_HSV2RGB).astype(np.float32)
    return np.clip(image * (1 if first else contrasted), 0, 255)


def _pad(name: str, values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    down, across = size[0] - values.shape[0], size[1] - values.shape[1]
    edges = (down // 2, down - down // 2, across // 2, across - across // 2)
    fill = (0.0 if name == "image" else 255.0,) * 3
    padded = cv2.copyMakeBorder(values, *edges, cv2.BORDER_CONSTANT, value=fill).astype(np.float32)
    return np.ascontiguousarray(padded.transpose(2, 0, 1)) if padded.ndim == 3 else padded


def require_same(mine: dict[str, torch.Tensor], plain: dict[str, torch.Tensor]) -> None:
    """Stop unless both show the same; at borders they may round to another pixel."""
    if mine.keys() != plain.keys():
        raise SystemExit(f"The two ways make different maps: {sorted(mine)} and {sorted(plain)}.")
    for name, values in mine.items():
        apart = (values - plain[name]).abs()
        share = float((apart > (0.25 if name == "image" else 0.05)).double().mean())
        if values.shape != plain[name].shape or share > 0.1:
            raise SystemExit(f"The two ways should make the same `{name}`: {100 * share:.1f} % is not.")


def rate(action: Callable[[int, int], Any], count: int, turn: int) -> float:
    """Return samples a second of processor time."""
    began = time.process_time()
    for index in range(count):
        action(index, 1000 * turn + index)
    return count / (time.process_time() - began)


def main() -> None:
    """Print a table of rates."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    count, turns = (16, 3) if quick else (40, 5)
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    print(
        "| data set | labels | ours /s | plain /s | ours / plain | reading alone, ours /s | reading alone, plain /s |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        nyud, pascal = folders.nyud(root / "nyud", count), folders.pascal_context(root / "pascal", count)
        for title, source, read in (
            ("NYUD-v2", NYUDv2(nyud, "train"), lambda index: read_nyud(nyud, index)),
            ("PASCAL-Context", PASCALContext(pascal, "train", cache=root / "cache"), lambda i: read_pascal(pascal, i)),
        ):
            tasks = list(source.tasks)
            mine = Augmented(source, range(count), tasks, train=True)
            size = source.size

            def plain(index: int, seed: int, read: Any = read, size: tuple[int, int] = size) -> dict[str, torch.Tensor]:
                return augment(read(index), size, np.random.default_rng(seed))

            for index in range(count):  # and the cache is filled
                require_same(mine.sample(index, index), plain(index, index))
            ways = {
                "ours": mine.sample,
                "plain": plain,
                "read": lambda index, seed, source=source, tasks=tasks: source.read(index, tasks),
                "plain read": lambda index, seed, read=read: read(index),
            }
            found: dict[str, list[float]] = {name: [] for name in ways}
            for turn in range(turns):
                for name, way in ways.items():
                    found[name].append(rate(way, count, turn))
            ratio = [a / b for a, b in zip(found["ours"], found["plain"], strict=True)]
            cells = [spread(each) for each in (found["ours"], found["plain"], ratio, *list(found.values())[2:])]
            print(f"| {title} | {len(tasks)} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
