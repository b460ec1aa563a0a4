"""Answers, messages, files and commands that lie, or come twice: what is promised of each, with random instances.

    PYTHONPATH=tests python tests/torture/lies.py [--tries 40] [--seed 0] [--only "huge answers" …]

The last line says how many were tried, and how many did no harm.
"""

import argparse
import json
import logging
import os
import random
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import yaml_bombs
from kill import RECIPE, differences, live, load_everything

from fedhca.client.privacy import Privacy
from fedhca.compression import compress
from fedhca.engines.events import events, note
from fedhca.engines.post import Post
from fedhca.engines.site import Site
from fedhca.engines.wire import to_wire
from fedhca.errors import FedhcaError
from fedhca.experiment import journal
from fedhca.experiment.checkpoint import load_checkpoint
from fedhca.experiment.drive import drive
from fedhca.experiment.recipes import load_recipe
from fedhca.layout import Layout
from fedhca.messages import Hello, LocalRule, TrainReply, TrainRequest
from fedhca.methods import METHODS, make_method
from fedhca.parameters import Parameters, is_finite
from fedhca.runtimes import ScriptedRuntime
from fedhca.server import Guard, Policy, Round
from fedhca.server.replies import gather
from tally import tally
from tiny import client, train

ENCODER, DECODER = Layout.of({"a.weight": (6, 4), "b.weight": (6,)}), Layout.of({"c.weight": (4, 3)})
ROUNDS = 3
SECONDS, ROOM = 10.0, 500_000
"""In which a file has to be read or refused, and kilobytes that it may take."""

Answer = Callable[[TrainRequest], Parameters]


def main() -> int:
    options = _options()
    torch.set_num_threads(1)  # a pool of threads would not survive the fork
    warnings.simplefilter("ignore")
    logging.disable()  # what a site says in its own log
    load_everything()
    draw, survived, tried = random.Random(options.seed), 0, 0
    for kind in options.only or LIES:
        for number in range(options.tries):
            with tempfile.TemporaryDirectory() as place:
                found = [*_said(kind, draw, Path(place))]
            survived, tried = survived + (not found), tried + 1
            tally("lies")
            if found or number == options.tries - 1:
                print(f"{kind} {number + 1}: {'; '.join(found) or 'no harm done'}", flush=True)
    print(f"lies {tried}, without harm {survived} (seed {options.seed})")
    return 0 if survived == tried else 1


def _said(kind: str, draw: random.Random, place: Path) -> Iterator[str]:
    try:
        yield from LIES[kind](draw, place)
    except Exception as error:
        yield f"{type(error).__name__}: {error}"


def two_at_once(draw: random.Random, place: Path) -> Iterator[str]:
    """Two commands go on with one run: the second is refused, or comes after the first; nothing is doubled."""
    words = [str(RECIPE), "--set", f"rounds={ROUNDS}", f"seed={draw.randrange(1000)}"]
    live(["run", *words, "--out", str(place / "whole")]).wait()
    lives = [live(["run", *words, "--out", str(place / "run")])]
    time.sleep(draw.uniform(0, 1.5))
    begun = (place / "run" / "recipe.yaml").exists()
    lives.append(live(["resume", str(place / "run")] if begun else ["run", *words, "--out", str(place / "run")]))
    codes = sorted(life.wait() for life in lives)
    if codes not in ([0, 0], [0, 1]):
        yield f"they ended with {codes}"
    rounds = [line["round"] for line in journal.read(place / "run" / "journal.jsonl")]
    if rounds != [*range(1, ROUNDS + 1)]:
        yield f"the journal has rounds {rounds}"
    yield from differences(place / "whole", place / "run")


def huge_answers(draw: random.Random, place: Path) -> Iterator[str]:
    """A client sends finite numbers near the greatest there are: what is saved is finite, and the client is named."""
    names, tasks = _people(draw)
    liar, number = draw.choice(names), draw.randrange(ROUNDS)
    size = draw.choice([3.4, 3.4, draw.uniform(0.1, 3.4)]) * 1e38
    method = draw.choice([*METHODS, *["fedhca2", "official", "fedhca2_sum", "cagrad", "colnet"] * 3])

    def lying(request: TrainRequest) -> Parameters:
        moved = _moved(request)
        if (request.client, request.round) != (liar, number):
            return moved
        return Parameters(torch.sign(torch.randn(ENCODER.width)) * size, moved.decoders)

    at_once = False
    try:
        _run(method, tasks, lying, place)
    except FedhcaError as error:
        at_once = len(journal.read(place / "journal.jsonl")) <= number + 1
        if at_once and f"'{liar}'" not in str(error):
            yield f"{method}: the line does not name {liar}: {error}"
    for path in sorted((place / "server").glob("after-*")):
        saved = load_checkpoint(path.parent)
        if saved is not None and not is_finite(*saved.state.rows):
            yield f"{method}: {path.name} or the one after it holds what is not finite"
            break
    try:
        rounds = _run(method, tasks, _moved, place)
        if rounds and not is_finite(*rounds[-1].state.rows):
            yield f"{method}: what it went on to is not finite"
    except FedhcaError as error:
        if at_once:  # else the lie was taken, and is in every client by now
            yield f"{method}: it does not go on: {error}"


def one_with_many_decoders(draw: random.Random, place: Path) -> Iterator[str]:
    """Most decoders are one client's, whose updates are far too long or too short: no honest one is refused for it."""
    tasks = {f"honest-{number}": 1 for number in range(draw.randint(3, 5))} | {"liar": draw.randint(2, 8)}
    factor, number = 10 ** (draw.choice([-1, 1]) * draw.uniform(3, 8)), draw.randrange(ROUNDS)

    def lying(request: TrainRequest) -> Parameters:
        start, moved = request.parameters.plain, _moved(request)
        if (request.client, request.round) != ("liar", number):
            return moved
        return Parameters(moved.encoder, start.decoders + factor * (moved.decoders - start.decoders))

    for each in _run("fedavg", tasks, lying, place, policy=Policy("keep"), guard=Guard(bound=2, reject=10)):
        refused = {*each.missing.get("train", {})}
        if refused - {"liar"}:
            yield f"×{factor:.3g}, {tasks['liar']} of {sum(tasks.values())} decoders: {sorted(refused)} refused"
        if each.number == number + 1 and factor > 1 and "liar" not in refused:
            yield f"×{factor:.3g}: the liar passed"


def bombs(draw: random.Random, place: Path) -> Iterator[str]:
    """YAML that unfolds: read or refused at once, whatever it is made of."""
    path = place / "recipe.yaml"
    path.write_text(yaml_bombs.drawn(draw))
    before, began = _peak(), time.monotonic()
    try:
        load_recipe(path)
    except FedhcaError as error:
        if not str(error).isprintable():
            yield f"no line: {error!r}"
    took, room = time.monotonic() - began, _peak() - before
    if took > SECONDS or room > ROOM:
        yield f"{path.stat().st_size} bytes took {took:.1f} s and {room / 1000:.0f} MB"


def questions_to_a_private_client(draw: random.Random, place: Path) -> Iterator[str]:
    """What a private client is handed out, however large, it answers alike, and counts."""
    asked = client("depth", "edge", privacy=Privacy(1.0, 1.0), folder=place / "a")
    own = asked.model.collect()
    for number in range(1, 4):
        scale = 10 ** draw.uniform(0, 38.5)
        sent = Parameters(own.encoder, (own.decoders * scale).clamp(-3.4e38, 3.4e38))
        try:
            reply = train(asked, asked.rounds, sent)
        except FedhcaError as error:
            yield f"decoders ×{scale:.3g}: it says {error}"
        else:
            if reply.losses or not is_finite(reply.parameters.plain.encoder, reply.parameters.plain.decoders):
                yield f"decoders ×{scale:.3g}: losses {reply.losses}, or an answer that is not finite"
        if (counted := json.loads((place / "a" / "privacy.json").read_bytes())["answers"]) != number:
            yield f"{number} asked, {counted} counted"


def messages_out_of_range(draw: random.Random, place: Path) -> Iterator[str]:
    """A request beyond what a client was told of a run is answered by a refusal, and changes no file."""
    mine = client("depth", name="a", folder=place / "a")
    site = Site({"a": lambda: mine})
    sent = mine.hello().parameters
    for number in range(2):
        site.answer("a", to_wire(TrainRequest("a", number, sent, LocalRule())))
    before = _files(place)
    good = dict(to_wire(TrainRequest("a", 2, sent, LocalRule())))
    field, values = draw.choice([*BEYOND.items()])
    value = draw.choice(values)
    reply = site.answer("a", {**good, field: value})
    if reply["kind"] != "missing":
        yield f"`{field}` = {value!r} was taken"
    if _files(place) != before:
        yield f"`{field}` = {value!r} changed files"
    if site.answer("a", good)["kind"] == "missing":
        yield f"after `{field}` = {value!r} it answers no more"
    yield from _unasked(mine.hello().parameters.plain)


def _unasked(sent: Parameters) -> Iterator[str]:
    """Rows in fewer bits than were asked for are no answer."""
    layouts = (Layout.of({"a": (sent.encoder.numel(),)}), Layout.of({"b": (sent.decoders.shape[1],)}))
    reply = TrainReply("a", 0, compress(sent, "int8", *layouts), {})
    request = TrainRequest("a", 0, sent, LocalRule())
    post = Post(lambda wires: [("a", to_wire(reply))], ["a"])
    if "a" in gather(post.train, [request, replace(request, client="b")], Policy("keep")).replies:
        yield "rows in int8 were taken, which were not asked for"


def torn_lines(draw: random.Random, place: Path) -> Iterator[str]:
    """A line that a full disk cut off is passed over, by whoever reads on and whoever writes on."""
    count = draw.randint(1, 4)
    for number in range(count):
        note(place, "missing", f"client-{number}", "power cut")
    _tear(draw, place / "events.jsonl")
    for more in range(draw.randint(1, 3)):
        note(place, "again")
        if len(events(place)) != count + more:
            yield f"{len(events(place))} events instead of {count + more}"
    path = place / "journal.jsonl"
    path.touch()
    for number in range(count):
        journal.append(path, {"round": number + 1, "losses": {"a": {"depth": 1.5}}})
    _tear(draw, path)
    journal.rewind(path, count - 1)
    journal.append(path, {"round": count})
    if [line["round"] for line in journal.read(path)] != [*range(1, count + 1)]:
        yield "the journal lost a round"


LIES: Mapping[str, Callable[[random.Random, Path], Iterator[str]]] = {
    "two at once": two_at_once,  # first: after a backward pass torch cannot be forked
    "huge answers": huge_answers,
    "one with many decoders": one_with_many_decoders,
    "bombs": bombs,
    "questions to a private client": questions_to_a_private_client,
    "messages out of range": messages_out_of_range,
    "torn lines": torn_lines,
}
NAN, INF = float("nan"), float("inf")
BEYOND: Mapping[str, Sequence[Any]] = {
    "round": [-1, 1, 4, 999_999_999, 2**40],
    "since": [-1, 3, 10**9],
    "pull": [NAN, INF, -INF, -0.1],
    "heads_first": [NAN, INF, -0.1, 1.5],
    "keeps": ["x", "", "../x"],
    "answer": ["int4", "", "float64"],
    "client": ["../../x", "b", ""],
}
"""Fields of a request, and what they may not be at a client of four rounds."""


def _people(draw: random.Random) -> tuple[list[str], dict[str, int]]:
    """Return some clients, and how many decoders each has."""
    tasks = {f"client-{number}": draw.randint(1, 2) for number in range(draw.randint(3, 5))}
    return [*tasks], tasks


def _moved(request: TrainRequest) -> Parameters:
    start = request.parameters.plain
    way = Parameters(0.1 * torch.randn(ENCODER.width), 0.1 * torch.randn_like(start.decoders))
    return Parameters(start.encoder + way.encoder, start.decoders + way.decoders)


def _run(method: str, tasks: Mapping[str, int], answer: Answer, folder: Path, **options: Any) -> list[Round]:
    """Run to the end, or go on to it, and return the rounds; options as in `drive`."""
    words = ("semseg", "depth", "edge", *"abcde")
    hellos = [
        Hello(name, name, words[:count], 5, ENCODER, DECODER, _start(count))  # none is of another's group
        for name, count in tasks.items()
    ]
    runtime, made = ScriptedRuntime(hellos, answer), make_method(method)
    return [*drive(made, runtime, order=[*tasks], until=ROUNDS, folder=folder, **options)]


def _start(count: int) -> Parameters:
    return Parameters(torch.zeros(ENCODER.width), torch.zeros(count, DECODER.width))


def _tear(draw: random.Random, path: Path) -> None:
    """Cut off some of the last line."""
    content = path.read_bytes()
    last = len(content) - content.rstrip(b"\n").rfind(b"\n") - 1
    os.truncate(path, len(content) - draw.randint(1, last - 1))


def _files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _peak() -> int:
    """Return the most memory this process has had so far, in kB."""
    import resource  # noqa: PLC0415  not on every system

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--tries", type=int, default=40, help="of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", choices=[*LIES])
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
