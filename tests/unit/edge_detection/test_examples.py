import doctest
from importlib import import_module

import numpy as np
import pytest


@pytest.mark.parametrize("name", ["boundaries", "evaluation", "matching", "thinning"])
def test_the_example_of_a_docstring_runs(name: str) -> None:
    module = import_module(f"fedhca.edge_detection.{name}")
    done = doctest.testmod(module, extraglobs={"np": np})
    assert done.attempted
    assert not done.failed
