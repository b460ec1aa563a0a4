"""Replay recorded evaluations through the package: `python tests/golden/metrics.py DIR`.

Reads every .npz and .json of DIR, tells by its keys what it holds, and prints one line a file: cases, the largest
deviation of every quantity with its tolerance in brackets, ok or FAIL. Exit code 1 if a file fails, 2 if DIR holds
nothing to check. Tolerances are as wide as the float32 sums of the recorded meters need; counts are exact.
"""

import json
import math
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import add
from pathlib import Path
from typing import TypeVar

import edge_recordings
import numpy as np
import torch
from torch import Tensor

from fedhca.report.gain import delta_m, per_task_gain
from fedhca.tasks import IGNORE, Depth, Edges, HumanParts, Saliency, SemanticSegmentation, SurfaceNormals, Task
from fedhca.tasks.stats import THRESHOLDS, Stat, ThresholdCounts

Deviation = tuple[str, float, float]
"""A quantity, how far it is from the recording, and how far it may be."""
Arrays = Mapping[str, np.ndarray]
Some = TypeVar("Some", bound=Stat)


@dataclass(frozen=True)
class Case:
    batches: list[Arrays]
    results: Arrays

    def merged(self, measure: Callable[[Arrays], Some]) -> Some:
        return reduce(add, map(measure, self.batches))

    def tensors(self, name: str) -> list[Tensor]:
        return [torch.from_numpy(batch[name]) for batch in self.batches]


@dataclass(frozen=True)
class Outcome:
    file: str
    cases: int = 0
    deviations: tuple[Deviation, ...] = ()
    skipped: str = ""
    broken: str = ""

    @property
    def failed(self) -> bool:
        return bool(self.broken) or any(not found <= allowed for _, found, allowed in self.deviations)

    def __str__(self) -> str:
        if self.skipped:
            return f"--    {self.file}: skipped: {self.skipped}"
        worst = ", ".join(f"{name} {found:.2g} ({allowed:g})" for name, found, allowed in _worst(self.deviations))
        return f"{'FAIL' if self.failed else 'ok  '}  {self.file}: {self.cases} cases; {self.broken or worst}"


def check(folder: Path) -> list[Outcome]:
    return [_check_file(path) for path in sorted(folder.iterdir()) if path.suffix in {".npz", ".json"}]


def _check_file(path: Path) -> Outcome:
    try:
        if path.suffix == ".json":
            return _check_gains(path)
        with np.load(path, allow_pickle=False) as archive:
            return _check_arrays(path.name, {key: archive[key] for key in archive.files})
    except Exception as error:  # one broken file must not hide what the others have to say
        return Outcome(path.name, broken=f"{type(error).__name__}: {error}")


def _check_arrays(name: str, arrays: Arrays) -> Outcome:
    cases = _cases(arrays)
    found = [(compare, case) for case in cases for key, compare in COMPARISONS.items() if key in case.results]
    if cases and len(found) == len(cases):
        return Outcome(name, len(cases), tuple(deviation for compare, case in found for deviation in compare(case)))
    outputs = [key for key in arrays if key.endswith("_output")]
    if outputs:
        return Outcome(name, len(outputs), tuple(_compare_output(arrays, key) for key in outputs))
    if edges := edge_recordings.cases(arrays):
        return Outcome(name, len(edges), tuple(edge_recordings.deviations(arrays)))
    return Outcome(name, skipped=f"no known form among the keys {sorted(arrays)[:5]}")


def _cases(arrays: Arrays) -> list[Case]:
    names = sorted({match[1] for key in arrays if (match := re.match(r"(c\d+)_", key))})
    return [
        _case({key[len(name) + 1 :]: arrays[key] for key in arrays if key.startswith(name + "_")}) for name in names
    ]


def _case(arrays: Arrays) -> Case:
    batches: dict[str, dict[str, np.ndarray]] = {}
    results = {}
    for key, value in arrays.items():
        if match := re.match(r"(b\d+)_(.+)", key):
            batches.setdefault(match[1], {})[match[2]] = value
        else:
            results[key] = value
    return Case([batches[number] for number in sorted(batches)], results)


def _compare_classes(case: Case) -> Iterator[Deviation]:
    classes = len(case.results["tp"])
    task = HumanParts() if classes == HumanParts().channels else SemanticSegmentation(channels=classes)

    def measure(batch: Arrays) -> Stat:
        sure = torch.from_numpy(batch["pred"])[:, None] == torch.arange(classes)[:, None, None]
        return task.measure(sure.float(), _long(batch["gt"]))

    total = case.merged(measure)
    matrix = vars(total)["matrix"].numpy()
    hit = matrix.diagonal()
    for name, counts in {"tp": hit, "fp": matrix.sum(0) - hit, "fn": matrix.sum(1) - hit}.items():
        yield "counts", _far(counts, case.results[name]), 0
    yield "mIoU", _metric_far(total.result(), case.results["mIoU"]), 1e-9


def _compare_saliency(case: Case) -> Iterator[Deviation]:
    def measure(batch: Arrays) -> ThresholdCounts:
        label = _long(batch["gt"])
        return ThresholdCounts.of(torch.from_numpy(batch["pred"]) / 255, label, label != IGNORE)

    total = case.merged(measure)
    yield "thresholds", _far(np.array(THRESHOLDS, dtype=np.float32), case.results["thresholds"]), 0
    for name in ("true_positives", "predicted_positives", "actual_positives"):
        yield "counts", _far(getattr(total, name).numpy(), case.results[name]), 0
    yield "maxF", _metric_far(total.result(), case.results["maxF"]), 5e-5
    pictures = [
        {key: batch[key][[i]] for key in ("pred", "gt")} for batch in case.batches for i in range(len(batch["gt"]))
    ]
    if np.isfinite(case.results["mIoU"]):  # the recorded meter divides by zero where a picture's union is empty
        overlap = torch.stack([_overlap(measure(picture)) for picture in pictures]).mean(0).max()
        yield "mIoU", _far(100 * float(overlap), case.results["mIoU"]), 5e-5


def _overlap(counts: ThresholdCounts) -> Tensor:
    hit = counts.true_positives.double()
    return hit / (counts.predicted_positives + counts.actual_positives - hit).clamp(min=1e-8)


def _compare_normals(case: Case) -> Iterator[Deviation]:
    def measure(batch: Arrays) -> Stat:
        output = 2 * torch.from_numpy(batch["pred"]).movedim(-1, 1) / 255 - 1
        return SurfaceNormals().measure(output, torch.from_numpy(batch["gt"]))

    total = case.merged(measure)
    yield "pixels", _far(vars(total)["count"].numpy(), case.results["total"]), 0
    yield "mErr", _metric_far(total.result(), case.results["mErr"]), 1e-5


def _compare_depth(case: Case) -> Iterator[Deviation]:
    def measure(batch: Arrays) -> Stat:
        return Depth().measure(torch.from_numpy(batch["pred"])[:, None], torch.from_numpy(batch["gt"])[:, 0])

    total = case.merged(measure)
    yield "pixels", _far(vars(total)["count"].numpy(), case.results["n_valid"]), 0
    yield "Σsquares/Σ", _relative(float(vars(total)["sum"]), case.results["sum_sq"]), 2e-6
    yield "RMSE/RMSE", _relative(total.result(), case.results["RMSE"]), 2e-6
    yield "Σabs_rel/Σ", _relative(sum(map(_relative_errors, case.batches)), case.results["abs_rel_sum"]), 2e-6


def _relative_errors(batch: Arrays) -> float:
    label, prediction = batch["gt"][:, 0].astype(np.float64), batch["pred"].clip(min=0).astype(np.float64)
    valid = (label > 0) & (label < 80)
    return float((np.abs(prediction - label)[valid] / label[valid]).sum())


def _compare_edge_loss(case: Case) -> Iterator[Deviation]:
    def weighted(batch: Arrays) -> Tensor:
        # The recorded meter took the probability for the logit. Only this check repeats the slip.
        slip, label = torch.from_numpy(batch["pred"])[:, None] / 255, torch.from_numpy(batch["gt"])[:, 0]
        pixels = (label != IGNORE).sum()
        return torch.stack([Edges().loss(slip, label).double() * pixels, pixels])

    loss, pixels = torch.stack([*map(weighted, case.batches)]).sum(0)
    yield "loss with the slip", _metric_far(float(loss / pixels), case.results["loss"]), 1e-6


COMPARISONS: Mapping[str, Callable[[Case], Iterator[Deviation]]] = {
    "tp": _compare_classes,
    "maxF": _compare_saliency,
    "mErr": _compare_normals,
    "RMSE": _compare_depth,
    "loss": _compare_edge_loss,
}
"""By the result that only this kind of case has."""


def _compare_output(arrays: Arrays, key: str) -> Deviation:
    name = key.removesuffix("_output")
    logits = torch.from_numpy(arrays[f"{name}_logits"])
    prediction = _task(name, logits.shape[1]).predict(logits)
    if name == "normals":
        prediction = (prediction.movedim(1, -1) + 1) * 255 / 2
    if name in {"sal", "edge"}:
        prediction = prediction * 255
    return name, _far(prediction.numpy(), arrays[key]), 0 if name in {"semseg", "human_parts"} else 1e-4


def _task(name: str, channels: int) -> Task:
    tasks: list[Task] = [HumanParts(), Saliency(), SurfaceNormals(), Edges(), Depth()]
    return {task.name: task for task in [SemanticSegmentation(channels=channels), *tasks]}[name]


def _check_gains(path: Path) -> Outcome:
    content = json.loads(path.read_text(encoding="utf-8"))
    cases = content if isinstance(content, list) else [content]
    if not all(isinstance(case, dict) and {"baseline", "method", "tasks"} <= case.keys() for case in cases):
        return Outcome(path.name, skipped="no known form")
    return Outcome(path.name, len(cases), tuple(deviation for case in cases for deviation in _compare_gains(case)))


def _compare_gains(case: dict) -> Iterator[Deviation]:
    direction = {entry["task"]: not entry["lower_is_better"] for entry in case["tasks"]}
    gains = per_task_gain(case["method"], case["baseline"], direction)
    yield "gains", _far(np.array([gains[task] for task in direction]), np.array(case["per_task_gain"])), 1e-12
    total = delta_m(case["method"], case["baseline"], direction)
    yield "Δm", _far(total, case["delta_gain_percent"]), 1e-9
    yield "Δm", _far(-total, case["delta_drop_percent"]), 1e-9


def _long(labels: np.ndarray) -> Tensor:
    return torch.from_numpy(labels)[:, 0].long()


def _far(ours: np.ndarray | float, recorded: np.ndarray | float) -> float:
    return float(np.abs(np.asarray(ours, dtype=np.float64) - recorded).max())


def _metric_far(ours: float, recorded: np.ndarray) -> float:
    # Nothing to measure: NaN here, 0 or NaN in the recorded meters.
    return 0.0 if math.isnan(ours) and (recorded == 0 or np.isnan(recorded)) else _far(ours, recorded)


def _relative(ours: float, recorded: np.ndarray) -> float:
    return _metric_far(ours, recorded) / max(abs(float(np.nan_to_num(recorded))), 1e-12)


def _worst(deviations: tuple[Deviation, ...]) -> list[Deviation]:
    # A NaN is no number to take the maximum of: it is worse than any.
    key = {name: allowed for name, _, allowed in deviations}
    found = {
        name: max(math.inf if math.isnan(far) else far for other, far, _ in deviations if other == name) for name in key
    }
    return [(name, found[name], key[name]) for name in key]


def main(arguments: list[str]) -> int:
    folder = Path(arguments[0]) if len(arguments) == 1 else None
    if folder is None or not folder.is_dir():
        print("Expected the folder of the recordings. Found " + (f"no folder {folder}." if folder else f"{arguments}."))
        return 2
    outcomes = check(folder)
    for outcome in outcomes:
        print(outcome)
    checked = [outcome for outcome in outcomes if not outcome.skipped]
    failed = sum(outcome.failed for outcome in checked)
    if not checked:
        print(f"Expected recordings (.npz, .json) in {folder}. Found none to check among {len(outcomes)} files.")
        return 2
    cases, skipped = sum(outcome.cases for outcome in checked), len(outcomes) - len(checked)
    print(f"{len(checked)} files, {cases} cases: {failed} failed, {len(checked) - failed} ok; {skipped} files skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
