"""Furniture, made of boxes, ellipsoids and poles."""

from collections.abc import Sequence
from math import pi

import numpy as np
from jaxtyping import Float

from fedhca.data.synthetic.boxes import Boxes, Ellipsoids
from fedhca.data.synthetic.capsules import Capsules
from fedhca.data.synthetic.chance import Chance
from fedhca.data.synthetic.scene_canvas import Piece, Skin
from fedhca.data.synthetic.skins import green, grey, patterned, plain_colour, times, tint, wooden
from fedhca.data.synthetic.solid import turned

Spot = tuple[float, float, float]
"""Where a thing stands: x, y and z of the middle of its foot."""


def boxes(rows: Sequence[Sequence[float | int]], spot: Spot, turn: float) -> Boxes:
    """Return boxes given as (x, y, z of the centre, half width, half height, half depth) in a thing's own axes."""
    numbers = np.array(rows)
    return Boxes.upright(numbers[:, :3] @ turned(turn) + spot, numbers[:, 3:], turn)


def dining_table(chance: Chance, label: int, spot: Spot, turn: float) -> tuple[Piece, float]:
    """Return a table, 4 legs and a top, and the height of the top."""
    width, depth, height = chance.each((0.45, 0.8), (0.3, 0.5), (0.5, 0.8))
    colour = wooden(chance) if chance.happens(0.75) else grey(chance, 0.3, 0.95)
    rows = [[0.0, height - 0.03, 0.0, width, 0.03, depth]]
    rows += [
        [x * (width - 0.06), height / 2 - 0.03, z * (depth - 0.06), 0.035, height / 2 - 0.03, 0.035]
        for x in (-1, 1)
        for z in (-1, 1)
    ]
    skins = [patterned(chance, colour, ("wood", "planks"), 1.2), *[plain_colour(times(colour, 0.8))] * 4]
    return Piece(boxes(rows, spot, turn), skins, label), height


def bed(chance: Chance, label: int, spot: Spot, turn: float) -> Piece:
    """Return a bed: frame, head board, mattress, blanket, two pillows."""
    width, length, height = chance.each((0.45, 0.8), (0.85, 1.05), (0.12, 0.2))
    wood, white = plain_colour(wooden(chance)), plain_colour(grey(chance, 0.8, 0.97))
    cloth = patterned(chance, tint(chance), ("checks", "stripes", "plain", "dots"), chance.between(0.8, 1.8))
    top = 2 * height
    rows = [
        [0, height, 0, width, height, length],
        [0, height + 0.25, -length - 0.03, width, height + 0.25, 0.04],
        [0, top + 0.09, 0, width - 0.02, 0.09, length - 0.02],
        [0, top + 0.1, 0.3 * length, width, 0.11, 0.7 * length],
    ]
    rows += [[x * width, top + 0.22, 0.25 - length, 0.42 * width, 0.06, 0.17] for x in (-0.48, 0.48)]
    return Piece(boxes(rows, spot, turn), [wood, wood, white, cloth, white, white], label)


def cabinet(chance: Chance, label: int, spot: Spot, turn: float) -> tuple[Piece, float]:
    """Return a cabinet with two doors or some drawers, and its height."""
    width, height, depth = chance.each((0.3, 0.65), (0.35, 1.0), (0.2, 0.3))
    colour = tint(chance, (0.02, 0.14), (0.05, 0.6), (0.45, 0.9))
    if chance.happens(0.3):
        colour = tint(chance, saturation=(0.2, 0.5))
    front = patterned(chance, colour, ("wood", "plain"), 1.0)
    knob = plain_colour(tint(chance, (0.1, 0.15), (0.1, 0.7), (0.3, 0.8)))
    across, upright = chance.pick(((2, 1), (2, 1), (1, 2), (1, 3), (1, 4)))
    rows, skins = [[0.0, height, 0.0, width, height, depth]], [plain_colour(times(colour, 0.75))]
    for column in range(across):
        for row in range(upright):
            x, y = width * ((2 * column + 1) / across - 1), 2 * height * (row + 0.5) / upright
            rows.append([x, y, depth, width / across - 0.025, height / upright - 0.025, 0.02])
            rows.append([x * 0.25, y, depth + 0.03, 0.03, 0.02, 0.02])
            skins += [front, knob]
    return Piece(boxes(rows, spot, turn), skins, label), 2 * height


def lamp(chance: Chance, label: int, spot: Spot, height: float) -> list[Piece]:
    """Return a lamp: foot, pole and a shade that glows."""
    x, y, z = spot
    radius, glow = chance.each((0.12, 0.2), (0.35, 0.75))
    metal = plain_colour(grey(chance, 0.15, 0.5, 0.4))
    colour = tint(chance, (0.05, 0.17), (0.15, 0.6), (0.85, 1.0))
    pole = Capsules(np.array([[x, y, z]]), np.array([[x, y + height - 0.05, z]]), np.array([0.02]))
    round_parts = Ellipsoids.upright(
        np.array([[x, y + 0.02, z], [x, y + height, z]]),
        np.array([[0.7 * radius, 0.03, 0.7 * radius], [radius, 0.85 * radius, radius]]),
    )
    shade = Skin(colour, times(colour, 0.85), "stripes", 3.0, glow)
    return [Piece(pole, [metal], label), Piece(round_parts, [metal, shade], label)]


def plant(chance: Chance, label: int, spot: Spot, height: float) -> list[Piece]:
    """Return a plant: a pot, and leaves that stand out from its middle in all directions."""
    x, y, z = spot
    radius, count = 0.2 * height, chance.pick((5, 6, 7))
    pot = Ellipsoids.upright(np.array([[x, y + radius, z]]), np.full((1, 3), radius))
    leaves = _leaves(chance, np.array([x, y + 1.5 * radius, z]), height, count)
    colour = green(chance)
    leaf = Skin(colour, times(colour, 0.6), "leaves", 2.0)
    clay = patterned(chance, tint(chance, (-0.02, 0.09), (0.3, 0.8), (0.4, 0.9)), ("plain", "hoops"), 2.0)
    return [Piece(pot, [clay], label), Piece(leaves, [leaf] * count, label)]


def _leaves(chance: Chance, root: Float[np.ndarray, "3"], height: float, count: int) -> Ellipsoids:
    draws = np.array([chance.each((0.0, 0.6), (0.15, 0.75), (0.3, 0.42)) for _ in range(count)])
    turn, lean, length = draws[:, 0] + np.arange(count) * (2 * pi / count), draws[:, 1], draws[:, 2:] * height
    across, along = np.cos(turn), np.sin(turn)
    stem = np.stack([across * np.sin(lean), np.cos(lean), along * np.sin(lean)], axis=1)
    side = np.stack([-along, np.zeros(count), across], axis=1)
    face = np.stack([-across * np.cos(lean), np.sin(lean), -along * np.cos(lean)], axis=1)
    half = np.stack([stem * length, side * 0.4 * length, face * 0.12 * length], axis=1)
    return Ellipsoids(root + stem * length, half)
