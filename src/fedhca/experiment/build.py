"""From words to objects: the only place where a recipe's names become data sets, tasks, models and methods."""

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fedhca.client.client import Client
from fedhca.client.clients import Clients, device_of
from fedhca.client.participant import Participant
from fedhca.data.augmented import Augmented
from fedhca.data.described.folder import Folder
from fedhca.data.described.huggingface import HuggingFace
from fedhca.data.nyud import NYUDv2, nyud_tasks
from fedhca.data.partition import partition
from fedhca.data.pascal_context import PASCALContext, pascal_context_tasks
from fedhca.data.source import GroundTruth, Source
from fedhca.data.synthetic import Figures, Rooms
from fedhca.data.wrapped import Kept, Shrunk
from fedhca.errors import RecipeError, unknown
from fedhca.experiment.recipe import Recipe
from fedhca.experiment.sections.client_section import ClientSection, ModelSection
from fedhca.experiment.sections.data_section import SyntheticData
from fedhca.methods import Method, make_method
from fedhca.models.client_model import ClientModel
from fedhca.models.encoder import Pyramid, backbone
from fedhca.seeds import derive
from fedhca.tasks import Edges, Task

log = logging.getLogger(__name__)

TRAIN, VAL = "train", "val"

SOURCES: dict[str, Callable[[Any, str, int], Source]] = {
    "rooms": lambda data, split, seed: Rooms(getattr(data, split), size=data.size, seed=seed, split=split),
    "figures": lambda data, split, seed: Figures(getattr(data, split), size=data.size, seed=seed, split=split),
    "nyud": lambda data, split, seed: NYUDv2(
        data.root,
        getattr(data, split),
        size=data.size,
        classes=data.classes,
        ground_truth=_ground_truth(data, split),
    ),
    "pascal_context": lambda data, split, seed: PASCALContext(
        data.root,
        getattr(data, split),
        size=data.size,
        classes=data.classes,
        parts=data.parts,
        cache=data.cache,
        legacy_parts=data.legacy_parts,
        legacy_normals=data.legacy_normals,
        ground_truth=_ground_truth(data, split),
    ),
    "folder": lambda data, split, seed: Folder(data.root, split, size=data.size, expected=data.labels),
    "huggingface": lambda data, split, seed: HuggingFace(
        data.path,
        split,
        data.labels,
        splits={TRAIN: data.train, VAL: data.val},
        columns=data.columns,
        size=data.size,
        seed=data.seed,
        revision=data.revision,
    ),
}
"""How each kind of data set is opened: its section of the recipe, the split, the seed."""


def _described(data: Any) -> Mapping[str, Task]:
    return {name: label.task(name) for name, label in data.labels.items()}


TASKS: dict[str, Callable[[Any], Mapping[str, Task]]] = {
    "rooms": lambda data: Rooms(1, size=data.size).tasks,
    "figures": lambda data: Figures(1, size=data.size).tasks,
    "nyud": lambda data: nyud_tasks(data.classes),
    "pascal_context": lambda data: pascal_context_tasks(data.classes, data.parts),
    "folder": _described,
    "huggingface": _described,
}
"""The tasks each kind of data set has labels for; its files need not be there."""


def build_method(recipe: Recipe) -> Method:
    """Make the method the recipe names."""
    section = recipe.method
    options = section.model_extra or {}
    return make_method(section.name, encoder=section.encoder, decoder=section.decoder, **options)


def build_encoder(recipe: Recipe, model: ModelSection | None = None) -> Pyramid:
    """Make the encoder that clients of a model start from; without pretrained weights it derives from the seed."""
    section = model or recipe.model
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive(recipe.seed, "encoder"))
        return backbone(section.backbone, pretrained=section.pretrained, config=section.config)


def build_clients(recipe: Recipe) -> Callable[[Participant, Path | None], Client]:
    """Return what makes a participant a client with the recipe's model, its state saved in the folder if given."""
    with_model = build_models(recipe)
    in_memory = recipe.site.model_copy(update={"states": "memory"})
    makers = {True: Clients(recipe, recipe.site), False: Clients(recipe, in_memory)}
    return lambda participant, folder: makers[folder is not None].make(with_model(participant), folder)


def build_models(recipe: Recipe) -> Callable[[Participant], Participant]:
    """Return what gives a participant the recipe's model for it; those of one backbone start from one encoder."""
    models = {client.name: recipe.model_of(client) for client in recipe.roster}
    built: list[tuple[ModelSection, Pyramid]] = []

    def equip(participant: Participant) -> Participant:
        width = models[participant.name].width
        model = models[participant.name].model_copy(update={"width": recipe.model.width})
        encoder = next((encoder for other, encoder in built if other == model), None)
        if encoder is None:
            encoder = build_encoder(recipe, model)
            built.append((model, encoder))
        return replace(participant, encoder=encoder, width=width)

    return equip


def build_model(recipe: Recipe, name: str) -> ClientModel:
    """Make the model of one client, as it begins; RecipeError if there is no such client."""
    clients = {client.name: client for client in recipe.roster}
    if name not in clients:
        raise RecipeError(f"The client should be one of {', '.join(clients)}. Found '{name}'.")
    tasks, section = build_tasks(recipe, clients[name]), recipe.model_of(clients[name])
    model = ClientModel(build_encoder(recipe, section), tasks, width=section.width, seed=recipe.seed)
    return model.to(device_of(recipe.site))


def training_size(recipe: Recipe, name: str) -> tuple[int, int]:
    """Return height and width of the pictures that a client trains on."""
    dataset = next(client.dataset for client in recipe.roster if client.name == name)
    return recipe.datasets[dataset].size


def client_class_names(recipe: Recipe, name: str) -> dict[str, tuple[str, ...]]:
    """Return the names of the classes of a client's tasks, where its data set has them."""
    client = next(each for each in recipe.roster if each.name == name)
    data: Any = recipe.datasets[client.dataset]
    labels = getattr(data, "labels", None) or {}
    named = {task: getattr(label, "classes", None) for task, label in labels.items()}
    scenes = {"rooms": Rooms.classes, "figures": Figures.classes}
    if data.kind in scenes:
        named["semseg"] = scenes[data.kind]
    return {task: names for task in client.tasks if isinstance(names := named.get(task), tuple)}


def build_sources(recipe: Recipe, split: str, datasets: Iterable[str] | None = None) -> dict[str, Source]:
    """Open one split of the data sets named, or of every one that a client is on."""
    keep = recipe.training.workers == 0  # loading processes live for a round only, and could hand nothing on
    return {
        name: _open(recipe.datasets[name], split, derive(recipe.seed, "data", name), keep=keep)
        for name in dict.fromkeys(datasets or [client.dataset for client in recipe.roster])
    }


def _ground_truth(data: Any, split: str) -> GroundTruth:
    """Return what edges are: clients always train on the label."""
    return data.ground_truth if split == VAL else "label"


def _open(data: Any, split: str, seed: int, *, keep: bool) -> Source:
    """Open one split; small pictures that are slow to make or to read may be kept in memory."""
    source = SOURCES[data.kind](data, split, seed)
    log.info("data of kind %s, split %s: %d pictures, %s", data.kind, split, len(source), getattr(data, "root", "made"))
    small = isinstance(data, SyntheticData)
    if not small and data.shrink < 1:
        source, small = Shrunk(source, data.shrink, data.size), True
    return Kept(source) if small and keep else source


def build_tasks(recipe: Recipe, client: ClientSection) -> tuple[Task, ...]:
    """Return the client's tasks with the recipe's weights."""
    data = recipe.datasets[client.dataset]
    known = _tasks(data)
    for name in client.tasks:
        if name not in known:
            raise RecipeError(f"Client '{client.name}': {unknown(f'task of {client.dataset}', name, known)}")
    weighed = [replace(known[name], weight=recipe.weights.get(name, known[name].weight)) for name in client.tasks]
    return tuple(_within(task, data.max_dist) for task in weighed)


def _tasks(data: Any) -> Mapping[str, Task]:
    return TASKS[data.kind](data)


def _within(task: Task, max_dist: float | None) -> Task:
    return replace(task, max_dist=max_dist) if isinstance(task, Edges) and max_dist is not None else task


def build_participants(recipe: Recipe, only: Collection[str] | None = None) -> list[Participant]:
    """Open data and share every data set's training pictures out among its clients, at random and disjoint.

    Args:
        recipe: of the federation.
        only: names of the clients to build; their data sets alone are opened. All if not given.

    Raises:
        RecipeError: there is no such client, a task or its weight does not exist.
        DataError: the data are not there, or not as they should be.

    """
    roster, everybody = recipe.roster, {client.name for client in recipe.roster}
    for name in only or ():
        if name not in everybody:
            raise RecipeError(unknown("client", name, everybody))
    wanted = [client for client in roster if only is None or client.name in only]
    datasets = [client.dataset for client in wanted]
    train, test = (build_sources(recipe, split, datasets) for split in (TRAIN, VAL))
    known = {task for name in {client.dataset for client in roster} for task in _tasks(recipe.datasets[name])}
    for name in recipe.weights:
        if name not in known:
            raise RecipeError(unknown("task in `weights`", name, known))
    shares: dict[str, np.ndarray] = {}
    for name, source in train.items():
        mine = [client.name for client in roster if client.dataset == name]
        split = partition(len(source), len(mine), derive(recipe.seed, "partition", name))
        shares |= dict(zip(mine, split, strict=True))
    participants = []
    for client in wanted:
        source, changes = train[client.dataset], recipe.datasets[client.dataset].augmentation.model_dump()
        participants.append(
            Participant(
                client.name,
                build_tasks(recipe, client),
                Augmented(source, shares[client.name], client.tasks, train=True, **changes),
                Augmented(test[client.dataset], range(len(test[client.dataset])), client.tasks, train=False),
                client.dataset,
                client.joins,
                client.leaves,
                client.local_epochs or 1,
            )
        )
    return participants
