"""The driver, over an engine that does what the test says: who is waited for, what is told, when a run is given up."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from fedhca.engines import driver
from fedhca.engines.engine import Engine, Session
from fedhca.engines.events import events, record_event
from fedhca.engines.serve import over_network
from fedhca.engines.server_folder import ServerFacts, ServerFolder
from fedhca.engines.site_folder import host
from fedhca.errors import FedhcaError, GoneError, MissingReplyError
from fedhca.experiment.recipe import Recipe
from fedhca.experiment.recipes import load_recipe
from fedhca.wire.encoding import Wire
from tiny import RECIPE

SITES = {"uni": ("rooms-all", "figures-sal"), "lab": ("figures-semseg",)}
GONE = "a job during which the server goes away"


class Played(Session):
    """A session whose jobs do some rounds at once, and then end, or break."""

    def __init__(self, engine: "Stage") -> None:
        self.engine = engine

    def present(self) -> set[str]:
        found = self.engine.there.pop(0) if len(self.engine.there) > 1 else self.engine.there[0]
        if isinstance(found, GoneError):
            raise found
        return found

    def submit(self, run: str, recipe: Recipe, sites: Sequence[str]) -> str:
        self.engine.asked.append(list(sites))
        names = [client for site in sites for client in SITES[site]]
        do = self.engine.jobs.pop(0) if self.engine.jobs else 99
        if do is GONE:
            self.engine.down, self.engine.lost = 2, True
            return "job"
        if isinstance(do, Exception):
            record_event(self.engine.folder(run), "stopped", cause=str(do))
            return "job"
        place = host(recipe, names, self.engine.path / "clients")

        def send(wires: Mapping[str, Wire]) -> Iterator[tuple[str, Wire]]:
            return ((name, place.answer(name, wire)) for name, wire in wires.items())

        going = over_network(recipe, send, self.engine.folder(run), lambda missing: None)
        for _ in zip(range(do), going, strict=False):
            pass
        return "job"

    def is_over(self, job: str) -> bool:
        if self.engine.lost:
            self.engine.lost = False
            raise GoneError("pulled")
        return not self.engine.breaks

    def broken(self, job: str) -> str:
        return self.engine.breaks.pop() if self.engine.breaks else ""

    def abort(self, job: str) -> None:
        self.engine.aborted += 1


class Stage(Engine):
    """An engine in which nothing moves but what the test says."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.there: list[set[str] | GoneError] = [set(SITES)]
        self.jobs: list[Any] = []
        self.breaks: list[str] = []
        self.asked: list[list[str]] = []
        self.down = self.aborted = 0
        self.lost = False

    def folder(self, run: str) -> Path:
        return self.path / "server" / "runs" / run

    @contextmanager
    def connect(self, federation: ServerFolder) -> Iterator[Session]:
        if self.down:
            self.down -= 1
            raise GoneError("no answer")
        yield Played(self)

    def provision(self, federation: ServerFolder) -> Any: ...
    def serve(self, federation: ServerFolder) -> Any: ...
    def join(self, site: Any) -> Any: ...
    def reach(self, site: Any) -> Any: ...
    def lasting(self, owner: Any) -> Any: ...


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    monkeypatch.setattr(driver, "POLL", 0.0)
    monkeypatch.setattr(driver, "REMIND", 0.0)
    return Stage(tmp_path)


def go(stage: Stage, *changes: str) -> list[str]:
    """Run to the end; return what was told."""
    told: list[str] = []
    recipe = load_recipe(RECIPE, ["rounds=3", "evaluate_every=3", *changes])
    path = stage.path / "server"
    federation = (
        ServerFolder.open(path) if path.exists() else ServerFolder.create(path, recipe, ServerFacts(sites=SITES))
    )
    for _ in driver.go(stage, federation, recipe, "run", told.append):
        pass
    return told


def test_it_waits_for_the_server_and_for_every_site(stage: Stage) -> None:
    stage.down, stage.there = 1, [set(), {"uni"}, {"uni", "lab"}]
    told = go(stage)
    assert told[0] == f"waiting for the server (fedhca server start --at {stage.path / 'server'}): no answer"
    assert told[1:5] == [
        "waiting for uni, lab (fedhca site start)",
        "site 'uni' is here",
        "waiting for lab (fedhca site start)",
        "site 'lab' is here",
    ]
    assert stage.asked == [["uni", "lab"]]


def test_a_job_that_died_is_submitted_again_from_the_checkpoint(stage: Stage) -> None:
    stage.jobs = [1, 0, 99]
    told = go(stage)
    assert [line for line in told if "going on" in line] == [
        "run: a process died after round 1; going on from there"
    ] * 2
    assert len(stage.asked) == 3
    assert [event["what"] for event in events(stage.folder("run"))] == ["again", "again"]


def test_a_server_that_was_never_gone_is_not_said_to_be_and_one_that_was_is_back(stage: Stage) -> None:
    """A late answer, while a site comes back, breaks a connection; the next one shows if there is a server."""
    stage.jobs, stage.there = [1, 99], [set(SITES), GoneError("late"), {"uni"}, set(SITES)]
    told = go(stage)
    assert not any("server" in line for line in told if "connecting again" not in line)
    assert [line for line in told if line.startswith("site ")] == ["site 'lab' is back"]
    again = Stage(stage.path / "again")
    again.jobs, again.there = [GONE, 99], [set(SITES)]
    told = go(again)
    start = f"waiting for the server (fedhca server start --at {again.path / 'server'}): no answer"
    broke = "run: the connection to the server broke (pulled) after round 0; going on from there"
    found = [line for line in told if "submitted" not in line]
    assert found[:4] == [broke, f"the server is gone; {start}", start, "the server is back"]


def test_a_broken_job_is_ended_and_says_why(stage: Stage) -> None:
    stage.jobs, stage.breaks = [1, 99], ["site 'lab' is gone"]
    assert "run: site 'lab' is gone after round 1; going on from there" in go(stage)
    assert stage.aborted == 1


def test_under_keep_it_goes_on_without_a_site_once_there_is_a_checkpoint(stage: Stage) -> None:
    stage.jobs, stage.there = [1, 99], [set(SITES), {"uni"}]
    assert "going on without lab" in go(stage, "on_missing=keep")
    assert stage.asked == [["uni", "lab"], ["uni"]]


def test_under_keep_it_does_not_begin_without_a_site_nor_with_too_few_clients(stage: Stage) -> None:
    stage.there = [{"lab"}, {"lab"}, set(SITES)]
    assert not any("without" in line for line in go(stage, "on_missing=keep"))
    again = Stage(stage.path / "again")
    again.jobs, again.there = [1, 99], [set(SITES), {"lab"}, {"lab"}, {"uni"}]
    assert "going on without lab" in go(again, "on_missing=keep", "min_clients=2")


def test_a_reason_that_no_other_try_would_mend_is_given_up_at_once(stage: Stage) -> None:
    stage.jobs = [FedhcaError("a loss is not finite")]
    with pytest.raises(MissingReplyError, match="a loss is not finite"):
        go(stage)
    assert len(stage.asked) == 1


def test_after_five_jobs_without_a_round_it_gives_up(stage: Stage) -> None:
    stage.jobs = [0] * 9
    with pytest.raises(FedhcaError, match=r"Run 'run' came no further in 5 tries; the logs are in"):
        go(stage)
    assert len(stage.asked) == 5
