"""Everything that can go wrong before training, found without training."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from fedhca.aggregation import Member
from fedhca.client.client import Client
from fedhca.client.participant import Participant
from fedhca.client.privacy import epsilon
from fedhca.client.shared_trainer import SharedTrainer
from fedhca.data.augmented import Augmented
from fedhca.data.source import Source, problems_of
from fedhca.errors import DataError
from fedhca.experiment import build
from fedhca.experiment.recipe import Recipe
from fedhca.server.architecture_group import architecture_lines, architectures
from fedhca.server.client_registry import ClientRegistry
from fedhca.wire.compression import compress

MOMENTS = 2
"""Copies of a client's parameters that AdamW holds."""

PASSES = 2
"""Copies of the parameters in a module, which clients with the same tasks share: values and gradients."""

TABLES = 3
"""Rows of a client at the server: handed out, sent, and the first ones or those on their way."""


@dataclass(frozen=True)
class Findings:
    """What a recipe would do.

    Attributes:
        rows: of every client: name, data set, tasks, training and test pictures, kilobytes down and up per round.
        summary: bytes per round of the whole federation, and memory for parameters.
        problems: one line for everything that is wrong with the data.
        privacy: what the run would give away of each client, in one line; empty where nothing is blurred.
        families: who is not mixed with whom, in a line for encoders and one for decoders; none if all are alike.

    """

    rows: list[list[str]]
    summary: str
    problems: list[str]
    privacy: str = ""
    families: Sequence[str] = ()


def check_recipe(recipe: Recipe, only: Collection[str] | None = None) -> Findings:
    """Build everything, read every file once, and push one batch through every kind of client.

    Args:
        recipe: to check.
        only: names of clients; what the others have is not looked at. All if not given.

    Raises:
        FedhcaError: something is wrong with recipe, data or model that leaves nothing further to check.

    """
    build.build_method(recipe)
    privacy = given_away(recipe)
    problems = [line for split in (build.TRAIN, build.VAL) for line in _data_problems(recipe, split, only)]
    make = build.build_clients(recipe)
    rows, modules = [], dict[SharedTrainer, int]()
    members, layouts = [], []
    travelling, sent_down, sent_up, scalars = 0, 0, 0, 0
    for participant in _participants(recipe, problems, only):
        client = make(participant, None)
        hello = client.hello()
        members.append(Member(hello.client, hello.dataset, hello.tasks))
        layouts.append((hello.encoder_layout, hello.decoder_layout))
        down, up = (
            compress(hello.parameters, form, hello.encoder_layout, hello.decoder_layout).bytes
            for form in (recipe.sent.down, recipe.sent.up)
        )
        travelling += hello.parameters.bytes
        sent_down, sent_up = sent_down + down, sent_up + up
        modules[client.state.shared] = sum(parameter.numel() for parameter in client.model.parameters())
        scalars += modules[client.state.shared]
        if not problems:  # else it would say the same again
            _try(client, problems)
        tasks = " ".join(task.name for task in client.participant.tasks)
        counts = [str(len(client.participant.train)), str(len(client.participant.test))]
        rows.append([client.name, hello.dataset, tasks, *counts, f"{down / 1e3:.0f}", f"{up / 1e3:.0f}"])
    tables = TABLES + (recipe.sent.up != "float32")  # what fewer bits leave over stays with each client
    memory = (scalars * MOMENTS + sum(modules.values()) * PASSES + travelling // 4 * tables) * 4 / 1e9
    summary = (
        f"{len(rows)} clients; {sent_down / 1e6:.1f} MB down and {sent_up / 1e6:.1f} MB up per round; about "
        f"{memory:.2f} GB for parameters, gradients, moments and the server's rows, activations not counted; "
        f"{len(problems)} problems."
    )
    families = ClientRegistry(tuple(members), tuple(layouts)).families
    return Findings(rows, summary, problems, privacy, architecture_lines(architectures(families)))


def given_away(recipe: Recipe) -> str:
    """Say ε of the whole run in one line; nothing where nothing is blurred.

    Raises:
        FedhcaError: the accountant is not installed.

    """
    privacy = recipe.privacy
    if privacy is None:
        return ""
    spent = f"ε = {epsilon(privacy, recipe.rounds):.3g} at δ = {privacy.delta:g} for each client"
    counts = f"after {recipe.rounds} answers, one a round; a round done again counts again, and so does every other run"
    metrics = "Metrics are sent, and not covered." if privacy.metrics else "Metrics are not sent."
    return f"Privacy: {spent} {counts}. {metrics}"


def _participants(recipe: Recipe, problems: list[str], only: Collection[str] | None) -> list[Participant]:
    """Build all; where problems are known, one more must not hide them."""
    try:
        return build.build_participants(recipe, only)
    except DataError as error:
        if not problems:
            raise
        problems.append(str(error))
        return []


def _try(client: Client, problems: list[str]) -> None:
    try:
        client.try_batch()
    except DataError as error:
        problems.append(f"Client '{client.name}': {error}")


def _data_problems(recipe: Recipe, split: str, only: Collection[str] | None) -> list[str]:
    """Read every sample with the labels that some client uses."""
    found = []
    clients = [client for client in recipe.roster if only is None or client.name in only]
    for name, source in build.build_sources(recipe, split, [client.dataset for client in clients]).items():
        used = {task for client in clients if client.dataset == name for task in client.tasks}
        tasks = sorted(used & source.tasks.keys())
        problems = source.problems(tasks) if split == build.TRAIN else _test_problems(source, tasks)
        found += [f"data set `{name}`: {problem}" for problem in problems]
    return found


def _test_problems(source: Source, tasks: Sequence[str]) -> list[str]:
    """Read every sample as tests do: a picture larger than the data set's `size` is a problem there."""
    pictures = Augmented(source, range(len(source)), tasks, train=False)
    return problems_of(pictures.__getitem__, len(pictures))
