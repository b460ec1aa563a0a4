import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedhca import errors
from fedhca.errors import FedhcaError, printable, unknown

TREE = {
    "RecipeError": ValueError,
    "DataError": ValueError,
    "LayoutError": ValueError,
    "ClientError": RuntimeError,
    "MissingReplyError": RuntimeError,
    "GoneError": ConnectionError,
    "RunFolderError": OSError,
    "ModelFolderError": OSError,
}


def test_the_tree_is_the_one_that_is_drawn() -> None:
    found = {name: kind for name, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, FedhcaError)}
    assert found.keys() == {"FedhcaError", *TREE}
    assert all(f" {name} " in (errors.__doc__ or "") for name in found)


@pytest.mark.parametrize("name", TREE)
def test_every_error_is_one_of_ours_and_one_of_python_s(name: str) -> None:
    kind = getattr(errors, name)
    assert issubclass(kind, FedhcaError)
    assert issubclass(kind, TREE[name])
    assert kind.__doc__
    assert str(kind("one line")) == "one line"


@pytest.mark.parametrize(
    ("found", "known", "line"),
    [
        ("fedavgg", ["local", "fedavg"], "Unknown method 'fedavgg': did you mean 'fedavg'? Known: fedavg, local."),
        ("zebra", ["local", "fedavg"], "Unknown method 'zebra': Known: fedavg, local."),
        (3, ["local"], "Unknown method '3': Known: local."),
    ],
)
def test_an_unknown_name_is_told_the_nearest(found: object, known: list[str], line: str) -> None:
    assert unknown("method", found, known) == line


@given(st.text())
def test_what_is_printed_moves_no_cursor_and_keeps_its_letters(text: str) -> None:
    shown = printable(text)
    assert shown.isprintable()
    assert [each for each in text if each.isprintable() and each != " "] == [each for each in shown if each != " "]
