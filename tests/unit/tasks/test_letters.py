"""Names are drawn in letters, of whatever script; boxes would look alike."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from fedhca.tasks.on_picture import NO_LETTER, font_for


def drawn(letter: str, text: str) -> bytes:
    """Return a letter as it looks within a text."""
    page = Image.new("L", (40, 40), 255)
    ImageDraw.Draw(page).text((5, 5), letter, font=font_for(text, 20.0), fill=0)
    return np.array(page).tobytes()


@pytest.mark.parametrize("text", ["Straße", "Žluťoučký kůň", "Øresund", "naïve café", "Привет", "Ελλάδα", "e\u0301"])
def test_every_letter_is_there(text: str) -> None:
    letters = sorted({*text.replace(" ", "")})
    box = drawn(NO_LETTER, text)
    assert all(drawn(letter, text) != box for letter in letters)
    assert len({drawn(letter, text) for letter in letters}) == len(letters)


def test_plain_letters_stay_in_the_plain_font() -> None:
    assert font_for("room 12_a", 13.0).getname() == font_for("", 13.0).getname()  # type: ignore[union-attr]
    assert font_for("Tür", 13.0).getname() != font_for("", 13.0).getname()  # type: ignore[union-attr]


def test_letters_that_no_font_has_stop_nothing() -> None:
    assert drawn(NO_LETTER, f"a{NO_LETTER}")
