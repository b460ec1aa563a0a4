"""One client's model as a run left it."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import torch
from torch import nn

from fedhca.client.clients import Architecture
from fedhca.client.home_tensors import scatter_kept
from fedhca.client.participant import Participant
from fedhca.config.federation import TransferDtype
from fedhca.errors import RunFolderError
from fedhca.experiment.checkpoint import Checkpoint, load_checkpoint, require_held
from fedhca.experiment.drive import CHECKPOINTS, CLIENTS
from fedhca.methods import METHODS, Method, make_method
from fedhca.models.client_model import ClientModel
from fedhca.models.decoder import Decoder, MakeDecoder
from fedhca.server.architecture_group import PARTS
from fedhca.sharing.predictor import Predictor
from fedhca.storage.state_folder import StateFolder
from fedhca.wire.compression import compress


def trained(
    out: Path | str,
    participant: Participant,
    encoder: nn.Module | None = None,
    method: Method | str | None = None,
    *,
    width: int = 96,
    decoder: MakeDecoder = Decoder,
    device: torch.device | str = "cpu",
    classes: Mapping[str, Sequence[str]] | None = None,
) -> Predictor:
    """Return one participant's model from the folder of `fedhca.run(..., out=out)`, as the newest checkpoint left it.

    It is the model that the method keeps in the end, with the participant's own heads and buffers. To have it without
    the run: `trained(...).save_pretrained("model")`. Of a run of a recipe, `RunFolder.predictor` needs a name alone.

    Args:
        out: the folder.
        participant: as it was in the run; the first of its test pictures is read, for its size.
        encoder: as in `fedhca.run`; copied, and its numbers do not matter.
        method: of the run, if it is one of your own.
        width: as in `fedhca.run`.
        decoder: as in `fedhca.run`.
        device: where to put the model.
        classes: names of a task's classes, if they are known.

    Raises:
        RecipeError: the participant has no encoder.
        RunFolderError: the folder holds no checkpoint, or one of other clients, another model, or a method that is
            not of this package.

    """
    folder, name = Path(out), participant.name
    newest = newest_checkpoint(folder, held_here(folder, [name]))
    if name not in newest.state.roster.names:
        known = ", ".join(newest.state.roster.names)
        raise RunFolderError(f"'{folder}' should hold a run with client '{name}'. Found one of {known}.")
    model = Architecture(encoder, decoder, width).of(participant).build(participant, newest.settings["seed"])
    restore(model.to(device), folder, name, newest, _method(folder, newest, method), newest.settings["sent"]["down"])
    y, x = participant.test[0]["image"].shape[-2:]
    return Predictor(name, model.eval(), list(participant.tasks), (y, x), dict(classes or {}))


def restore(
    model: ClientModel, folder: Path, name: str, newest: Checkpoint, method: Method, down: TransferDtype
) -> None:
    """Make a model the one that a client of a run has in the end.

    Args:
        model: of the client's architecture.
        folder: of the run.
        name: of the client.
        newest: the checkpoint to take.
        method: of the run.
        down: in what form parameters travelled to clients.

    Raises:
        RunFolderError: the run was of another model, or the client's state is not here.

    """
    roster = newest.state.roster
    for part, asked, held in zip(
        PARTS, (model.encoder_layout, model.decoder_layout), roster.layouts_of(name), strict=True
    ):
        if difference := asked.difference(held):
            found = f"'{folder}' holds a run in which the {part} of '{name}' is another: here {difference} there"
            raise RunFolderError(f"{found}. Restore its recipe.yaml, or give what `fedhca.run` was given.")
    since = int(newest.state.since[roster.names.index(name)])
    received = compress(newest.state.parameters[name], down, *roster.layouts_of(name)).plain
    if since and not (folder / CLIENTS).is_dir():
        expected = f"'{folder}' should hold its clients' states"
        raise RunFolderError(f"{expected}. Found none: between sites they stay there. There: fedhca site predict.")
    if since:
        scatter_kept(StateFolder(folder / CLIENTS / name, name).load(since)[0], model, method.local.keeps, received)
    else:
        model.install(received)  # none of its answers counted: it has the heads it began with


def newest_checkpoint(folder: Path, held: Mapping[str, Collection[int] | None]) -> Checkpoint:
    """Return the newest checkpoint that is whole and that clients have whole states of their own to go with.

    Args:
        folder: of the run.
        held: after how many rounds each client's states are; None for one that does not say.

    Raises:
        RunFolderError: there is none.

    """
    found = load_checkpoint(folder / CHECKPOINTS, fits=lambda checkpoint: require_held(checkpoint, held))
    if found is None:
        raise no_checkpoint(folder)
    return found


def no_checkpoint(folder: Path) -> RunFolderError:
    """Return what to say of a run that has not saved anything."""
    return RunFolderError(f"'{folder}' should hold a checkpoint. Found none. Run it first.")


def held_here(folder: Path, names: Iterable[str]) -> dict[str, Collection[int]]:
    """Return after how many rounds the whole states of clients are; nothing if they are at their sites."""
    if not (folder / CLIENTS).is_dir():
        return {}
    return {name: StateFolder(folder / CLIENTS / name, name).whole() for name in names}


def _method(folder: Path, checkpoint: Checkpoint, given: Method | str | None) -> Method:
    """Return the method of a run: it is in the checkpoint, unless it is somebody's own."""
    if given is not None:
        return make_method(given) if isinstance(given, str) else given
    name = checkpoint.settings["method"]
    if name not in METHODS:
        raise RunFolderError(f"'{folder}' holds a run of a method of somebody's own, '{name}'. Give it as `method`.")
    return make_method(name, **checkpoint.settings["options"])
