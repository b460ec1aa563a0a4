"""Colours drawn at random around a hue, and skins made of them."""

from colorsys import hsv_to_rgb

from fedhca.data.synthetic.chance import Chance
from fedhca.data.synthetic.scene_canvas import Colour, Skin

Range = tuple[float, float]


def tint(chance: Chance, hue: Range = (0.0, 1.0), saturation: Range = (0.4, 0.9), value: Range = (0.5, 0.95)) -> Colour:
    """Return a colour with hue, saturation and value drawn from ranges; the hue goes round at 1."""
    drawn_hue, drawn_saturation, drawn_value = chance.each(hue, saturation, value)
    return hsv_to_rgb(drawn_hue % 1.0, drawn_saturation, drawn_value)


def grey(chance: Chance, low: float, high: float, saturation: float = 0.2) -> Colour:
    """Return a colour that is nearly grey, of a value between `low` and `high`."""
    return tint(chance, (0.0, 1.0), (0.0, saturation), (low, high))


def wooden(chance: Chance) -> Colour:
    """Return a brown."""
    return tint(chance, (0.02, 0.11), (0.35, 0.75), (0.3, 0.75))


def green(chance: Chance) -> Colour:
    """Return the green of leaves."""
    return tint(chance, (0.17, 0.42), (0.4, 0.85), (0.3, 0.7))


def times(colour: Colour, factor: float) -> Colour:
    """Return the colour made darker or, up to white, lighter."""
    return (min(colour[0] * factor, 1.0), min(colour[1] * factor, 1.0), min(colour[2] * factor, 1.0))


def patterned(chance: Chance, colour: Colour, tiles: tuple[str, ...], scale: float) -> Skin:
    """Return a skin of a colour and a lighter or darker one, mixed by one of `tiles`."""
    return Skin(colour, times(colour, chance.pick((0.55, 0.7, 1.25))), chance.pick(tiles), scale)


def plain_colour(colour: Colour, factor: float = 0.8) -> Skin:
    """Return a skin of one colour, faintly mottled."""
    return Skin(colour, times(colour, factor))
