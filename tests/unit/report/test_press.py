import base64
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from fedhca.report.figures.lines import Curve, Panel, line_panels
from fedhca.report.figures.style import Look
from fedhca.report.figures.theme import DARK, LIGHT
from fedhca.report.render import Printed, print_figure
from fedhca.report.sections.listening import draw_listening

LINE = Curve("<fedavg> & others", [1, 2, 3], [0.10005, 0.10006, 0.10009], [0.0, 0.00001, 0.0], Look(1))
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("figures")


@pytest.fixture(scope="module")
def printed(folder: Path) -> Printed:
    draw = partial(line_panels, panels=[Panel("nyud depth", [LINE, LINE], "RMSE m ↓")])
    return print_figure(draw, folder, "curves")


def svg(uri: str) -> ElementTree.Element:
    kind, _, content = uri.partition(",")
    assert kind == "data:image/svg+xml;base64"
    return ElementTree.fromstring(base64.b64decode(content))


def words(root: ElementTree.Element) -> list[str]:
    return [node.text or "" for node in root.iter(f"{SVG}text")]


def test_every_form_says_the_same(printed: Printed) -> None:
    said = [set(words(svg(uri))) for uri in (printed.light, printed.dark, printed.narrow_light, printed.narrow_dark)]
    assert said[0] == said[1]
    assert said[2] == said[3]
    assert {"nyud depth", "RMSE m ↓", "round"} <= said[0] & said[2]


def test_numbers_along_axes_keep_their_digits(printed: Printed) -> None:
    assert "0.10008" in words(svg(printed.light))


def test_themes_have_their_surface(printed: Printed) -> None:
    for uri, theme, other in ((printed.light, LIGHT, DARK), (printed.dark, DARK, LIGHT)):
        text = ElementTree.tostring(svg(uri)).decode()
        assert theme.surface in text
        assert theme.hues[1] in text
        assert other.surface not in text
        assert other.ink not in text


def test_a_phone_gets_a_narrow_drawing(printed: Printed) -> None:
    def width(uri: str) -> float:
        return float(svg(uri).attrib["width"].removesuffix("pt"))

    assert width(printed.narrow_light) == width(printed.narrow_dark) < 260
    assert width(printed.light) > 680


def test_text_is_text_in_the_reader_s_own_font(printed: Printed) -> None:
    root = svg(printed.light)
    styles = [node for node in root.iter(f"{SVG}style") if "system-ui" in (node.text or "")]
    assert len(styles) == 1
    assert not any("font-family" in node.attrib.get("style", "") for node in root.iter())


def test_files_lie_beside_the_page(printed: Printed, folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} >= {"curves.svg", "curves.png"}
    assert "nyud depth" in words(ElementTree.parse(folder / "curves.svg").getroot())
    with Image.open(folder / "curves.png") as image:
        assert image.width == 1920
        assert image.convert("RGB").getpixel((0, 0)) == (255, 255, 255)


def test_a_heat_map_is_drawn_anew_in_the_dark(tmp_path: Path) -> None:
    draw = partial(draw_listening, matrices={"a": np.array([[0.5, 0.1], [0.2, 0.8]])}, names=["x", "y"])
    found = print_figure(draw, tmp_path, "listening", shaded=True)
    images = [next(svg(uri).iter(f"{SVG}image")).attrib for uri in (found.light, found.dark)]
    assert images[0] != images[1]


def test_the_same_numbers_give_the_same_bytes(printed: Printed, tmp_path: Path) -> None:
    draw = partial(line_panels, panels=[Panel("nyud depth", [LINE, LINE], "RMSE m ↓")])
    assert print_figure(draw, tmp_path, "curves") == printed
