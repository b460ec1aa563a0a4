import subprocess
import sys

import numpy as np

from fedhca.compiled import compiled

SOURCE = """
def total(values):
    sum = 0
    for value in values:
        sum += value
    return sum
"""


def test_a_function_that_cannot_be_kept_is_compiled_all_the_same() -> None:
    names: dict = {}
    exec(compile(SOURCE, "<nowhere>", "exec"), names)  # no file, so there is no place for a cache either
    assert compiled(names["total"])(np.arange(5)) == 10


def test_nothing_is_compiled_before_edges_are_measured() -> None:
    lines = "import sys, fedhca.tasks, fedhca.server, fedhca.cli, fedhca.edge_detection; print('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", lines], capture_output=True, text=True, timeout=300, check=True)
    assert done.stdout.strip() == "False"
