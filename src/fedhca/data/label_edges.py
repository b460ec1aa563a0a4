"""Edges from a label map: where its classes change."""

import cv2
import numpy as np
from jaxtyping import Integer, UInt8

from fedhca import edge_detection


def edges_of_labels(labels: Integer[np.ndarray, "y x"]) -> UInt8[np.ndarray, "y x"]:
    """Return 255 on the boundaries of a label map, thinned to one pixel, and 0 elsewhere.

    A pixel is a boundary where the 3×3 Laplacian (four neighbours minus four times the pixel, mirrored at the border)
    of the class *indices* is not 0, as in the released code. Where indices happen to cancel, a boundary is missed;
    published numbers are trained on such labels. This is not the ground truth of the benchmark.
    """
    boundary = cv2.Laplacian(labels.astype(np.float64), cv2.CV_64F) != 0
    return edge_detection.thin(boundary).astype(np.uint8) * np.uint8(255)


def benchmark_edges(labels: Integer[np.ndarray, "y x"]) -> UInt8[np.ndarray, "y x"]:
    """Return 255 on the boundaries that the benchmark compares predictions with, and 0 elsewhere.

    A pixel is a boundary where it differs from its right, lower or lower right neighbour; thinned to one pixel.
    """
    return edge_detection.thin(edge_detection.boundaries_of(labels)).astype(np.uint8) * np.uint8(255)
