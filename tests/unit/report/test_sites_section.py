from pathlib import Path

from studies import grids, recorded, section, shown, texts

LINES = [
    {
        "clients": {
            "lab-1": {"train": 10.0, "transport": 1.0, "waiting": 0.0},
            "hall": {"train": 20.0, "transport": 0.0, "waiting": None},
        },
        "missing": {"train": {"lab-2": "no reply came."}},
    },
    {
        "clients": {
            "lab-1": {"train": 20.0, "transport": 2.0, "waiting": 5.04},
            "lab-2": {"train": 7.0, "transport": 0.5, "waiting": 1.0},
        },
        "missing": {"train": {"hall": "its answer is for round 1."}, "evaluate": {"hall": "no reply came."}},
    },
]


def test_seconds_are_means_over_the_rounds_in_which_a_client_answered(tmp_path: Path) -> None:
    times, missing = grids(shown("sites", [recorded(tmp_path, "fedhca2", LINES)]))
    assert times.head == ["client", "training", "on the way", "waiting"]
    assert texts(times) == [
        (
            "fedhca2, seed 0",
            [
                ["lab-1", "15.0 s", "1.5 s", "2.5 s"],
                ["hall", "20.0 s", "0.0 s", "–"],
                ["lab-2", "7.0 s", "0.5 s", "1.0 s"],
            ],
        )
    ]
    assert missing.head == ["client", "round", "phase", "why"]
    assert texts(missing) == [
        (
            "fedhca2, seed 0",
            [
                ["lab-2", "1", "train", "no reply came."],
                ["hall", "2", "train", "its answer is for round 1."],
                ["hall", "2", "evaluate", "no reply came."],
            ],
        )
    ]


def test_where_nothing_had_a_way_to_go_only_what_is_missing_is_told(tmp_path: Path) -> None:
    near = [{"clients": {"lab-1": {"train": 1.0, "transport": 0.0, "waiting": 0.0}}}]
    assert section("sites", [recorded(tmp_path, "local", near)]) is None
    gone = [near[0] | {"missing": {"train": {"hall": "left after round 3."}}}]
    (grid,) = grids(shown("sites", [recorded(tmp_path, "fedavg", gone)]))
    assert texts(grid) == [("fedavg, seed 0", [["hall", "1", "train", "left after round 3."]])]


def test_runs_of_several_settings_bear_the_name_of_theirs(tmp_path: Path) -> None:
    entries = [recorded(tmp_path / name, "local", LINES, seed=3, setting=name) for name in ("×1", "×2")]
    times, _ = grids(shown("sites", entries))
    assert [name for name, _ in times.groups] == ["×1 local, seed 3", "×2 local, seed 3"]
