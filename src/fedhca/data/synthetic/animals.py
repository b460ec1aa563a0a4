"""Animals made of capsules: dogs, sheep, horses and what lies between."""

from math import pi

import numpy as np

from fedhca.data.synthetic.canvas import Piece, Skin
from fedhca.data.synthetic.chance import Chance
from fedhca.data.synthetic.palette import times, patterned, plain, tint
from fedhca.data.synthetic.people import placed


def animal(chance: Chance, label: int, x: float, z: float) -> Piece:
    """Return an animal that stands on the ground at (x, z)."""
    body, girth, leg, neck, rise = chance.each((0.3, 0.55), (0.13, 0.26), (0.25, 0.6), (0.12, 0.45), (0.2, 1.2))
    step = chance.each(*[(-0.15, 0.15)] * 4)
    stand, top = np.array([0.0, leg, 0.0]), np.array([0.0, leg + 0.6 * girth, 0.0])
    fore, hind = np.array([0.0, 0.0, body]), np.array([0.0, 0.0, -body])
    chin = top + fore + neck * np.array([0.0, np.sin(rise), np.cos(rise)]) + np.array([0.0, 0.05, 0.0])
    nose = chin + np.array([0.0, -0.07, 0.2])
    tail = top + hind + np.array([0.0, chance.between(-0.3, 0.25), -0.22])
    rows = [(top + fore, top + hind, girth), (top + fore, chin, 0.5 * girth), (chin, nose, 0.4 * girth + 0.02)]
    rows += [(top + hind, tail, 0.035)]
    rows += [(chin + [side * 0.08, 0.05, 0], chin + [side * 0.11, 0.16, -0.02], 0.035) for side in (-1, 1)]
    for number, (side, end) in enumerate([(-1, fore), (1, fore), (-1, hind), (1, hind)]):
        hip = stand + 0.9 * end + [side * 0.55 * girth, 0, 0]
        rows.append((hip, hip + [0, -leg, step[number]], 0.05 + 0.1 * girth))
    start, end, radius = (np.array(column) for column in zip(*rows, strict=True))
    solid = placed(start, end, radius, (x, 0.0, z), chance.between(-pi, pi))
    return Piece(solid, _coat(chance), label)


def _coat(chance: Chance) -> list[Skin]:
    """Return a skin for each capsule: body, neck, head, tail, ears, legs."""
    colour = tint(chance, (0.03, 0.12), (0.05, 0.7), (0.2, 0.95))
    fur = patterned(chance, colour, ("cloud", "grain", "plain", "abstract"), 1.2)
    dark = plain(times(colour, chance.pick((0.35, 0.8, 1.0))))
    head = fur if chance.happens(0.6) else dark
    return [fur, fur, head, fur, dark, dark] + [dark if chance.happens(0.5) else fur] * 4
