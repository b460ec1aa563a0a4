import json
import math
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import pytest
import torch

import fedhca
from fedhca import Compression, Federation, Privacy, RunFolder, Training, load_recipe
from fedhca.client import Client
from fedhca.client.clients import Clients
from fedhca.client.participant import Participant
from fedhca.client.trainer import Trainer
from fedhca.client.training import Schedule, Step
from fedhca.errors import ClientError, FedhcaError, RecipeError, RunFolderError
from fedhca.experiment import journal
from fedhca.methods import METHODS
from fedhca.server.state import Round
from fedhca.storage.tensor_file import load_tensors, save_tensors
from fedhca.wire.layout import Layout
from fedhca.wire.messages import Missing, TrainReply, TrainRequest
from fedhca.wire.parameters import Parameters
from tiny import RECIPE, WIDTH, encoder, equal, participant, same_bits

PEOPLE = (participant("a", "depth", "semseg"), participant("b", "edge"), participant("c", "depth"))
TRAINING = Training(batch_size=2, learning_rate=1e-2, warmup_epochs=1)
OPTIONS: dict[str, Any] = {"rounds": 5, "evaluate_every": 1, "training": TRAINING, "model": {"width": WIDTH}}
APART = {"width": WIDTH, "decoders": "apart"}


PARTS = ("server", "clients/a")


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nothing happened to."""
    folder = tmp_path_factory.mktemp("unbroken")
    list(federation(out=folder))
    return folder


def federation(people: Sequence[Participant] = PEOPLE, method: str = "fedhca2", **options: Any) -> Iterator[Round]:
    return fedhca.run(people, encoder(), method, **{**OPTIONS, **options})


def same_state(one: Round, other: Round) -> bool:
    tensors = [
        {
            "encoders": each.state.encoders,
            "decoders": each.state.decoders,
            **{f"e/{name}": value for name, value in each.state.memories[0].items()},
            **{f"d/{name}": value for name, value in each.state.memories[1].items()},
        }
        for each in (one, other)
    ]
    return same_bits(*tensors) and one.losses == other.losses and one.metrics == other.metrics


def flip(path: Path) -> None:
    """Turn over one bit of a file."""
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def saved(folder: Path) -> dict[str, dict[str, torch.Tensor]]:
    return {str(path.relative_to(folder)): load_tensors(path)[0] for path in sorted(folder.rglob("after-*"))}


def same_folder(one: Path, other: Path) -> bool:
    mine, theirs = saved(one), saved(other)
    lines = [
        [{**line, "seconds": 0, "clients": 0} for line in journal.read_lines(each / "journal.jsonl")]
        for each in (one, other)
    ]
    return (
        mine.keys() == theirs.keys()
        and all(same_bits(mine[name], theirs[name]) for name in mine)
        and lines[0] == lines[1]
    )


@pytest.mark.parametrize("method", ["fedavg", "fedhca2", "official"])
def test_two_runs_have_the_same_bits(method: str) -> None:
    short: dict[str, Any] = {"method": method, "rounds": 3}
    pairs = list(zip(federation(**short), federation(**short), strict=True))
    assert len(pairs) == 3
    assert all(same_state(one, other) for one, other in pairs)


def test_another_seed_has_others() -> None:
    assert not equal(next(federation()).state.encoders, next(federation(seed=1)).state.encoders)


def test_saving_changes_nothing(tmp_path: Path) -> None:
    pairs = zip(federation(), federation(out=tmp_path, checkpoint_every=2), strict=True)
    assert all(same_state(one, other) for one, other in pairs)


@pytest.mark.parametrize("method", ["fedhca2", "ditto", "fedamp"])
def test_states_on_disk_change_no_bit(method: str, tmp_path: Path) -> None:
    kept = list(federation(method=method, out=tmp_path / "memory"))
    rested = list(federation(method=method, out=tmp_path / "disk", states="disk"))
    assert all(same_state(*pair) for pair in zip(kept, rested, strict=True))
    assert same_folder(tmp_path / "memory", tmp_path / "disk")


def test_states_on_disk_need_a_folder_and_every_round() -> None:
    with pytest.raises(RecipeError, match="should have a folder"):
        federation(states="disk")


SMALL = Compression(down="bfloat16", up="int8")


def test_what_travels_in_fewer_bits_is_counted_and_learns_nearly_the_same() -> None:
    whole, small = (list(federation(method="fedavg", sent=each)) for each in (Compression(), SMALL))
    for name, sizes in whole[0].bytes.items():
        assert small[0].bytes[name]["down"] == sizes["down"] / 2
        assert sizes["up"] / 4 < small[0].bytes[name]["up"] < sizes["up"] / 2  # segments are tiny here
    way = (whole[-1].state.encoders - whole[0].state.encoders).norm()
    assert 0 < (whole[-1].state.encoders - small[-1].state.encoders).norm() < 0.1 * way


def test_the_server_keeps_what_fewer_bits_leave_over_on_the_way_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients that change nothing leave the rows as they are, however roughly they were told."""
    monkeypatch.setattr(Trainer, "train", lambda self, *_, **__: dict.fromkeys((task.name for task in self.tasks), 0.0))
    for form in ("bfloat16", "int8"):
        first, *_, last = federation(method="local", sent=form)
        assert equal(first.state.encoders, last.state.encoders)
        assert equal(first.state.decoders, last.state.decoders)


@pytest.mark.parametrize("states", ["memory", "disk"])
def test_what_is_owed_survives_an_interruption(states: Literal["memory", "disk"], tmp_path: Path) -> None:
    whole = list(federation(out=tmp_path / "whole", sent=SMALL))
    for count in (2, 1):
        for _, each in zip(range(count), federation(out=tmp_path / "broken", sent=SMALL, states=states), strict=False):
            assert each.number
    *_, last = federation(out=tmp_path / "broken", sent=SMALL, states=states)
    assert same_state(whole[-1], last)
    assert same_folder(tmp_path / "whole", tmp_path / "broken")
    tensors, _ = load_tensors(tmp_path / "whole" / "clients" / "a" / "after-000005.safetensors")
    assert tensors["owed/encoder"].any()


def test_a_run_does_not_change_how_it_sends(tmp_path: Path) -> None:
    next(federation(out=tmp_path, sent=SMALL))
    with pytest.raises(RunFolderError, match="sent"):
        next(federation(out=tmp_path))


PRIVACY = Privacy(clip=1e-3, noise=0.1)


@pytest.mark.parametrize("other", [None, Privacy(clip=1e-3, noise=0.2)])
def test_a_run_does_not_change_how_it_is_blurred(other: Privacy | None, tmp_path: Path) -> None:
    next(federation(out=tmp_path, privacy=PRIVACY))
    with pytest.raises(RunFolderError, match="privacy"):
        next(federation(out=tmp_path, privacy=other))


def test_a_private_run_tells_no_loss_and_no_metric_and_counts_through_an_interruption(tmp_path: Path) -> None:
    for count in (2, 3):
        for each, _ in zip(federation(out=tmp_path, privacy=PRIVACY, sent=SMALL), range(count), strict=False):
            assert set(map(len, each.losses.values())) == {0}
            assert all(math.isnan(value) for tasks in each.metrics.values() for value in tasks.values())
            assert each.metrics["a"].keys() == {"depth", "semseg"}
    counted = json.loads((tmp_path / "clients" / "a" / "privacy.json").read_text())["answers"]
    assert counted >= 5


def test_two_private_runs_of_one_seed_differ_and_only_shortened_ones_do_not() -> None:
    def last(privacy: Privacy) -> Round:
        *_, end = federation(privacy=privacy)
        return end

    assert not equal(last(PRIVACY).state.encoders, last(PRIVACY).state.encoders)
    short = Privacy(clip=1e-3, noise=0.0)
    assert equal(last(short).state.encoders, last(short).state.encoders)


@pytest.fixture(scope="module", params=[1, 3], ids=["every-round", "every-third"])
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Path, list[Round]]:
    """Rounds between checkpoints, and a run never interrupted: its folder, its rounds."""
    folder = tmp_path_factory.mktemp("whole")
    return request.param, folder, list(federation(out=folder, checkpoint_every=request.param))


@pytest.mark.parametrize("stops", [(1,), (4,), (2, 1, 1)])
def test_an_interrupted_generator_goes_on_with_the_same_bits(
    tmp_path: Path, whole: tuple[int, Path, list[Round]], stops: tuple[int, ...]
) -> None:
    every, folder, done = whole
    for stop in stops:
        interrupted = federation(out=tmp_path, checkpoint_every=every)
        for _ in range(stop):
            next(interrupted)
        interrupted.close()  # type: ignore[attr-defined]
    rest = list(federation(out=tmp_path, checkpoint_every=every))
    assert same_state(done[-1], rest[-1])
    assert same_folder(folder, tmp_path)


def test_a_run_that_fails_in_a_round_goes_on_before_it(tmp_path: Path, whole: tuple[int, Path, list[Round]]) -> None:
    """The clients before the one that failed are ahead of the server; they go back."""
    every, folder, done = whole

    def fail(step: Any) -> None:
        if (step.client, step.round) == ("c", 2):
            raise KeyboardInterrupt

    broken = federation(out=tmp_path, on_step=fail, checkpoint_every=every)
    with pytest.raises(KeyboardInterrupt):
        list(broken)
    assert (tmp_path / "clients" / "a" / "after-000003.safetensors").exists()
    assert not (tmp_path / "server" / "after-000003.safetensors").exists()
    rest = list(federation(out=tmp_path, checkpoint_every=every))
    assert [each.number for each in rest] == ([3, 4, 5] if every == 1 else [1, 2, 3, 4, 5])
    assert same_state(done[-1], rest[-1])
    assert same_folder(folder, tmp_path)


def test_the_order_of_clients_does_not_change_local() -> None:
    for one, other in zip(federation(method="local"), federation(PEOPLE[::-1], method="local"), strict=True):
        assert one.metrics == other.metrics
        assert one.losses == other.losses
        assert equal(one.state.encoders, other.state.encoders.flip(0))


def test_clients_alone_are_clients_of_local() -> None:
    together = list(federation(method="local"))[-1]
    alone = list(federation(PEOPLE[:1], method="local"))[-1]
    assert alone.metrics["a"] == together.metrics["a"]
    assert equal(alone.state.encoders[0], together.state.encoders[0])


@pytest.mark.parametrize("method", METHODS)
def test_one_client_alone_can_run_every_method(method: str) -> None:
    assert [each.number for each in federation(PEOPLE[1:2], method=method, rounds=2)] == [1, 2]


def test_nobody_hears_anything_under_local_and_all_hear_the_same_under_fedavg() -> None:
    alone, mean = next(federation(method="local")), next(federation(method="fedavg"))
    listening = alone.encoder.mixing.listening(Layout.of({"a": (1,)}))
    assert torch.equal(listening, torch.eye(3, dtype=listening.dtype))
    assert equal(mean.state.encoders[0], mean.state.encoders[1])
    assert not equal(alone.state.encoders[0], alone.state.encoders[1])


def test_evaluations_come_every_so_many_rounds_and_after_the_last() -> None:
    assert [bool(each.metrics) for each in federation(evaluate_every=2)] == [False, True, False, True, True]


def test_checkpoints_come_every_so_many_rounds_and_after_the_last(tmp_path: Path) -> None:
    seen = []
    for _ in federation(out=tmp_path, checkpoint_every=2):
        seen.append([sorted(path.stem[-1] for path in (tmp_path / part).glob("after-*")) for part in PARTS])
    assert seen == [[[]] * 2, [["2"]] * 2, [["2"]] * 2, [["2", "4"]] * 2, [["4", "5"], ["2", "4", "5"]]]


def test_a_finished_run_has_nothing_more_to_do(tmp_path: Path) -> None:
    list(federation(out=tmp_path))
    before = saved(tmp_path)
    assert list(federation(out=tmp_path)) == []
    assert saved(tmp_path).keys() == before.keys()


@pytest.mark.parametrize(
    ("people", "width"),
    [(PEOPLE[:2], WIDTH), ((*PEOPLE[:2], participant("c", "edge")), WIDTH), (PEOPLE[::-1], WIDTH), (PEOPLE, WIDTH * 2)],
)
def test_a_folder_of_another_federation_is_refused(tmp_path: Path, people: Sequence[Participant], width: int) -> None:
    next(federation(out=tmp_path))
    with pytest.raises(RunFolderError, match="other clients, tasks or models"):
        list(federation(people, out=tmp_path, model={"width": width}))


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"method": "fedavg"}, "`method` is 'fedhca2' there and 'fedavg' here"),
        ({"method": fedhca.make_method("fedhca2", c=0.2)}, "`options.c` is None there and 0.2 here"),
        ({"seed": 5}, r"`seed` is \d there and 5 here"),
        (
            {"training": TRAINING.model_copy(update={"learning_rate": 0.5})},
            r"`training\.\w+\.learning_rate` is .* there and 0.5 here",
        ),
    ],
)
def test_a_folder_of_a_run_with_other_settings_is_refused(tmp_path: Path, changes: dict[str, Any], line: str) -> None:
    next(federation(out=tmp_path))
    with pytest.raises(RunFolderError, match=line):
        list(federation(out=tmp_path, **changes))


@pytest.mark.parametrize("lost", ["settings", "roster"])
def test_a_checkpoint_of_another_version_is_named(tmp_path: Path, lost: str) -> None:
    list(islice(federation(out=tmp_path), 2))
    for path in (tmp_path / "server").glob("after-*"):
        tensors, facts = load_tensors(path)
        del facts[lost]
        save_tensors(path, tensors, facts)
    line = f"this version of fedhca.*'{lost}'"
    with pytest.warns(UserWarning, match=line), pytest.raises(RunFolderError, match=line):
        list(federation(out=tmp_path))


@pytest.mark.parametrize("part", ["server", "clients/b"])
@pytest.mark.parametrize("done", [1, 3])
@pytest.mark.parametrize("left", [0, -1])
def test_after_a_broken_file_the_run_goes_on_from_the_state_before_it_with_the_same_bits(
    unbroken: Path, tmp_path: Path, part: str, done: int, left: int
) -> None:
    list(islice(federation(out=tmp_path), done))
    path = tmp_path / part / f"after-{done:06d}.safetensors"
    path.write_bytes(path.read_bytes()[:left])
    taken = f"The state after {done - 1} rounds" if done > 1 else "The start"
    with pytest.warns(UserWarning, match="taken instead") as said:
        rest = list(federation(out=tmp_path))
    lines = [str(each.message) for each in said]
    assert any(line.startswith(f"Cannot read '{path}'") for line in lines)
    assert lines[-1].endswith(f"{taken} is taken instead.")
    assert [each.number for each in rest] == [*range(done, 6)]
    assert same_folder(unbroken, tmp_path)


@pytest.mark.parametrize("name", ["encoders", "decoders", "encoder_state/direction", "decoder_state/beta"])
def test_a_checkpoint_that_is_not_finite_is_passed_over_with_a_note(unbroken: Path, tmp_path: Path, name: str) -> None:
    """A server of before could save one."""
    list(islice(federation(out=tmp_path), 3))
    path = tmp_path / "server" / "after-000003.safetensors"
    tensors, facts = load_tensors(path)
    tensors[name].view(-1)[0] = math.inf
    save_tensors(path, tensors, facts)
    line = (
        rf"The checkpoint after 3 rounds in .* should be finite\. Found NaN or infinity in `{name}`.*The state after 2"
    )
    with pytest.warns(UserWarning, match=line):
        rest = list(federation(out=tmp_path))
    assert [each.number for each in rest] == [3, 4, 5]
    assert same_folder(unbroken, tmp_path)


def test_a_round_that_leads_beyond_float32_is_not_saved_and_is_done_again(
    unbroken: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = Client.train

    def lie(subject: Client, request: TrainRequest) -> TrainReply:
        reply = honest(subject, request)
        if (request.client, request.round) != ("b", 2):
            return reply
        huge = (torch.full_like(part, 3.4e38) for part in (reply.parameters.encoder, reply.parameters.decoders))
        return replace(reply, parameters=Parameters(*huge))

    monkeypatch.setattr(Client, "train", lie)
    with pytest.raises(FedhcaError, match=r"should be finite.*client 'b' \(edge\)"):
        list(federation(out=tmp_path))
    assert len(journal.read_lines(tmp_path / "journal.jsonl")) == 2
    monkeypatch.setattr(Client, "train", honest)
    assert [each.number for each in federation(out=tmp_path)] == [3, 4, 5]
    assert same_folder(unbroken, tmp_path)


def rates(people: Sequence[Participant], monkeypatch: pytest.MonkeyPatch, **options: Any) -> dict[str, list[float]]:
    """Run, and return the rate that every client's optimiser had after each of its rounds."""
    found = dict[str, list[float]]()
    honest = Client.train

    def noted(subject: Client, request: TrainRequest) -> TrainReply:
        reply = honest(subject, request)
        found.setdefault(subject.name, []).append(subject.state.trainer.optimiser.param_groups[0]["lr"])
        return reply

    with monkeypatch.context() as patch:
        patch.setattr(Client, "train", noted)
        list(federation(people, **options))
    return found


def test_who_joins_late_warms_up_and_runs_begun_before_go_on_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = (PEOPLE[0], replace(PEOPLE[1], joins=3), PEOPLE[2])
    training = TRAINING.model_copy(update={"warmup_epochs": 2})
    whole, own = Schedule.of(training, 5), Schedule.of(training, 3)
    found = rates(late, monkeypatch, training=training)
    assert found["a"] == found["c"] == [whole.rate(epoch) for epoch in range(5)]
    assert found["b"] == [own.rate(epoch) for epoch in range(3)]

    def before(folder: Path, rounds: int) -> None:
        """Make a folder as one was made by a version without this."""
        list(islice(federation(late, out=folder, training=training), rounds))
        for path in (folder / "server").glob("after-*"):
            tensors, facts = load_tensors(path)
            del tensors["begins"]
            save_tensors(path, tensors, facts)

    before(tmp_path / "one", 1)
    before(tmp_path / "two", 2)
    assert rates(late, monkeypatch, out=tmp_path / "two", training=training)["b"] == found["a"][2:]
    list(federation(late, out=tmp_path / "one", training=training))
    assert same_folder(tmp_path / "one", tmp_path / "two")


def test_decoders_start_alike_or_each_from_a_draw_of_its_own() -> None:
    people = (PEOPLE[0], PEOPLE[2], replace(PEOPLE[2], name="d"))  # the last two take turns in one module

    def start(**options: Any) -> tuple[torch.Tensor, torch.Tensor]:
        clients = Clients(Federation(**{**OPTIONS, **options}), encoder=encoder())
        found = [clients.make(each).hello().parameters for each in people]
        return torch.stack([each.encoder for each in found]), torch.cat([each.decoders for each in found])

    (encoders, alike), (others, apart) = start(), start(model=APART)
    assert torch.equal(encoders, others)
    assert len(encoders.unique(dim=0)) == len(alike.unique(dim=0)) == 1
    assert len(apart.unique(dim=0)) == len(apart) == 4
    for again in (start(model=APART), start(model=APART, privacy=Privacy(clip=1.0, noise=1.0))):
        assert torch.equal(again[1], apart)
    assert not (start(model=APART, seed=1)[1] == apart).all(dim=1).any()
    with pytest.raises(RecipeError, match=r"`model\.decoders`.* 'appart'. Did you mean 'apart'"):
        fedhca.run(people, encoder(), model={"decoders": "appart"})


def test_a_run_whose_decoders_start_apart_goes_on_with_the_same_bits(tmp_path: Path) -> None:
    list(federation(out=tmp_path / "whole", model=APART))
    list(islice(federation(out=tmp_path / "stopped", model=APART), 2))
    list(federation(out=tmp_path / "stopped", model=APART))
    assert same_folder(tmp_path / "whole", tmp_path / "stopped")


@pytest.mark.parametrize("part", ["server", "clients/b"])
def test_a_crash_after_going_back_loses_no_line_of_the_journal(unbroken: Path, tmp_path: Path, part: str) -> None:
    """The client has its state again before the server has: the checkpoint that was not taken must not be by then."""

    def fail(step: Step) -> None:
        if step.client == "c":
            raise RuntimeError("pulled the plug")

    list(islice(federation(out=tmp_path), 3))
    flip(tmp_path / part / "after-000003.safetensors")
    with pytest.warns(UserWarning, match="taken instead"), pytest.raises(RuntimeError, match="plug"):
        list(federation(out=tmp_path, on_step=fail))
    assert (tmp_path / "clients" / "b" / "after-000003.safetensors").exists()
    assert not (tmp_path / "server" / "after-000003.safetensors").exists()
    list(federation(out=tmp_path))
    assert same_folder(unbroken, tmp_path)


def test_a_client_without_any_state_that_goes_with_the_server_s_is_named(tmp_path: Path) -> None:
    list(islice(federation(out=tmp_path), 3))
    for path in (tmp_path / "clients" / "b").glob("after-*"):
        path.write_bytes(b"")
    line = "Client 'b' should have its state after 3 rounds, whole. Found none."
    with pytest.warns(UserWarning, match="Cannot read"), pytest.raises(RunFolderError, match=line):
        list(federation(out=tmp_path))


def test_under_keep_a_client_that_lost_its_states_is_gone_without(tmp_path: Path) -> None:
    list(islice(federation(out=tmp_path, on_missing="keep"), 3))
    shutil.rmtree(tmp_path / "clients" / "b")
    with pytest.warns(UserWarning, match="Found none"):
        rest = list(federation(out=tmp_path, on_missing="keep"))
    assert [each.number for each in rest] == [4, 5]
    assert all("after-000003" in each.missing["train"]["b"] for each in rest)
    assert rest[-1].state.since.tolist() == [5, 3, 5]


def test_two_participants_of_one_name() -> None:
    with pytest.raises(RecipeError, match="two clients 'a'"):
        federation((PEOPLE[0], PEOPLE[0]))


def test_nobody() -> None:
    with pytest.raises(RecipeError, match="at least one participant"):
        federation(())


def test_each_participant_has_its_own_local_epochs() -> None:
    people = (PEOPLE[0], replace(PEOPLE[1], local_epochs=2), PEOPLE[2])
    steps: list[Any] = []
    next(federation(people, on_step=steps.append))
    assert {name: sum(step.client == name for step in steps) for name in "abc"} == {"a": 2, "b": 4, "c": 2}


def test_a_client_that_diverges_stops_the_run_and_leaves_the_round_before(tmp_path: Path) -> None:
    people = (PEOPLE[0], participant("b", "edge"))
    federated = federation(people, out=tmp_path)
    next(federated)
    before = saved(tmp_path / "server")
    people[1].train.images[:] = 3e38  # type: ignore[attr-defined]
    with pytest.raises(ClientError, match="client 'b', round 2"):
        next(federated)
    assert saved(tmp_path / "server").keys() == before.keys()
    assert len(journal.read_lines(tmp_path / "journal.jsonl")) == 1
    assert sorted(path.stem for path in (tmp_path / "clients" / "b").iterdir()) == ["after-000001"]


@pytest.mark.parametrize("name", ["../../elsewhere", "a/b", "", ".hidden", "x" * 200, "tab\t", "line\n"])
def test_a_name_that_could_not_be_a_folder_is_refused(name: str) -> None:
    with pytest.raises(RecipeError, match="ClientEntry: `name` should be a name of letters, digits"):
        replace(PEOPLE[0], name=name)


def test_a_participant_has_tasks_each_once() -> None:
    for tasks, line in (([], "`tasks` should be a list, at least 1 long"), ([*PEOPLE[0].tasks] * 2, "each task once")):
        with pytest.raises(RecipeError, match=f"ClientEntry: .*{line}"):
            replace(PEOPLE[0], tasks=tasks)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("batch_size", 0), ("learning_rate", 0.0), ("precision", "bf16")],
)
def test_training_that_cannot_be_is_refused(setting: str, value: Any) -> None:
    changes = {setting: value}
    with pytest.raises(RecipeError, match=f"Training: `{setting}` should be "):
        Training(**changes)


@pytest.mark.parametrize("every", ["rounds", "evaluate_every", "checkpoint_every"])
def test_never_is_refused_before_training(every: str) -> None:
    changes: dict[str, Any] = {every: 0}
    with pytest.raises(RecipeError, match=f"`{every}` should be a whole number, at least 1"):
        next(federation(**changes))


def broken(step: Step) -> None:
    """Client b cannot train in rounds 2 and 3."""
    if step.client == "b" and step.round in {1, 2}:
        raise ClientError("Client 'b' ran out of disk.")


def test_under_keep_a_client_that_cannot_go_on_does_not_stop_the_others(tmp_path: Path) -> None:
    told: list[Missing] = []
    found = list(federation(out=tmp_path, on_step=broken, on_missing="keep", tell=told.append))
    assert [each.missing for each in found] == [{}, *[{"train": {"b": "Client 'b' ran out of disk."}}] * 2, {}, {}]
    assert [each.client for each in told] == ["b", "b"]
    lines = journal.read_lines(tmp_path / "journal.jsonl")
    assert [line.get("missing", {}) for line in lines] == [dict(each.missing) for each in found]
    assert lines[1]["encoder"]["alpha"][1] == lines[0]["encoder"]["alpha"][1]
    assert lines[1]["encoder"]["mixing"][1] == [0.0, 1.0, 0.0]
    assert lines[1]["metrics"]["b"] == lines[0]["metrics"]["b"]  # measured in the state it is in
    assert found[-1].state.since.tolist() == [5, 5, 5]


@pytest.mark.parametrize("stop", [1, 2, 3])
def test_a_run_with_absent_clients_goes_on_with_the_same_bits(tmp_path: Path, stop: int) -> None:
    options: dict[str, Any] = {"on_step": broken, "on_missing": "keep"}
    whole = list(federation(out=tmp_path / "one", **options))
    interrupted = federation(out=tmp_path / "two", **options)
    for _ in range(stop):
        next(interrupted)
    del interrupted
    rest = list(federation(out=tmp_path / "two", **options))
    assert all(same_state(one, other) for one, other in zip(whole[stop:], rest, strict=True))
    assert same_folder(tmp_path / "one", tmp_path / "two")


def test_going_without_clients_needs_every_round_saved(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"`checkpoint_every` should be 1: .* Found 3 with `on_missing: keep`"):
        list(federation(out=tmp_path, checkpoint_every=3, on_missing="keep"))
    with pytest.raises(ClientError, match="ran out of disk"):
        list(federation(on_step=broken))


@pytest.mark.parametrize("away", [{0, 1, 2, 3}, {2, 3}])
def test_who_was_absent_last_predicts_as_when_it_last_counted(tmp_path: Path, away: set[int]) -> None:
    def stop(step: Step) -> None:
        if step.client == "figures-sal" and step.round in away:
            raise ClientError("no power")

    folder = RunFolder.create(tmp_path, load_recipe(RECIPE, ["rounds=4", "on_missing=keep"]))
    *_, last = fedhca.run(folder.recipe, out=folder.path, on_step=stop)
    place = [client.name for client in folder.recipe.roster].index("figures-sal")
    assert last.state.since[place] == min(away)
    kept = folder.predictor("figures-sal").model.collect()
    assert equal(kept.encoder, last.state.encoders[place])
