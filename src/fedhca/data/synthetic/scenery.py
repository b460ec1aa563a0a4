"""What stands about in the open: trees, hills, huts, balls."""

from math import pi

import numpy as np

from fedhca.data.synthetic.boxes import Ellipsoids
from fedhca.data.synthetic.capsules import Capsules
from fedhca.data.synthetic.chance import Chance
from fedhca.data.synthetic.furniture import boxes
from fedhca.data.synthetic.scene_canvas import Piece, Skin
from fedhca.data.synthetic.skins import green, patterned, plain_colour, times, tint


def tree(chance: Chance, label: int, x: float, z: float) -> list[Piece]:
    """Return a tree: a trunk, and a crown that is round or tapers."""
    height = chance.between(2.5, 5.5)
    bark = plain_colour(tint(chance, (0.04, 0.1), (0.3, 0.7), (0.2, 0.5)), 0.5)
    trunk = Capsules(np.array([[x, 0, z]]), np.array([[x, 0.6 * height, z]]), np.array([0.035 * height]))
    rows = _fir() if chance.happens(0.35) else _crown(chance)
    crown = np.array(rows) * height
    solid = Ellipsoids.upright(crown[:, :3] + (x, 0, z), crown[:, [3, 4, 3]])
    colour = green(chance)
    leaf = Skin(colour, times(colour, 0.45), "leaves", 0.45)
    return [Piece(trunk, [bark], label), Piece(solid, [leaf] * len(rows), label)]


def _fir() -> list[list[float]]:
    """Return tiers: x, y, z, radius and half height, for a tree of height 1."""
    return [[0.0, level, 0.0, 0.36 * (1.1 - level), 0.13] for level in (0.35, 0.55, 0.75, 0.95)]


def _crown(chance: Chance) -> list[list[float]]:
    """Return balls: x, y, z, radius and half height, for a tree of height 1."""
    rows = [[0.0, 0.72, 0.0, 0.2, 0.17]]
    for _ in range(4):
        x, y, z, radius = chance.each((-0.18, 0.18), (0.5, 0.9), (-0.18, 0.18), (0.13, 0.22))
        rows.append([x, y, z, radius, 0.85 * radius])
    return rows


def hills(chance: Chance, label: int) -> Piece:
    """Return a few hills along the horizon, bluer than the grass."""
    ranges = ((-40.0, 40.0), (-3.0, 0.0), (-75.0, -45.0), (16.0, 34.0), (6.0, 15.0), (10.0, 20.0))
    rows = np.array([chance.each(*ranges) for _ in range(chance.pick((2, 3, 4)))])
    colour = tint(chance, (0.22, 0.58), (0.2, 0.5), (0.35, 0.7))
    skins = [Skin(times(colour, shade), times(colour, shade * 0.7), "cloud", 0.04) for shade in (0.8, 0.9, 1.0, 1.1)]
    return Piece(Ellipsoids.upright(rows[:, :3], rows[:, 3:]), skins[: len(rows)], label)


def hut(chance: Chance, label: int, x: float, z: float) -> Piece:
    """Return a hut: walls, a flat roof that juts out, a chimney, a door, a window."""
    width, height, depth = chance.each((1.0, 2.2), (0.9, 1.5), (1.0, 1.6))
    wall = patterned(chance, tint(chance, (0.0, 0.15), (0.1, 0.65), (0.5, 0.95)), ("bricks", "planks", "plain"), 0.6)
    roof = patterned(chance, tint(chance, (-0.04, 0.07), (0.3, 0.75), (0.25, 0.6)), ("bricks", "plain"), 0.8)
    dark = plain_colour(tint(chance, (0.5, 0.65), (0.1, 0.4), (0.12, 0.35)))
    rows = [
        [0, height, 0, width, height, depth],
        [0, 2 * height + 0.1, 0, width + 0.25, 0.14, depth + 0.25],
        [0.5 * width, 2 * height + 0.4, 0, 0.15, 0.4, 0.15],
        [-0.35 * width, 0.65 * height, depth, 0.22 * width, 0.65 * height, 0.04],
        [0.4 * width, 1.15 * height, depth, 0.25 * width, 0.3 * height, 0.03],
    ]
    solid = boxes(rows, (x, 0.0, z), chance.between(-0.5, 0.5))
    return Piece(solid, [wall, roof, roof, plain_colour(tint(chance)), dark], label)


def ball(chance: Chance, label: int, x: float, z: float) -> Piece:
    """Return a ball in two colours, on the ground or in the air."""
    radius, turn = chance.each((0.12, 0.4), (0.0, pi))
    height = radius + (chance.between(0.3, 1.5) if chance.happens(0.3) else 0.0)
    tile = chance.pick(("stripes", "hoops", "checks", "dots", "plain"))
    skin = Skin(tint(chance, saturation=(0.6, 1.0)), tint(chance, value=(0.7, 1.0)), tile, 0.24 / radius)
    return Piece(Ellipsoids.upright(np.array([[x, height, z]]), np.full((1, 3), radius), turn), [skin], label)
