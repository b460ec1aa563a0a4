"""People, and animals, made of capsules, in random poses and clothes."""

from math import cos, pi, sin

import numpy as np
from jaxtyping import Float

from fedhca.data.synthetic.capsules import Capsules
from fedhca.data.synthetic.chance import Chance
from fedhca.data.synthetic.scene_canvas import Piece, Skin
from fedhca.data.synthetic.skins import patterned, plain_colour, times, tint
from fedhca.data.synthetic.solid import turned
from fedhca.tasks.human_parts import HEAD, LOWER_ARM, LOWER_LEG, TORSO, UPPER_ARM, UPPER_LEG

POINTS = ("head", "left hand", "right hand", "left foot", "right foot")
SWAPS = ((1, 2), (3, 4))
"""Points that change roles in a mirror."""
_LIMBS = (4, 17, 14, 11, 8)
"""The limbs, in the order of `_pose`, in whose middle the points are."""

Vector = Float[np.ndarray, "3"]
Limb = tuple[Vector, Vector, float, int]
"""Start, end, radius, part; in a person's own axes (left, up, forward), for a person 1.75 m tall."""


def _swung(length: float, forward: float, aside: float) -> Vector:
    """Return a bone that hangs down, swung forward and aside by angles."""
    return length * np.array([sin(aside), -cos(aside) * cos(forward), cos(aside) * sin(forward)])


def _leg(side: int, swing: float, bend: float, spread: float) -> list[Limb]:
    hip = np.array([side * 0.1, 0.0, 0.0])
    knee = hip + _swung(0.42, swing, side * spread)
    ankle = knee + _swung(0.4, swing - bend, side * spread * 0.7)
    toe = ankle + np.array([side * 0.03, -0.02, 0.15])
    return [(hip, knee, 0.085, UPPER_LEG), (knee, ankle, 0.06, LOWER_LEG), (ankle, toe, 0.05, LOWER_LEG)]


def _arm(side: int, shoulder: Vector, swing: float, bend: float, spread: float) -> list[Limb]:
    elbow = shoulder + _swung(0.27, swing, side * spread)
    wrist = elbow + _swung(0.25, swing + bend, side * spread * 0.8)
    hand = wrist + 0.4 * (wrist - elbow)
    return [(shoulder, elbow, 0.052, UPPER_ARM), (elbow, wrist, 0.042, LOWER_ARM), (wrist, hand, 0.048, LOWER_ARM)]


def _trunk(lean: float, stout: float) -> tuple[list[Limb], Vector]:
    """Return torso, neck, head and hair, and the middle of the shoulders."""
    up = np.array([0.0, cos(lean), sin(lean)])
    neck, aside, back = 0.52 * up, np.array([0.16, 0.0, 0.0]), np.array([0.0, sin(-lean), cos(lean)])
    shoulders = neck - 0.07 * up
    return [
        (0.04 * up, 0.34 * up, 0.14 * stout, TORSO),
        (shoulders - 0.75 * aside, shoulders + 0.75 * aside, 0.095, TORSO),
        (-0.4 * aside, 0.4 * aside, 0.12 * stout, TORSO),
        (neck, neck + 0.1 * up, 0.055, TORSO),
        (neck + 0.16 * up, neck + 0.22 * up, 0.095, HEAD),
        (neck + 0.22 * up - 0.02 * back, neck + 0.24 * up - 0.035 * back, 0.1, HEAD),
    ], shoulders


def _pose(chance: Chance) -> list[Limb]:
    """Return the limbs of someone who stands, walks, runs, waves or jumps."""
    energy = chance.pick((0.15, 0.5, 1.0))
    lean = chance.between(-0.05, 0.35 * energy)
    trunk, shoulders = _trunk(lean, chance.between(0.9, 1.2))
    stride = energy * chance.between(0.3, 1.0)
    bends = chance.each(*[(0.0, 1.3 * energy)] * 2)
    spreads = chance.each(*[(0.02, 0.1 + 0.25 * energy)] * 2)
    limbs = trunk + _leg(-1, stride, bends[0], spreads[0]) + _leg(1, -0.8 * stride, bends[1], spreads[1])
    for side in (-1, 1):
        swing, bend, spread = side * stride, chance.between(0.0, 1.5), chance.between(0.1, 0.5)
        if chance.happens(0.3):
            swing, spread = chance.between(-0.3, 1.8), chance.between(0.9, 2.7)
        limbs += _arm(side, shoulders + np.array([side * 0.17, 0.0, 0.0]), swing, bend, spread)
    return limbs


def _clothes(chance: Chance) -> list[Skin]:
    """Return a skin for each limb, in the order of `_pose`."""
    body = plain_colour(tint(chance, (0.03, 0.09), (0.3, 0.65), (0.35, 0.95)), 0.92)
    hair = plain_colour(tint(chance, (0.02, 0.13), (0.2, 0.8), (0.08, 0.7)), 0.7)
    shirt = patterned(chance, tint(chance), ("plain", "plain", "hoops", "stripes", "dots", "checks"), 2.2)
    trousers = plain_colour(tint(chance, saturation=(0.15, 0.7), value=(0.15, 0.7)))
    shoes = plain_colour(times(tint(chance), chance.between(0.2, 0.9)))
    calf = trousers if chance.happens(0.65) else body
    forearm = shirt if chance.happens(0.5) else body
    upper = shirt if chance.happens(0.9) else body
    trunk = [shirt, shirt, trousers, body, body, hair]
    return trunk + [trousers, calf, shoes] * 2 + [upper, forearm, body] * 2


def person(chance: Chance, label: int, x: float, z: float) -> Piece:
    """Return a person who stands on the ground at (x, z), or jumps."""
    limbs = _pose(chance)
    tall = chance.between(0.75, 1.1)
    turn = chance.between(-pi, pi)
    jump = chance.between(0.1, 0.5) if chance.happens(0.15) else 0.0
    start, end = tall * np.array([limb[0] for limb in limbs]), tall * np.array([limb[1] for limb in limbs])
    radius = tall * np.array([limb[2] for limb in limbs])
    return Piece(placed(start, end, radius, (x, jump, z), turn), _clothes(chance), label, [limb[3] for limb in limbs])


def points(solid: Capsules) -> Float[np.ndarray, "k 3"]:
    """Return where in the world the `POINTS` of a person are."""
    return (solid.start + solid.end)[list(_LIMBS)] / 2


def placed(
    start: Float[np.ndarray, "k 3"],
    end: Float[np.ndarray, "k 3"],
    radius: Float[np.ndarray, " k"],
    foot: tuple[float, float, float],
    turn: float,
) -> Capsules:
    """Return capsules turned about the vertical and put down so that the lowest touches `foot`'s height."""
    lowest = np.minimum(start[:, 1] - radius, end[:, 1] - radius).min()
    axes = turned(turn)
    shift = np.array(foot) - np.array([0.0, lowest, 0.0])
    return Capsules(start @ axes + shift, end @ axes + shift, radius)


def animal(chance: Chance, label: int, x: float, z: float) -> Piece:
    """Return an animal that stands on the ground at (x, z)."""
    body, girth, leg, neck, rise = chance.each((0.3, 0.55), (0.13, 0.26), (0.25, 0.6), (0.12, 0.45), (0.2, 1.2))
    fore, hind = np.array([0.0, leg + 0.6 * girth, body]), np.array([0.0, leg + 0.6 * girth, -body])
    chin = fore + np.array([0.0, neck * sin(rise) + 0.05, neck * cos(rise)])
    nose, tail = chin + np.array([0.0, -0.07, 0.2]), hind + np.array([0.0, chance.between(-0.3, 0.25), -0.22])
    rows = [(fore, hind, girth), (fore, chin, 0.5 * girth), (chin, nose, 0.4 * girth + 0.02), (hind, tail, 0.035)]
    for side in (-1, 1):
        rows.append((chin + np.array([side * 0.08, 0.05, 0.0]), chin + np.array([side * 0.11, 0.16, -0.02]), 0.035))
    for side, end, step in zip((-1, 1, -1, 1), (1, 1, -1, -1), chance.each(*[(-0.15, 0.15)] * 4), strict=True):
        hip = np.array([side * 0.55 * girth, leg, 0.9 * end * body])
        rows.append((hip, hip + np.array([0.0, -leg, step]), 0.05 + 0.1 * girth))
    start, stop, radius = (np.array(column) for column in zip(*rows, strict=True))
    solid = placed(start, stop, radius, (x, 0.0, z), chance.between(-pi, pi))
    return Piece(solid, _coat(chance), label)


def _coat(chance: Chance) -> list[Skin]:
    """Return a skin for each capsule: body, neck, head, tail, ears, legs."""
    colour = tint(chance, (0.03, 0.12), (0.05, 0.7), (0.2, 0.95))
    fur = patterned(chance, colour, ("cloud", "grain", "plain", "abstract"), 1.2)
    dark = plain_colour(times(colour, chance.pick((0.35, 0.8, 1.0))))
    head = fur if chance.happens(0.6) else dark
    return [fur, fur, head, fur, dark, dark] + [dark if chance.happens(0.5) else fur] * 4
