"""The metrics against recordings: of the released evaluators where they are at hand, of slow loops everywhere."""

import json
import math
import os
from collections.abc import Callable, Mapping
from pathlib import Path

import metrics
import numpy as np
import pytest

from fedhca.report.gain import delta_m
from fedhca.tasks import IGNORE

SHARED = Path(os.environ.get("FEDHCA_SHARED", Path(__file__).parents[3] / "shared"))
THRESHOLDS = [np.float32(t) for t in (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55)] + [
    np.float32(0.6).astype(np.float32) - np.float32(2**-24),
    *(np.float32(t) for t in (0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)),
]
SIZE = (2, 5, 6)

Arrays = dict[str, np.ndarray]


def shared(path: str) -> Path:
    if not (SHARED / path).exists():
        pytest.skip(f"no {path} in {SHARED}: set FEDHCA_SHARED to the folder of recordings")
    return SHARED / path


def test_the_recordings_of_the_released_evaluators() -> None:
    outcomes = metrics.check(shared("golden/metrics"))
    assert sum(outcome.cases for outcome in outcomes) >= 123
    assert [str(outcome) for outcome in outcomes if outcome.failed] == []
    assert [outcome.file for outcome in outcomes if outcome.skipped] == []


def test_the_paper_s_gains() -> None:
    tables = json.loads(shared("spec/paper_tables.json").read_text(encoding="utf-8"))
    tables["table3"]["columns"] = tables["table1"]["columns"]
    printed = 0
    for table in (value for name, value in tables.items() if name.startswith("table")):
        columns = table["columns"][:-1]
        rows = {
            name: dict(zip(columns, row, strict=False))
            for name, row in table.items()
            if name not in {"scenario", "columns"}
        }
        local = rows.get("local") or rows["st_local"]
        higher = {column: not column.endswith(("RMSE", "mErr")) for column in columns}
        for name, row in rows.items():
            assert delta_m(row, local, higher) == pytest.approx(table[name][-1], abs=0.01), (table["scenario"], name)
            printed += 1
    assert printed == 8 + 8 + 4 + 3 + 2


def known(rng: np.random.Generator) -> np.ndarray:
    return rng.random(SIZE) < 0.8


def pixels(batches: list[tuple[np.ndarray, np.ndarray]]) -> list[tuple[float, float]]:
    return [(p, g) for prediction, label in batches for p, g in zip(prediction.flat, label.flat, strict=True)]


def class_recording(rng: np.random.Generator) -> Arrays:
    batches = [(rng.integers(6, size=SIZE), np.where(known(rng), rng.integers(5, size=SIZE), IGNORE)) for _ in range(2)]
    counted = [(p, g) for p, g in pixels(batches) if g != IGNORE]
    tp = [sum(p == g == k for p, g in counted) for k in range(7)]
    fp = [sum(p == k != g for p, g in counted) for k in range(7)]
    fn = [sum(g == k != p for p, g in counted) for k in range(7)]
    overlap = [t / (t + a + b) if t + a + b else 0 for t, a, b in zip(tp, fp, fn, strict=True)]
    results = {"tp": np.array(tp), "fp": np.array(fp), "fn": np.array(fn), "mIoU": np.array(100 * sum(overlap) / 7)}
    return recording([(p.astype(np.uint8), g[:, None].astype(np.uint8)) for p, g in batches], results)


def saliency_recording(rng: np.random.Generator) -> Arrays:
    batches = [
        ((255 * rng.random(SIZE)).astype(np.float32), np.where(known(rng), rng.random(SIZE) < 0.4, IGNORE))
        for _ in range(2)
    ]
    counted = [(np.float32(p) / np.float32(255), g) for p, g in pixels(batches) if g != IGNORE]
    tp = [sum(p >= t and g == 1 for p, g in counted) for t in THRESHOLDS]
    predicted = [sum(p >= t for p, _ in counted) for t in THRESHOLDS]
    actual = sum(g == 1 for _, g in counted)
    scores = [
        1.3 * (t / p) * (t / actual) / (0.3 * t / p + t / actual) for t, p in zip(tp, predicted, strict=True) if t
    ]
    results = {
        "thresholds": np.array(THRESHOLDS),
        "true_positives": np.array(tp, dtype=np.float32),
        "predicted_positives": np.array(predicted, dtype=np.float32),
        "actual_positives": np.full(19, actual, dtype=np.float32),
        "maxF": np.array(100 * max(scores)),
        "mIoU": np.array(math.nan),
    }
    return recording(
        [(p, g[:, None].astype(np.uint8)) for p, g in batches], {k: np.asarray(v) for k, v in results.items()}
    )


def normals_recording(rng: np.random.Generator) -> Arrays:
    batches: list[tuple[np.ndarray, np.ndarray]] = []
    angles = []
    for _ in range(2):
        prediction, label, valid = rng.normal(size=(*SIZE, 3)), rng.normal(size=(*SIZE, 3)), known(rng)
        for a, b in zip(prediction[valid], label[valid], strict=True):
            angles.append(math.degrees(math.acos(a @ b / math.sqrt((a @ a) * (b @ b)))))
        label[~valid] = IGNORE
        seen, truth = (prediction + 1) * 255 / 2, np.moveaxis(label, -1, 1)
        batches.append((seen.astype(np.float32), truth.astype(np.float32)))
    return recording(batches, {"total": np.array(len(angles)), "mErr": np.array(sum(angles) / len(angles))})


def depth_recording(rng: np.random.Generator) -> Arrays:
    batches = [
        (
            rng.normal(2, 2, SIZE).astype(np.float32),
            np.where(known(rng), rng.uniform(0.5, 90, SIZE), 255).astype(np.float32),
        )
        for _ in range(2)
    ]
    counted = [(max(float(p), 0.0), float(g)) for p, g in pixels(batches) if 0 < g < 80]
    squares = sum((p - g) ** 2 for p, g in counted)
    results = {
        "sum_sq": np.array(squares),
        "n_valid": np.array(float(len(counted))),
        "abs_rel_sum": np.array(sum(abs(p - g) / g for p, g in counted)),
        "RMSE": np.array(math.sqrt(squares / len(counted))),
    }
    return recording([(p, g[:, None]) for p, g in batches], results)


def edge_recording(rng: np.random.Generator) -> Arrays:
    batches = [
        ((255 * rng.random(SIZE)).astype(np.float32), np.where(known(rng), rng.random(SIZE) < 0.2, IGNORE))
        for _ in range(2)
    ]
    counted = [(1 / (1 + math.exp(-p / 255)), g) for p, g in pixels(batches) if g != IGNORE]
    loss = [-0.95 * g * math.log(p) - 0.05 * (1 - g) * math.log(1 - p) for p, g in counted]
    results = {"loss": np.array(sum(loss) / len(loss))}
    return recording([(p, g[:, None].astype(np.float32)) for p, g in batches], results)


def recording(batches: list[tuple[np.ndarray, np.ndarray]], results: Mapping[str, np.ndarray]) -> Arrays:
    arrays = {f"c00_{name}": value for name, value in results.items()}
    for number, (prediction, label) in enumerate(batches):
        arrays |= {f"c00_b{number:02}_pred": prediction, f"c00_b{number:02}_gt": label}
    return arrays


def save(path: Path, arrays: Arrays) -> None:
    np.savez(path, allow_pickle=False, **arrays)


RECORDINGS: dict[str, tuple[Callable[[np.random.Generator], Arrays], str]] = {
    "classes": (class_recording, "mIoU"),
    "saliency": (saliency_recording, "maxF"),
    "normals": (normals_recording, "mErr"),
    "depth": (depth_recording, "RMSE"),
    "edge_loss": (edge_recording, "loss"),
}
each = pytest.mark.parametrize("kind", RECORDINGS)


@each
@pytest.mark.parametrize("seed", range(3))
def test_slow_loops_agree(kind: str, seed: int, tmp_path: Path) -> None:
    save(tmp_path / "any_name.npz", RECORDINGS[kind][0](np.random.default_rng(seed)))
    (outcome,) = metrics.check(tmp_path)
    assert str(outcome).startswith("ok"), outcome
    assert outcome.cases == 1


@each
def test_a_recording_with_another_metric_fails(kind: str, tmp_path: Path) -> None:
    make, metric = RECORDINGS[kind]
    arrays = make(np.random.default_rng(0))
    save(tmp_path / "wrong.npz", arrays | {f"c00_{metric}": arrays[f"c00_{metric}"] * 1.0001})
    assert metrics.main([str(tmp_path)]) == 1


def test_gains_are_checked(tmp_path: Path) -> None:
    case = {
        "tasks": [{"task": "semseg", "lower_is_better": False}, {"task": "depth", "lower_is_better": True}],
        "baseline": {"semseg": 40.0, "depth": 0.8},
        "method": {"semseg": 50.0, "depth": 0.9},
        "per_task_gain": [0.25, -0.125],
        "delta_gain_percent": 6.25,
        "delta_drop_percent": -6.25,
    }
    (tmp_path / "delta.json").write_text(json.dumps([case]))
    assert metrics.main([str(tmp_path)]) == 0
    (tmp_path / "delta.json").write_text(json.dumps([case | {"delta_gain_percent": -6.25}]))
    assert metrics.main([str(tmp_path)]) == 1


def test_a_broken_file_fails_and_does_not_hide_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "broken.npz").write_bytes(b"no archive")
    save(tmp_path / "depth.npz", depth_recording(np.random.default_rng(0)))
    save(tmp_path / "unknown.npz", {"values": np.zeros(3)})
    assert metrics.main([str(tmp_path)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" ")[0] for line in lines] == ["FAIL", "ok", "--", "2"]
    assert "no known form" in lines[2]


def test_nothing_to_check_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in ([], [str(tmp_path)], [str(tmp_path / "absent")]):
        assert metrics.main(arguments) == 2
    assert len(capsys.readouterr().out.splitlines()) == 3
