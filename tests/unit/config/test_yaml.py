from pathlib import Path

import pytest

from fedhca.config.yaml import parse_yaml, read_yaml
from fedhca.errors import RecipeError


def test_what_anchors_share_is_read() -> None:
    assert parse_yaml("a: &x [1, {b: 2}]\nc: [*x, *x]\n") == {"a": [1, {"b": 2}], "c": [[1, {"b": 2}]] * 2}


def test_a_merge_key_is_refused_with_its_line_and_a_word_is_none(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("a: &a {k: 1}\nb:\n  <<: *a\n")
    with pytest.raises(RecipeError) as caught:
        read_yaml(path)
    assert str(caught.value).startswith(f"Recipe '{path}', line 3: merge keys (<<) are not read; write the keys out.")
    assert parse_yaml("'<<': 1") == {"<<": 1}


@pytest.mark.parametrize("text", ["\ufeffrounds: 3\r\nseed: 4\r\n", "rounds: 3\nseed: 4\n" + "#" * 999_000])
def test_marks_and_ends_of_lines_of_other_systems_and_long_files_are_read(tmp_path: Path, text: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_bytes(text.encode())
    assert read_yaml(path) == {"rounds": 3, "seed": 4}


def test_a_text_that_is_shared_counts_for_its_length() -> None:
    with pytest.raises(ValueError, match="unfolds to more than 100000 values"):
        parse_yaml(f"a: &a {'x' * 10_000}\nb: [{'*a, ' * 1000}]\n")
    assert len(parse_yaml(f"a: [{'x, ' * 30_000}]\n")["a"]) == 30_000


@pytest.mark.parametrize("text", [r'a: "x\0y"', r'a: "\e[2J"', r'"\a": 1', r'a: [{b: "\x9b"}]'])
def test_a_control_code_is_refused_and_an_end_of_line_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="it has a control code, in "):
        parse_yaml(text)
    assert parse_yaml('a: "x\\ty\\nz"\n') == {"a": "x\ty\nz"}
