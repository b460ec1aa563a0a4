"""What hangs on walls: windows, doors, pictures; each stands at `spot` on the floor line, its back to the wall."""

from fedhca.data.synthetic.canvas import Piece, Skin
from fedhca.data.synthetic.chance import Chance
from fedhca.data.synthetic.furniture import Spot, boxes
from fedhca.data.synthetic.palette import grey, patterned, plain, times, tint


def window(chance: Chance, label: int, spot: Spot, turn: float) -> Piece:
    """Return a window: a frame and one to three panes through which the sky shines."""
    width, height, middle = chance.each((0.4, 0.8), (0.4, 0.65), (1.35, 1.55))
    panes = chance.pick((1, 2, 3))
    sky = tint(chance, (0.5, 0.65), (0.1, 0.5), (0.75, 1.0))
    glass = Skin(sky, (0.97, 0.98, 1.0), "cloud", 0.4, 0.85)
    rows = [[0.0, middle, 0.0, width, height, 0.03]]
    for pane in range(panes):
        x = width * ((2 * pane + 1) / panes - 1)
        rows.append([x, middle, 0.01, width / panes - 0.05, height - 0.06, 0.03])
    return Piece(boxes(rows, spot, turn), [plain(grey(chance, 0.75, 1.0)), *[glass] * panes], label)


def door(chance: Chance, label: int, spot: Spot, turn: float) -> Piece:
    """Return a door: frame, leaf, two panels, knob."""
    width, height = chance.each((0.38, 0.48), (0.95, 1.05))
    colour = tint(chance, (0.0, 0.12), (0.1, 0.75), (0.35, 0.9))
    panel, leaf = patterned(chance, times(colour, 0.85), ("plain", "wood"), 1.0), plain(colour)
    rows = [[0, height, 0, width + 0.06, height + 0.06, 0.02], [0, height, 0, width, height, 0.035]]
    rows += [[0, y * height, 0.01, width - 0.1, 0.4 * height, 0.035] for y in (0.52, 1.48)]
    rows += [[0.82 * width, 0.95 * height, 0.06, 0.04, 0.02, 0.03]]
    knob = plain((0.75, 0.65, 0.3))
    return Piece(boxes(rows, spot, turn), [plain(grey(chance, 0.5, 0.95)), leaf, panel, panel, knob], label)


def picture(chance: Chance, label: int, spot: Spot, turn: float) -> Piece:
    """Return a picture in a frame."""
    width, height, middle = chance.each((0.22, 0.55), (0.22, 0.5), (1.4, 1.6))
    frame = plain(tint(chance, (0.02, 0.14), (0.1, 0.7), (0.15, 0.7)))
    tile = chance.pick(("abstract", "cloud", "hoops", "checks"))
    rows = [[0, middle, 0, width, height, 0.025], [0, middle, 0.01, width - 0.05, height - 0.05, 0.025]]
    return Piece(boxes(rows, spot, turn), [frame, Skin(tint(chance), tint(chance), tile, 0.9)], label)
