"""The face of the package: its names, and what importing it costs."""

import subprocess
import sys

import pytest

import fedhca


def test_every_name_is_there_and_sorted() -> None:
    assert sorted(fedhca.__all__) == fedhca.__all__
    for name in fedhca.__all__:
        assert getattr(fedhca, name).__name__ == name
        assert name in dir(fedhca)


def test_another_name_is_an_error_that_lists_those_there_are() -> None:
    with pytest.raises(AttributeError, match=r"nothing.*conflict_averse"):
        _ = fedhca.nothing


@pytest.mark.parametrize(
    ("imported", "absent"),
    [
        ("fedhca", ["torch", "transformers", "cv2"]),
        ("fedhca.cli", ["torch", "transformers", "cv2"]),
        ("fedhca.cli.program", ["torch", "transformers", "cv2", "numpy", "scipy", "numba", "pydantic", "ruamel"]),
        ("fedhca.config.federation", ["torch", "fedhca.aggregation", "fedhca.methods"]),
        ("fedhca.server", ["transformers", "cv2", "fedhca.data", "fedhca.models", "fedhca.tasks"]),
        ("fedhca.aggregation", ["transformers", "cv2", "fedhca.models", "fedhca.wire.messages"]),
    ],
)
def test_what_is_not_needed_is_not_loaded(imported: str, absent: list[str]) -> None:
    code = f"import sys, {imported}; print([name for name in {absent} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
