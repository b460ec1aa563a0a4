from pathlib import Path

from fedhca.experiment.places import ELSEWHERE, without_places


def test_places_are_not_shown() -> None:
    recipe = {
        "seed": 0,
        "size": (1, 2),
        "data": {"root": Path("x"), "kind": "nyud"},
        "model": ["/a/model", "swin", "~/b"],
    }
    assert without_places(recipe) == {
        "seed": 0,
        "size": [1, 2],
        "data": {"root": ELSEWHERE, "kind": "nyud"},
        "model": [ELSEWHERE, "swin", ELSEWHERE],
    }
