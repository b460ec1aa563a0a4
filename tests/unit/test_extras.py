"""What comes with extras: named alike everywhere, and asked for with the line that mends its absence."""

import sys
import tomllib
from pathlib import Path

import pytest

from fedhca.engines.engine import ENGINES, engine_named
from fedhca.errors import FedhcaError
from fedhca.extras import EXTRAS, require_extra

TOOLS = {"dev", "docs"}
"""Extras of those who work on the package."""


def test_every_extra_is_one_of_the_package_s_and_every_one_of_these_has_a_line() -> None:
    found = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert set(found["optional-dependencies"]) - TOOLS == set(EXTRAS)
    assert list(EXTRAS) == sorted(EXTRAS)


@pytest.mark.parametrize("name", EXTRAS)
def test_a_missing_one_says_its_pip_line(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    package = EXTRAS[name].packages[0]
    for each in EXTRAS[name].packages:
        monkeypatch.setitem(sys.modules, each, None)  # as if it were not installed
    with pytest.raises(FedhcaError) as error:
        require_extra(name, "It")
    assert str(error.value) == f"It needs the package {package}. Found none. Install it: pip install 'fedhca[{name}]'"


@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_asks_for_its_own(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in EXTRAS[name].packages:
        monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(FedhcaError, match=rf"A federation over {name} needs .* pip install 'fedhca\[{name}\]'"):
        engine_named(name)
