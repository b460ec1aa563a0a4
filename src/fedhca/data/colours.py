"""Colours of photographs: ImageNet's normalisation and back, and photometric distortion."""

import cv2
import numpy as np
from jaxtyping import Float32, UInt8

MEAN = np.array([0.485, 0.456, 0.406], np.float32)
DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)

_LEVELS = np.arange(256, dtype=np.float32)
_NORMALISED = ((_LEVELS[None] / 255 - MEAN[:, None]) / DEVIATION[:, None]).astype(np.float32)


def normalise(image: UInt8[np.ndarray, "y x 3"]) -> Float32[np.ndarray, "3 y x"]:
    """Return (v/255 − mean)/standard deviation of each colour channel, with ImageNet's values."""
    return np.stack([cv2.LUT(image[..., channel], _NORMALISED[channel]) for channel in range(3)])


def unnormalise(image: Float32[np.ndarray, "3 y x"]) -> UInt8[np.ndarray, "y x 3"]:
    """Return the picture that was normalised, for drawings; padding shows as ImageNet's mean colour."""
    colours = (image.transpose(1, 2, 0) * DEVIATION + MEAN) * 255
    return np.clip(np.rint(colours), 0, 255).astype(np.uint8)


def distort(image: UInt8[np.ndarray, "y x 3"], generator: np.random.Generator) -> UInt8[np.ndarray, "y x 3"]:
    """Return a picture with brightness, contrast, saturation and hue changed, each with probability ½.

    Brightness adds −32…32; contrast multiplies by 0.5…1.5, at random first or last; saturation multiplies by
    0.5…1.5; hue adds an integer −18…17 on OpenCV's circle of 180. Results are clipped and truncated to 8 bits after
    each step, as in the released code.
    """
    brightness, contrast, saturation, hue, contrast_first = generator.random(5) < 0.5
    added = generator.uniform(-32, 32) if brightness else 0.0
    contrasted = generator.uniform(0.5, 1.5) if contrast else 1.0
    saturated = generator.uniform(0.5, 1.5) if saturation else 1.0
    turned = int(generator.integers(-18, 18)) if hue else 0

    table = _linear(1.0, added)
    if contrast_first:
        table = _linear(contrasted, 0.0)[table]
    if brightness or (contrast and contrast_first):
        image = cv2.LUT(image, table)
    if saturation or hue:
        image = _change_saturation_and_hue(image, saturated, turned)
    if contrast and not contrast_first:
        image = cv2.LUT(image, _linear(contrasted, 0.0))
    return image


def _linear(factor: float, offset: float) -> UInt8[np.ndarray, "256"]:
    return np.clip(_LEVELS * np.float32(factor) + np.float32(offset), 0, 255).astype(np.uint8)


def _change_saturation_and_hue(image: UInt8[np.ndarray, "y x 3"], factor: float, turn: int) -> np.ndarray:
    same = np.arange(256, dtype=np.uint8)
    hue = ((np.arange(256) + turn) % 180).astype(np.uint8)
    table = np.stack([hue, _linear(factor, 0.0), same], axis=-1)[None]
    return cv2.cvtColor(cv2.LUT(cv2.cvtColor(image, cv2.COLOR_RGB2HSV), table), cv2.COLOR_HSV2RGB)
