"""Recordings of the edge benchmark: which of them a file holds, and how far the package is from it.

`eNN_*` are pictures with the counts of the reference program, `pNN_*` pairs of binary maps, `tNN_*` and `sNN_*`
thinning and boundaries, `iN_*` pictures of which MATLAB's own results are known. Counts of the reference program are
those of several seeds. It finds no more pairs than there are, so an exact matching is never below it.
"""

import re
from collections.abc import Iterator, Mapping

import numpy as np

from fedhca.edge_detection import benchmark, boundaries_of, count, match, suppress, thin
from fedhca.edge_detection.scores import Scores, at_best

Deviation = tuple[str, float, float]
Arrays = Mapping[str, np.ndarray]

LARGE = 100_000
"""Pixels of a picture from which on one pair more or less is little."""


def cases(arrays: Arrays) -> list[tuple[str, Arrays]]:
    """Return the cases by name, each with what its keys hold; none if the file is of another kind."""
    names = sorted({match[1] for key in arrays if (match := re.match(r"([eipst]\d+)_", key))})
    return [
        (name, {key[len(name) + 1 :]: arrays[key] for key in arrays if key.startswith(name + "_")}) for name in names
    ]


def deviations(arrays: Arrays) -> Iterator[Deviation]:
    found = [case for _, case in cases(arrays)]
    if "matlab_eval_bdry" in arrays:
        yield from _matlab(arrays, found)
    elif "ods_F_exact" in arrays:
        yield from _set(arrays, found)
    else:
        for case in found:
            yield from _one(arrays, case)


def _one(arrays: Arrays, case: Arrays) -> Iterator[Deviation]:
    if "exact_k" in case:
        yield from _pair(case)
    elif "gts_packed" in case:
        yield from _annotators(arrays, case)
    elif "in" in case:
        yield "thinned", _unlike(thin(case["in"]), case["out"]), 0
    else:
        boundaries = boundaries_of(case["label"])
        yield "boundaries", _unlike(boundaries, case["bmap"]), 0
        yield "thinned", _unlike(thin(boundaries), case["thin"]), 0


def _pair(case: Arrays) -> Iterator[Deviation]:
    pairs = match(case["pred"], case["gt"], float(case["max_dist"]))
    yield "pairs", abs(pairs - int(case["exact_k"])), 0
    yield "pairs below reference", max(0, int(case["ref_k"].max()) - pairs), 0


def _set(arrays: Arrays, pictures: list[Arrays]) -> Iterator[Deviation]:
    """Check pictures one by one, then the scores of the set; for each distance that was recorded."""
    tolerance = 1e-3 if max(picture["raw_u8"].size for picture in pictures) > LARGE else 2e-3
    thresholds = arrays["thresholds"]
    ridges, truths = [], []
    for picture in pictures:
        ridges.append(suppress(picture["raw_u8"]))
        truths.append(thin(boundaries_of(picture["gt"])))
        yield "ridges", _unlike(ridges[-1], picture["nms_u8"]), 0
        yield "truth", _unlike(truths[-1], _unpacked(picture["gt_thin_packed"], picture["shape"])), 0
    for number, max_dist in enumerate(arrays["max_dist"]):
        found = []
        for ridge, truth, picture in zip(ridges, truths, pictures, strict=True):
            found.append(count(ridge, [truth], float(max_dist), thresholds))
            yield from _counts(found[-1], picture["ref_counts"][number], picture["exact_k"][number])
        scores = Scores(
            np.sum(found, axis=0), np.sum([at_best(each) for each in found], axis=0), thresholds, len(found)
        )
        yield "ods", abs(scores.ods - arrays["ods_F_exact"][number]), 1e-12
        yield "threshold", abs(scores.ods_threshold - arrays["ods_thr_exact"][number]), 1e-12
        yield "ods of reference", np.abs(scores.ods - arrays["ods_F_ref"][number]).max(), tolerance


def _counts(ours: np.ndarray, reference: np.ndarray, exact: np.ndarray) -> Iterator[Deviation]:
    yield "sums", _far(ours[:, [1, 3]], reference[..., [1, 3]]), 0
    yield "pairs", max(_far(ours[:, 0], exact), _far(ours[:, 2], exact)), 0
    yield "pairs below reference", float((reference[..., 0].min(0) - 3 - ours[:, 0]).max().clip(0)), 0


def _annotators(arrays: Arrays, case: Arrays) -> Iterator[Deviation]:
    truths = _unpacked(case["gts_packed"], case["shape"])
    ours = count(case["nms_u8"], list(truths), float(arrays["max_dist"]), arrays["thresholds"])
    reference = case["ref_counts"]
    yield "sums", _far(ours[:, [1, 3]], reference[..., [1, 3]]), 0
    yield "pairs below reference", float((reference[..., 0].max(0) - ours[:, 0]).max().clip(0)), 0
    # Which of the shortest matchings is found is open, and with it which pixels several annotators confirm.
    nearest = np.abs(ours[:, 2] - reference[..., 2]).min(0)
    yield "confirmed", float(nearest.max()), 2


def _matlab(arrays: Arrays, pictures: list[Arrays]) -> Iterator[Deviation]:
    truths = [_unpacked(picture["gts_packed"], picture["shape"]) for picture in pictures]
    maps = [picture["pb_u8"] for picture in pictures]
    scores = benchmark(
        maps, truths, max_dist=float(arrays["max_dist"]), suppress=False, thresholds=arrays["thresholds"]
    )
    _, recall, precision, f = arrays["matlab_eval_bdry_thr"].T
    yield "recall", _far(scores.recall, recall), 6e-4
    yield "precision", _far(scores.precision, precision), 6e-4
    yield "F", _far(scores.f, f), 4e-4
    summary = arrays["matlab_eval_bdry"]
    yield "threshold", abs(scores.ods_threshold - summary[0]), 1e-6
    for name, ours, theirs in (
        ("ods", scores.ods, summary[3]),
        ("ois", scores.ois, summary[6]),
        ("ap", scores.ap, summary[7]),
    ):
        yield name, abs(ours - theirs), 5e-4


def _unpacked(packed: np.ndarray, shape: np.ndarray) -> np.ndarray:
    return np.unpackbits(packed, axis=-1, count=int(shape[1])).astype(bool)


def _unlike(ours: np.ndarray, recorded: np.ndarray) -> float:
    return float(np.count_nonzero(ours != recorded))


def _far(ours: np.ndarray, recorded: np.ndarray) -> float:
    return float(np.abs(ours - recorded.astype(np.float64)).max())
