"""Animals made of capsules: dogs, sheep, horses and what lies between."""

from math import cos, pi, sin

import numpy as np

from fedhca.data.synthetic.canvas import Piece, Skin
from fedhca.data.synthetic.chance import Chance
from fedhca.data.synthetic.palette import patterned, plain, times, tint
from fedhca.data.synthetic.people import placed


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
    dark = plain(times(colour, chance.pick((0.35, 0.8, 1.0))))
    head = fur if chance.happens(0.6) else dark
    return [fur, fur, head, fur, dark, dark] + [dark if chance.happens(0.5) else fur] * 4
