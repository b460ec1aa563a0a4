"""Random clients that lie, servers that pry and files that tear: what was promised of each kind holds for all of it."""

import itertools
import json
import re
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import torch
from hostile import attempt
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fedhca.config.federation import ClientEntry, Federation, Guard, OnMissing, Privacy
from fedhca.engines.client_host import ClientHost
from fedhca.engines.events import Event
from fedhca.errors import FedhcaError
from fedhca.experiment import journal
from fedhca.experiment.drive import drive
from fedhca.experiment.recipes import load_recipe
from fedhca.methods import METHODS, make_method
from fedhca.runtimes import ScriptedRuntime
from fedhca.server import Round
from fedhca.storage.tensor_file import load_tensors
from fedhca.wire.encoding import to_wire
from fedhca.wire.layout import Layout
from fedhca.wire.messages import EvaluateRequest, Hello, LocalRule, TrainRequest
from fedhca.wire.parameters import Parameters, not_finite
from tally import many
from tiny import client

ENCODER, DECODER = Layout.of({"a.weight": (3, 2)}), Layout.of({"linears.0.weight": (4,)})
ROUNDS = 3


def tried(count: int) -> settings:
    return settings(max_examples=many(count), suppress_health_check=list(HealthCheck))


def federation(tasks: Mapping[str, int], **options: Any) -> Federation:
    """Clients with so many decoders each."""
    clients = tuple(
        ClientEntry(name=name, dataset="nyud", tasks=tuple(f"t{i}" for i in range(count)))
        for name, count in tasks.items()
    )
    return Federation(clients=clients, evaluate_every=1, **options)


def hellos(federation: Federation) -> list[Hello]:
    return [
        Hello(
            each.name, each.dataset, each.tasks, 5, ENCODER, DECODER,
            Parameters(torch.ones(6), torch.ones(len(each.tasks), 4)),
        )
        for each in federation.clients
    ]  # fmt: skip


def honest(request: TrainRequest) -> Parameters:
    """Move a little, another way for each client and round."""
    start = request.parameters.plain
    draw = torch.Generator().manual_seed(sum(request.client.encode()) + 1000 * request.round)
    moves = [torch.randn(part.shape, generator=draw) for part in (start.encoder, start.decoders)]
    return Parameters(*(part + move for part, move in zip((start.encoder, start.decoders), moves, strict=True)))


# One client answers once with finite numbers that are huge

magnitudes = st.floats(1e15, 3.4e38)


@tried(8)
@given(
    method=st.sampled_from(sorted(METHODS)),
    when=st.integers(0, ROUNDS - 1),
    numbers=st.tuples(magnitudes, magnitudes, st.booleans(), st.sampled_from(["encoder", "decoders", "both"])),
    tasks=st.lists(st.integers(1, 3), min_size=3, max_size=5),
    policy=st.sampled_from(["keep", "fail"]),
)
def test_what_is_made_of_huge_numbers_is_finite_or_refused_and_the_run_goes_on(
    method: str, when: int, numbers: tuple[float, float, bool, str], tasks: list[int], policy: OnMissing
) -> None:
    first, second, alternating, part = numbers
    how = federation({f"c{i}": count for i, count in enumerate(tasks)}, rounds=ROUNDS, on_missing=policy)
    lies = iter([True])  # once

    def lying(request: TrainRequest) -> Parameters:
        sent = honest(request)
        if (request.client, request.round) != ("c0", when) or not next(lies, False):
            return sent
        if part in ("encoder", "both"):
            sent.encoder[:] = first
            sent.encoder[::2] = -second if alternating else second
        if part in ("decoders", "both"):
            sent.decoders[:] = second
            sent.decoders[:, ::2] = -first if alternating else first
        return sent

    def going(folder: Path) -> Iterator[Round]:
        return drive(made, ScriptedRuntime(hellos(how), lying), how, folder)

    made = make_method(method)
    with TemporaryDirectory() as place:
        folder = Path(place)

        def run() -> None:
            try:
                for found in going(folder):
                    assert not any(not_finite({"row": rows}) for rows in found.state.rows)
            except FedhcaError as error:
                named = r"client '(c\d)' .*\d(e\+\d\d)?\. Set a|Client 'c0' should send"
                assert re.search(named, str(error)), error  # noqa: PT017  some methods overflow, others do not
                assert "'c0'" in str(error) or found_before(folder) > when  # noqa: PT017
                raise

        attempt(run)
        for path in (folder / "server").glob("after-*"):
            assert not not_finite(load_tensors(path)[0])
        before = found_before(folder)
        if before < ROUNDS and before <= when:  # the lie was refused: all that was saved is from before it
            assert [found.number for found in going(folder)] == [*range(before + 1, ROUNDS + 1)]
            assert [line["round"] for line in journal.read_lines(folder / "journal.jsonl")] == [*range(1, ROUNDS + 1)]


def found_before(folder: Path) -> int:
    """Return how many rounds the newest checkpoint has."""
    numbers = [int(path.stem.removeprefix("after-")) for path in (folder / "server").glob("after-*.safetensors")]
    return max(numbers, default=0)


# One client with many decoders before a guard


@tried(15)
@given(
    tasks=st.lists(st.integers(1, 3), min_size=2, max_size=6),
    many_tasks=st.integers(1, 20),
    exponent=st.integers(-12, 12),
    bound=st.floats(3.5, 10),
    seed=st.integers(0, 10**6),
)
def test_one_client_with_many_decoders_has_no_honest_one_refused_or_shortened(
    tasks: list[int], many_tasks: int, exponent: int, bound: float, seed: int
) -> None:
    """Whole rounds, where every honest client is nearer to the median of clients than the bound."""
    roster = {**{f"c{i}": count for i, count in enumerate(tasks)}, "liar": many_tasks}
    how = federation(roster, rounds=2, on_missing="keep", guard=Guard(bound=bound, reject=2 * bound))

    def moved(request: TrainRequest) -> Parameters:
        start = request.parameters.plain
        draw = torch.Generator().manual_seed(seed + sum(request.client.encode()) + 1000 * request.round)
        sent = list[torch.Tensor]()
        for part in (start.encoder, start.decoders):
            move = torch.randn(part.shape, generator=draw, dtype=torch.float64)
            move *= (1 + 2 * torch.rand((), generator=draw)) / move.norm(dim=-1, keepdim=True)  # from 1 to 3 long
            sent.append((part + move * (10.0**exponent if request.client == "liar" else 1.0)).float())
        return Parameters(*sent)

    def run() -> None:
        for found in drive(make_method("local"), ScriptedRuntime(hellos(how), moved), how):
            assert {*found.missing.get("train", {}), *found.shortened} <= {"liar"}
            if exponent >= 2:
                assert "liar" in found.missing["train"]

    attempt(run)


# YAML that unfolds, nests and swells


def _aliases(levels: int, width: int) -> str:
    lines = ["a0: &a0 [" + ", ".join(["x"] * width) + "]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * width)}]" for n in range(1, levels)]
    return "\n".join(lines) + "\n"


def _merges(levels: int, width: int) -> str:
    lines = ["a0: &a0 {k: 1}"]
    lines += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * width)}]}}" for n in range(1, levels)]
    return "\n".join(lines) + "\n"


bombs = st.one_of(
    st.builds(_aliases, st.integers(7, 60), st.integers(8, 30)),
    st.builds(_merges, st.integers(2, 60), st.integers(1, 30)),
    st.builds(lambda deep, pair: f"a: {pair[0] * deep}{pair[1] * deep}\n", st.integers(41, 30_000),
              st.sampled_from(["[]", "{}", "[ "])),
    st.builds(lambda deep, word: word * deep, st.integers(41, 3000), st.sampled_from(["- ", "? "])),
    st.builds(lambda size, word: word * (size // len(word)), st.integers(1_000_100, 3_000_000),
              st.sampled_from(["#", "a: 1\n", "é", "- [{"])),
    st.builds(lambda key, head, digit, count: f"{key}: {head}{digit * count}\n",
              st.sampled_from(["rounds", "seed", "training.batch_size", "width"]),
              st.sampled_from(["", "-", "0x", "0o", "1e", "1.", "'", "%"]), st.sampled_from("17"),
              st.integers(20, 200_000)),
)  # fmt: skip


@tried(8)
@given(text=bombs)
def test_a_bomb_of_yaml_is_refused_soon(text: str) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "bomb.yaml")
        path.write_text(text)
        began = time.process_time()

        def read() -> None:
            with pytest.raises(FedhcaError) as caught:
                load_recipe(path)
            raise caught.value

        attempt(read)
        assert time.process_time() - began < 5


# A server that pries on a private client

questions = st.lists(
    st.tuples(
        st.one_of(
            st.floats(-3.4e38, 3.4e38), st.sampled_from([0.0, 1.0, 1e10, 1e20, 1e30, 3e38, torch.nan, torch.inf])
        ),
        st.sampled_from(["encoder", "decoders", "both"]),
        st.sampled_from(["float32", "int8", "bfloat16"]),
        st.sampled_from(["received", "trained", "own"]),
        st.sampled_from([0.0, 0.5, 1e30]),
    ),
    min_size=1,
    max_size=3,
)


@tried(5)
@given(asked=questions)
@pytest.mark.filterwarnings("ignore")
def test_a_private_client_answers_any_question_alike_and_counts_it(
    asked: list[tuple[float, str, Any, Any, float]],
) -> None:
    """Two clients with other labels are told apart by no error, no field and no shape; only numbers are blurred."""
    seeds = (1, 2)
    with warnings.catch_warnings(), TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")
        subjects = [
            client("depth", seed=seed, folder=Path(folder, str(seed)), privacy=Privacy(clip=1e-3, noise=0.5))
            for seed in seeds
        ]
        pictures: Any = subjects[1].participant.train
        pictures.images[:] *= 1e20  # where other scales break
        start = subjects[0].hello().parameters
        for number, (scale, part, form, keeps, pull) in enumerate(asked, start=1):
            sent = Parameters(
                start.encoder * (scale if part != "decoders" else 1),
                start.decoders * (scale if part != "encoder" else 1),
            )
            request = TrainRequest("a", 0, sent, LocalRule(pull, keeps), answer=form)
            told = [answered(subject, request) for subject in subjects]
            assert form_of(told[0]) == form_of(told[1])
            assert told[0]["kind"] == ("trained" if sent.finite else "missing")
            if not sent.finite:
                assert told[0] == told[1]
            for subject in subjects:
                assert subject.ledger is not None
                assert subject.ledger.answers == number
            measured = [
                answered(subject, EvaluateRequest("a", 0, sent, LocalRule(pull, keeps))) for subject in subjects
            ]
            assert measured[0] == measured[1]


def answered(subject: Any, request: TrainRequest | EvaluateRequest) -> dict[str, Any]:
    found: dict[str, Any] = {}
    attempt(lambda: found.update(ClientHost({"a": lambda: subject}).answer("a", to_wire(request))))
    return found


def form_of(wire: Mapping[str, Any]) -> dict[str, Any]:
    """Return all of a message but what is blurred: numbers of parameters, and the scales they travel with."""
    return {name: (value.shape, value.dtype) if hasattr(value, "shape") else value for name, value in wire.items()}


# Messages to a client that no server would send


outside: Mapping[str, Sequence[Any]] = {
    "pull": [torch.nan, torch.inf, -torch.inf, -1.0, -1e-9, "1", None, True],
    "heads_first": [torch.nan, torch.inf, -0.1, 1.0001, 1e30, "x", None],
    "round": [-1, 5, 999_999_999, 10**9 + 1, 10**30, 1.0, "0", None],
    "since": [-1, 3, 10**12, 0.5, None],
    "begins": [-1, 4, 10**12, None],
    "client": ["../x", "../../etc", "a/b", "", ".", "a\n", "b", "a" * 200, 3],
    "keeps": ["all", "../x", "", 1],
    "answer": ["int4", "float64", "", None],
    "encoder": [torch.ones(3).char().numpy(), torch.ones(2, 2).numpy(), torch.full((3,), torch.nan).numpy(), "x"],
    "decoder/0": [torch.ones(3).char().numpy(), torch.ones(7).numpy(), None],
    "decoder/1": [torch.ones(3).numpy()],
    "more": [1, "x"],
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    """A client with states on the disk after its first two rounds of four."""
    folder = tmp_path_factory.mktemp("states")
    subject = client("depth", folder=folder)
    for number in range(2):
        subject.train(TrainRequest("a", number, subject.model.collect(), LocalRule()))
    return subject, folder


@tried(40)
@given(
    evaluate=st.booleans(),
    changes=st.lists(
        st.sampled_from(sorted(outside)).flatmap(lambda name: st.tuples(st.just(name), st.sampled_from(outside[name]))),
        min_size=1,
        max_size=3,
    ),
)
@example(evaluate=False, changes=[("since", None)])
def test_a_message_out_of_range_is_refused_and_the_states_of_the_client_stay(
    trained: tuple[Any, Path], evaluate: bool, changes: list[tuple[str, Any]]
) -> None:
    subject, folder = trained
    request = EvaluateRequest if evaluate else TrainRequest
    wire = {**to_wire(request("a", 2, subject.model.collect(), LocalRule())), **dict(changes)}
    before = {path.name: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    found: dict[str, Any] = {}
    attempt(lambda: found.update(ClientHost({"a": lambda: subject}).answer("a", wire)))
    assert found["kind"] == "missing"
    assert str(found["cause"]).isprintable()
    assert len(found["cause"]) <= 1000
    assert {path.name: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()} == before
    assert subject.state.rounds == 2


# Lines that were torn


lines = st.lists(
    st.one_of(
        st.builds(lambda number, loss: {"round": number, "losses": {"a": {"depth": loss}}},
                  st.integers(1, 10**9), st.floats(-1e12, 1e12)),
        st.builds(lambda moment, cause: {"time": moment, "what": "missing", "client": "ä", "cause": cause},
                  st.floats(0, 1e10), st.text(max_size=20)),
    ),
    min_size=1,
    max_size=4,
)  # fmt: skip


@tried(20)
@given(
    events=st.booleans(), written=lines, cut=st.integers(0, 10**6), left=st.binary(max_size=6), again=st.integers(1, 3)
)
def test_a_file_torn_at_any_byte_is_read_and_gone_on_with(
    events: bool, written: list[dict[str, Any]], cut: int, left: bytes, again: int
) -> None:
    """Torn once and again; of the bytes that a crash leaves behind, too, nothing but the torn line is lost."""
    kind = Event if events else journal.JournalLine
    written = [line for line in written if ("time" in line) == events] or [
        {"time": 1.0, "what": "begun"} if events else {"round": 1}
    ]
    with TemporaryDirectory() as folder:
        path, kept = Path(folder, "lines.jsonl"), list[dict[str, Any]]()
        path.touch()
        for line, _ in itertools.product(written, range(again)):
            journal.append(path, line)
            whole = path.read_bytes()
            torn = len(json.dumps(line)) + 1
            place = cut % (torn + 1)  # how many of its bytes are on the disk
            tail = left.replace(b"\n", b"") if place < torn - 1 else b""
            path.write_bytes(whole[: len(whole) - torn + place] + tail)
            kept += [line] if place >= torn - 1 else []
            if place < torn - 1 and _is_json(path.read_bytes()[len(whole) - torn :]):
                path.write_bytes(whole[: len(whole) - torn + place])  # a tail that makes a line whole again is no tear
            attempt(lambda: journal.read_lines(path, kind))
            assert journal.read_lines(path, kind) == kept
        journal.append(path, written[0])
        assert journal.read_lines(path, kind) == [*kept, written[0]]


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
