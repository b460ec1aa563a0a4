"""What every command does alike: help with examples that are true, JSON, quiet, verbose, bugs, completion."""

import inspect
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer

from fedhca.cli import completion, look_commands, output, program
from fedhca.cli.exit_codes import CODES
from fedhca.cli.program import COMMANDS, GROUPS, build, called, examples
from fedhca.experiment.plan import SCALES
from fedhca.experiment.recipes import load_recipe
from fedhca.methods import METHODS, make_method
from fedhca.trackers import TRACKERS
from tiny import RECIPE, Command

EVERY: dict[str, Callable[..., None]] = {called(command): command for command in COMMANDS} | {
    f"{group} {called(command, group)}": command for group, (_, commands) in GROUPS.items() for command in commands
}
EXAMPLES = [example for command in EVERY.values() for example in examples(command)]


@pytest.mark.parametrize("name", EVERY)
def test_help_has_a_description_and_examples(command: Command, name: str) -> None:
    outcome = command(*name.split(), "--help")
    assert (outcome.code, outcome.err) == (0, "")
    text = " ".join(outcome.out.split())
    assert inspect.getdoc(EVERY[name]).split("Example:")[0].split(".")[0].split("\n")[0][:40] in text  # type: ignore[union-attr]
    assert examples(EVERY[name])
    for example in examples(EVERY[name]):
        assert f"$ {example}" in text


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_in_help_is_understood(example: str) -> None:
    """Its words are taken apart as the command does it, and what they name is there."""
    words = shlex.split(example)[1:]
    group: Any = typer.main.get_command(build())
    while words and words[0] in getattr(group, "commands", {}):
        group = group.commands[words.pop(0)]
    context = group.make_context("fedhca", list(words))
    values = context.params
    recipe = values.get("recipe")
    if recipe and not recipe.endswith(".yaml") and "=" not in recipe:
        plan = load_recipe(recipe, [*(values.get("changes") or ()), *(values.get("more") or ())])
        for word in str(values.get("methods") or "").split(","):
            name, _, options = word.partition("+")
            chosen: dict[str, Any] = {
                key: float(value) for key, _, value in (each.partition("=") for each in options.split("+")) if key
            }
            assert not name or make_method(name, **chosen)
        if values.get("client"):
            assert values["client"] in {each.name for each in plan.roster}


def test_an_argument_has_its_help(command: Command) -> None:
    assert "A YAML file, or the name of an embedded" in command("run", "-h").out


def test_exit_codes_are_in_the_help_and_on_the_page(command: Command) -> None:
    page = (Path(__file__).parents[2] / "docs" / "command.md").read_text(encoding="utf-8")
    shown = " ".join(command("--help").out.split())
    for code, words in CODES.items():
        assert f"{code}: {words}" in shown
        assert re.search(rf"^\| {code} \|", page, flags=re.MULTILINE)


@pytest.mark.parametrize(
    "words",
    [
        ["ls"],
        ["check", RECIPE],
        ["experiment"],
        ["experiment", "table1", "--dry-run"],
        ["evaluate", "RUN"],
        ["resume", "RUN"],
        ["report", "RUN", "--pictures", "0", "--out", "OUT"],
        ["run", RECIPE, "rounds=1", "--out", "OUT"],
        ["compare", RECIPE, "rounds=1", "--methods", "local,fedavg", "--pictures", "0", "--out", "OUT"],
    ],
    ids=lambda words: words[0],
)
def test_json_is_one_document_alone_on_standard_output(
    command: Command, finished: Path, tmp_path: Path, words: list[Any]
) -> None:
    named = {"RUN": finished, "OUT": tmp_path / "out"}
    outcome = command(*(named.get(word, word) for word in words), "--json")
    assert outcome.code == 0
    found = json.loads(outcome.out)
    assert found
    again = command(*(named.get(word, word) for word in words), "--json", "--quiet")
    assert (again.code, again.err) == (0, "")
    assert json.loads(again.out).keys() == found.keys() if isinstance(found, dict) else True


def test_what_json_says_of_a_run(command: Command, finished: Path) -> None:
    found = json.loads(command("resume", finished, "--json").out)
    assert found["folder"] == str(finished)
    assert (found["method"], found["seed"], found["rounds"], found["finished"]) == ("fedhca2", 0, 2, True)
    semseg = found["metrics"]["clients"]["rooms-all"]["semseg"]
    assert (semseg["metric"], semseg["unit"], semseg["higher_is_better"]) == ("mIoU", "%", True)
    again = json.loads(command("evaluate", finished, "--json").out)["clients"]["rooms-all"]["semseg"]
    assert again == {**semseg, "value": pytest.approx(semseg["value"], rel=1e-4)}


def test_quiet_says_nothing_but_errors(command: Command, tmp_path: Path) -> None:
    before = command("--quiet", "run", RECIPE, "rounds=1", "training.batch_size=7", "--out", tmp_path / "run")
    assert (before.code, before.out, before.err) == (0, "", "")
    after = command("resume", tmp_path / "run", "-q")
    assert (after.code, after.out, after.err) == (0, "", "")
    wrong = command("-q", "resume", tmp_path)
    assert (wrong.code, wrong.out) == (1, "")
    assert "should be a run folder" in wrong.err
    assert command("ls").out, "the next command is not quiet"


def test_verbose_says_where_files_lie_and_what_they_took(command: Command, tmp_path: Path) -> None:
    outcome = command("run", RECIPE, "rounds=1", "--out", tmp_path / "run", "-v")
    assert outcome.code == 0
    assert f"recipe {RECIPE}" in outcome.err
    assert re.search(rf"round 1 saved in {tmp_path / 'run'}, \d\.\d\d s", outcome.err)
    assert "    rooms-all: semseg " in outcome.out
    plain = command("run", RECIPE, "rounds=1", "--out", tmp_path / "other")
    assert plain.err == ""
    assert "    rooms-all: " not in plain.out


def test_quiet_and_verbose_exclude_each_other(command: Command) -> None:
    outcome = command("-q", "ls", "-v")
    assert (outcome.code, outcome.err) == (
        2,
        "fedhca: Invalid value for --quiet: not together with --verbose. See `fedhca ls -h`.\n",
    )


@pytest.mark.parametrize(("words", "near"), [(["runn"], "run"), (["data", "chek"], "check")])
def test_a_command_that_is_not_there_is_told_the_nearest_once(command: Command, words: list[str], near: str) -> None:
    outcome = command(*words)
    assert (outcome.code, outcome.err.count(f"Did you mean '{near}'?")) == (2, 1)


def test_no_control_code_reaches_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    words = "a\x1b[2J\u202eb\x9b"
    output.tell(f"    {words}")
    output.show_table([words], [[words]], f"{words}\n{words}")
    output.note(words)
    output.print_json({words: words})
    out, err = capsys.readouterr()
    assert all(line.isprintable() for line in (out + err).split("\n"))
    assert out.startswith("    a[2Jb\n")
    assert json.loads(out[out.index("{") :]) == {words: words}


def test_a_bug_is_one_line_with_a_file_that_has_all_about_it(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**words: object) -> None:
        raise KeyError("nobody thought\nof this")

    monkeypatch.setattr(look_commands, "catalogue", broken, raising=False)
    monkeypatch.setattr("fedhca.experiment.registry.catalogue", broken)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    outcome = command("ls")
    assert (outcome.code, outcome.out) == (70, "")
    assert outcome.err.count("\n") == 1
    assert outcome.err.startswith("fedhca: This is a bug of fedhca, not of yours: KeyError: 'nobody thought")
    [file] = tmp_path.glob("fedhca-bug-*.txt")
    assert str(file) in outcome.err
    assert file.stat().st_mode & 0o077 == 0
    text = file.read_text()
    assert text.startswith("fedhca ls\n")
    assert "Traceback" in text
    assert "torch " in text
    monkeypatch.setenv("FEDHCA_TRACEBACK", "")
    assert "Traceback" in command("ls", "--traceback").err


def test_memory_that_runs_out_is_no_bug(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def hungry() -> None:
        raise MemoryError

    monkeypatch.setattr("fedhca.experiment.registry.catalogue", hungry)
    outcome = command("ls")
    assert (outcome.code, outcome.err.split(".")[0]) == (1, "fedhca: Memory ran out")


def test_names_that_are_completed_are_those_there_are() -> None:
    assert completion.method_names() == list(METHODS)
    assert set(completion.trackers("")) == set(TRACKERS)
    assert set(completion.scales("")) == set(SCALES)
    assert completion.methods("local,fedav") == ["local,fedavg"]
    assert "local,local" not in completion.methods("local,")
    assert program.build()


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("fedhca comp", {"compare"}),
        ("fedhca run dem", {"demo"}),
        ("fedhca compare demo --methods local,fedhca", {"local,fedhca2", "local,fedhca2_sum"}),
        ("fedhca experiment table1 --scale small-", {"small-real"}),
        ("fedhca predict RUN picture.png --client rooms", {"rooms-all"}),
        ("fedhca predict RUN/none picture.png --client rooms", set()),
        ("fedhca server run --j", {"--json"}),
    ],
)
def test_bash_completes(finished: Path, line: str, expected: set[str]) -> None:
    words = line.replace("RUN", str(finished))
    environment = {**os.environ, "_FEDHCA_COMPLETE": "complete_bash", "COMP_WORDS": words}
    environment["COMP_CWORD"] = str(len(words.split()) - 1)
    program = "import sys; sys.argv = ['fedhca']; from fedhca.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert set(done.stdout.split()) == expected
