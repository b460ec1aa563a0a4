"""One folder per run: the resolved recipe, the environment, the journal, the checkpoints.

DIR/recipe.yaml            the recipe, defaults included
DIR/environment.json       versions and machine
DIR/journal.jsonl          one line a round
DIR/server/                the server's last two checkpoints
DIR/clients/NAME/          each client's last three states: what never leaves home
DIR/.lock                  held by the command that runs it
"""

import json
import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fedhca.errors import RunFolderError
from fedhca.experiment import build, journal
from fedhca.experiment.checkpoint import Checkpoint, load_roster
from fedhca.experiment.difference import first_difference
from fedhca.experiment.drive import CHECKPOINTS, CLIENTS, JOURNAL
from fedhca.experiment.provenance import environment, provenance
from fedhca.experiment.recipe import Recipe
from fedhca.experiment.recipes import as_begun, dump_recipe, load_recipe, to_yaml
from fedhca.experiment.trained import held_here, newest_checkpoint, no_checkpoint, restore
from fedhca.runtimes.local import LocalRuntime
from fedhca.server.client_registry import ClientRegistry
from fedhca.server.rounds import evaluate_clients
from fedhca.sharing.card import Provenance
from fedhca.sharing.predictor import Predictor
from fedhca.storage.atomic import write_atomically
from fedhca.storage.lock import in_use
from fedhca.tasks.task import Task

RECIPE, ENVIRONMENT = "recipe.yaml", "environment.json"


@dataclass(frozen=True)
class RunFolder:
    """A run on disk.

    Attributes:
        path: the folder.
        recipe: the resolved recipe in it.

    """

    path: Path
    recipe: Recipe

    @classmethod
    def create(cls, path: Path, recipe: Recipe) -> "RunFolder":
        """Make the folder of a new run, or take that of the same run begun before.

        A folder in which no round was done is taken over: its recipe may have been the one to mend.

        Raises:
            RecipeError: the method does not exist, or not with these options.
            RunFolderError: the folder holds rounds of another recipe, is in use, or cannot be written.

        """
        build.build_method(recipe)
        if (path / RECIPE).exists():
            found = cls.open(path)
            if found.recipe in (recipe, as_begun(recipe)):
                return found
            if found.journal:
                changed = first_difference(dump_recipe(found.recipe), dump_recipe(recipe))
                message = f"'{path}' holds a run of another recipe: {changed}."
                raise RunFolderError(f"{message} Choose another --out (between sites: --name), or remove the folder.")
        with in_use(path):
            write_atomically(path / ENVIRONMENT, json.dumps(environment(), indent=2).encode())
            write_atomically(path / RECIPE, to_yaml(dump_recipe(recipe)).encode())
        return cls(path, recipe)

    @classmethod
    def open(cls, path: Path) -> "RunFolder":
        """Open the folder of a run; RunFolderError if it is none. A warning says if it goes on in a former way."""
        if not (path / RECIPE).is_file():
            raise RunFolderError(
                f"'{path}' should be a run folder with {RECIPE} in it. Found none. Give the --out of a run."
            )
        written = load_recipe(path / RECIPE)
        recipe = as_begun(written)
        if recipe != written:
            warnings.warn(
                f"'{path}' was begun with normals on pixels called `unknown`, and goes on so (`legacy_normals`). "
                "New runs leave them out, as the released code does.",
                stacklevel=2,
            )
        return cls(path, recipe)

    @property
    def journal(self) -> list[dict[str, Any]]:
        """The rounds done, one entry each."""
        return journal.read_lines(self.path / JOURNAL)

    @property
    def roster(self) -> ClientRegistry:
        """Who took part and the layouts of what travelled; RunFolderError if there is no checkpoint."""
        found = load_roster(self.path / CHECKPOINTS)
        if found is None:
            raise no_checkpoint(self.path)
        self._check(found)
        return found

    @property
    def finished(self) -> bool:
        """Whether the last round is done and saved."""
        last = self.path / CHECKPOINTS / f"after-{self.recipe.rounds:06d}.safetensors"
        return last.is_file() and len(self.journal) == self.recipe.rounds

    @property
    def whole(self) -> bool:
        """Whether the last round's files are as they were written; reads them all, a warning says which are not.

        Raises:
            RunFolderError: nor is any state before.

        """
        held = held_here(self.path, [client.name for client in self.recipe.roster])
        return self._newest(held).state.round == self.recipe.rounds

    def evaluate(self) -> tuple[int, dict[str, dict[str, float]]]:
        """Measure the newest checkpoint; return its round and the metrics by client and task.

        Nothing is sent here, so private clients tell their metrics, too.

        Raises:
            RunFolderError: there is no checkpoint.

        """
        make = build.build_clients(self.recipe.model_copy(update={"privacy": None}))
        method = build.build_method(self.recipe)
        runtime = LocalRuntime(
            [make(each, self.path / CLIENTS / each.name) for each in build.build_participants(self.recipe)]
        )
        hellos = [*runtime.hello()]
        newest = self._newest({hello.client: hello.held for hello in hellos})
        if ClientRegistry.of(hellos, newest.state.roster.names) != newest.state.roster:
            raise RunFolderError(f"'{self.path}' holds a run of other data or another model than its {RECIPE} names.")
        return newest.state.round, evaluate_clients(runtime, newest.state, method.local, self.recipe)

    def tasks(self) -> dict[str, dict[str, Task]]:
        """Return each client's tasks by name."""
        own = {client.name: build.build_tasks(self.recipe, client) for client in self.recipe.roster}
        return {client: {task.name: task for task in tasks} for client, tasks in own.items()}

    def predictor(self, name: str) -> Predictor:
        """Return one client's model as the newest checkpoint left it; its data need not be there.

        Raises:
            RecipeError: there is no such client.
            RunFolderError: there is no checkpoint.

        """
        model = build.build_model(self.recipe, name)
        newest = self._newest(held_here(self.path, [name]))
        restore(model, self.path, name, newest, build.build_method(self.recipe), self.recipe.sent.down)
        tasks = list(self.tasks()[name].values())
        size, classes = build.training_size(self.recipe, name), build.client_class_names(self.recipe, name)
        return Predictor(name, model.eval(), tasks, size, classes)

    def provenance(self, name: str) -> Provenance:
        """Return where one client's model is from; errors as in `predictor`."""
        rounds = self._newest(held_here(self.path, [name])).state.round
        lines = [line for line in self.journal if line["round"] <= rounds]
        evaluated = [line for line in lines if line.get("metrics", {}).get(name)]
        last = evaluated[-1] if evaluated else {}
        return provenance(
            self.recipe,
            name,
            rounds,
            packages=self._packages(),
            measured=last.get("round", 0),
            metrics=last.get("metrics", {}).get(name),
            line=lines[-1] if lines else None,
        )

    def _packages(self) -> dict[str, str | None]:
        """Return the versions of packages that the run began with; nothing where they were not kept."""
        try:
            found = json.loads((self.path / ENVIRONMENT).read_text(encoding="utf-8"))["packages"]
            return {str(name): None if version is None else str(version) for name, version in found.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}

    def _newest(self, held: Mapping[str, Collection[int] | None]) -> Checkpoint:
        """Return the newest checkpoint that is whole and that clients have whole states of their own to go with."""
        found = newest_checkpoint(self.path, held)
        self._check(found.state.roster)
        return found

    def _check(self, roster: ClientRegistry) -> None:
        saved = [(member.client, member.dataset, member.tasks) for member in roster.members]
        if saved != [(client.name, client.dataset, client.tasks) for client in self.recipe.roster]:
            raise RunFolderError(f"'{self.path}' holds a run of other clients, tasks or models. Restore its {RECIPE}.")
