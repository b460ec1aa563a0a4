"""A federation in this process: every participant becomes a client here."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import nn

from fedhca.client.clients import Clients
from fedhca.client.participant import Participant
from fedhca.client.samples import check_first_samples
from fedhca.client.training import OnStep
from fedhca.config.federation import Federation, Site
from fedhca.data.augmented import Augmented
from fedhca.errors import RecipeError
from fedhca.experiment import build
from fedhca.experiment.drive import CLIENTS, drive
from fedhca.experiment.recipe import Recipe
from fedhca.experiment.recipes import changed, load_recipe
from fedhca.experiment.run_folder import RunFolder
from fedhca.methods import Method, make_method
from fedhca.models.decoder import Decoder, MakeDecoder
from fedhca.runtimes.local import LocalRuntime
from fedhca.server.replies import Tell
from fedhca.server.state import Round
from fedhca.storage.lock import in_use


def run(
    what: Sequence[Participant] | Recipe | Path | str,
    encoder: nn.Module | None = None,
    method: Method | str | None = None,
    *,
    decoder: MakeDecoder = Decoder,
    site: Site | None = None,
    out: Path | str | None = None,
    on_step: OnStep | None = None,
    tell: Tell = lambda missing: None,
    **options: Any,
) -> Iterator[Round]:
    """Run a federation in this process and yield its rounds.

    `for round in fedhca.run("demo", rounds=3): …` runs a recipe; participants of your own come with an encoder:
    `fedhca.run(participants, encoder, rounds=20, training={"batch_size": 4}, out="runs/mine")`.

    Args:
        what: who takes part, in the order of the roster; or a recipe, or the name or path of one.
        encoder: the backbone that participants start from (each gets a copy) who have none of their own:
            `fedhca.backbone(...)`, or a module of your own that maps pictures to a list of maps, largest first, and has
            their `channels`. A recipe names its own.
        method: a name of the catalogue, or a `Method` from `fedhca.methods`; a recipe's own, or `fedhca2`, if not
            given.
        decoder: what makes decoders, but of participants with one of their own; see `fedhca.models.MakeDecoder`.
        site: device, loading processes, and where states are; a recipe's own if not given.
        out: the run folder: journal, checkpoints, clients' states. If it holds an interrupted run of the same
            federation, that run goes on; one process at a time may. Nothing is written if not given.
        on_step: is told every training step.
        tell: is told at once of each client that cannot go on (a loss that is not finite, a file that cannot be read).
        options: fields of `Federation` (`rounds`, `training`, `guard`, …) and `Site`; of a recipe, any of its keys.

    Yields:
        each round, after its line in the journal, and its checkpoint if one is due, are on the disk.

    Raises:
        FedhcaError: with one line that says what to mend.

    """
    folder = None if out is None else Path(out)
    if isinstance(what, Recipe | Path | str):
        if encoder is not None:
            raise RecipeError("A recipe should name its own encoder. Found another. Set `model.backbone`.")
        words = options if method is None or isinstance(method, Method) else {**options, "method": method}
        recipe = changed(what if isinstance(what, Recipe) else load_recipe(what), words)
        if folder is not None:
            recipe = RunFolder.create(folder, recipe).recipe
        federation: Federation = recipe
        participants = [*map(build.build_models(recipe), build.build_participants(recipe))]
        made = method if isinstance(method, Method) else build.build_method(recipe)
        here = site or recipe.site
    else:
        participants = list(what)
        federation, here = _options(participants, site or Site(), options)
        _look(participants)
        made = method if isinstance(method, Method) else make_method(method or "fedhca2")
    make = Clients(federation, here, encoder, decoder).make
    clients = [make(each, None if folder is None else folder / CLIENTS / each.name, on_step) for each in participants]
    going = drive(made, LocalRuntime(clients), federation, folder, here.states, tell)
    return going if folder is None else _alone(folder, going)


def _options(participants: Sequence[Participant], site: Site, options: Mapping[str, Any]) -> tuple[Federation, Site]:
    """Return how participants' federation is run, and the machine, with options for either."""
    if not participants:
        raise RecipeError("A federation should have at least one participant. Found none.")
    ours = {name: options[name] for name in options.keys() & Site.model_fields.keys()}
    others: dict[str, Any] = {name: value for name, value in options.items() if name not in ours}
    clients = tuple(each.client for each in participants)
    return Federation(**others, clients=clients), Site(**{**site.model_dump(), **ours})


def _look(participants: Sequence[Participant]) -> None:
    """Look at the first samples of data that `fedhca check` does not look at."""
    for each in participants:
        for pictures, split in ((each.train, "training"), (each.test, "test")):
            if not isinstance(pictures, Augmented):
                check_first_samples(
                    pictures, each.tasks, f"Client '{each.name}', {split} data", train=split == "training"
                )


def _alone(folder: Path, going: Iterator[Round]) -> Iterator[Round]:
    with in_use(folder):
        yield from going
