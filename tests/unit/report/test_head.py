"""The head of the page: the finding, the facts, and what is not as it should be."""

from pathlib import Path

from studies import measured, recorded

from fedhca.experiment.compare import Entry
from fedhca.report.study import Study
from fedhca.report.summary import facts, finding, notices

FAMILIES = {
    "encoder": [{"clients": ["lab-1", "lab-2"], "unlike": ""}, {"clients": ["hall"], "unlike": "it is longer"}],
}


def study(out: Path, setting: str = "") -> list[Entry]:
    """FedAvg is 10 % worse in each metric on every seed; Δm of FedHCA² is 13.33, 16.67 and 15."""
    numbers = (("local", 50.0, None, 40.0), ("fedavg", 45.0, 1.1, 36.0), ("fedhca2", 55.0, None, 44.0))
    depths = {"local": (1.0,) * 3, "fedavg": (1.1,) * 3, "fedhca2": (0.8, 0.7, 0.75)}
    return [
        recorded(
            out / setting,
            method,
            [{"metrics": measured(sal, depths[method][seed], semseg), "seconds": {"train": 40.0, "evaluate": 0.5}}] * 2,
            seed=seed,
            setting=setting,
        )
        for seed in (0, 1, 2)
        for method, sal, _, semseg in numbers
    ]


def test_the_finding_is_the_highest_mean_gain(tmp_path: Path) -> None:
    assert finding(Study.of(study(tmp_path))) == [
        "Highest mean Δm beside local: fedhca2 +15.00\xa0±\xa01.67\xa0%. "
        "Against local: better: fedhca2; worse: fedavg.",
        "Groups of equal clients: fedhca2+alpha=0+beta=0+hyper_learning_rate=0 was not run; "
        "so what they alone give is not known.",
    ]


def test_each_setting_has_its_finding(tmp_path: Path) -> None:
    entries = [*study(tmp_path, "×1"), *study(tmp_path, "×2")]
    found = finding(Study.of(entries))
    assert [words.split(":")[0] for words in found] == ["×1", "×1", "×2", "×2"]
    assert found[2].startswith("×2: highest mean Δm beside local: fedhca2 +15.00")


def test_of_equal_gains_that_of_the_paper_is_named(tmp_path: Path) -> None:
    same = [{"metrics": measured(55, 0.9, 44)}]
    entries = [recorded(tmp_path, "local", [{"metrics": measured(50, 1.0, 40)}])]
    entries += [recorded(tmp_path, method, same) for method in ("fedavg", "fedhca2", "ditto")]
    assert finding(Study.of(entries))[0].startswith("Highest mean Δm beside local: fedhca2 +10.00\xa0%.")


def test_facts_are_counted(tmp_path: Path) -> None:
    """Nine runs of two rounds of 40.5 seconds."""
    entries = study(tmp_path)
    found = dict(facts(Study.of(entries)))
    assert {name: value for name, value in found.items() if name != "written by"} == {
        "methods": "local, fedavg, fedhca2",
        "seeds": "0, 1, 2",
        "rounds": "2",
        "clients": "3",
        "data sets": "rooms, figures",
        "runs": "9, 0:12:09 in all",
    }


def test_what_differs_between_settings_is_said_with_a_stroke(tmp_path: Path) -> None:
    one = "clients=[{name: hall, dataset: rooms, tasks: [depth, semseg]}]"
    entries = [
        recorded(tmp_path / "a", "local", [{"losses": {}}] * 3, setting="a"),
        recorded(tmp_path / "b", "local", [{"losses": {}, "families": FAMILIES}], setting="b", changes=[one]),
    ]
    found = dict(facts(Study.of(entries)))
    assert (found["settings"], found["rounds"], found["clients"]) == ("a, b", "3 / 1", "3 / 1")
    assert found["architectures"] == (
        "Encoders are of 2 architectures, each mixed within its own: lab-1, lab-2; "
        "hall, who hears nobody else (it is longer)."
    )


def test_runs_out_of_the_means_are_named(tmp_path: Path) -> None:
    entries = study(tmp_path)[:-1]
    entries.append(recorded(tmp_path / "more", "fedavg", [{"metrics": measured(1, 1, 1)}], seed=4, rounds=3))
    (_, unfinished), (_, apart) = notices(Study.of(entries))
    assert unfinished == ["fedavg seed 4 (1 of 3 rounds)"]
    assert apart == ["local seed 2", "fedavg seed 2"]
