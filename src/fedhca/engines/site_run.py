"""A run as one site has it: its clients' states, and the models they were handed out, to be used at home.

DIR/recipe.yaml                 of the run, with what this site says for itself
DIR/CLIENT/after-N.safetensors  heads, buffers, moments
DIR/CLIENT/received/            encoder and decoders as they came to be measured
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from fedhca.client.home_tensors import pack_parameters as packed
from fedhca.client.home_tensors import scatter_kept, unpack_parameters
from fedhca.errors import RunFolderError
from fedhca.experiment import build
from fedhca.experiment.provenance import environment, provenance
from fedhca.experiment.recipe import Recipe
from fedhca.sharing.card import Provenance
from fedhca.sharing.predictor import Predictor
from fedhca.storage.state_folder import StateFolder
from fedhca.wire.messages import EvaluateReply, EvaluateRequest

RECEIVED, HOME, METRICS = "received", "home", "metrics"


@dataclass(frozen=True)
class SiteRun:
    """A run at a site.

    Attributes:
        path: of its folder.
        recipe: of the run.

    """

    path: Path
    recipe: Recipe

    def keep(self, request: EvaluateRequest, reply: EvaluateReply) -> None:
        """Save the model that a client was handed out, and its metrics; those before the last two are dropped."""
        facts = {HOME: request.home, "keeps": request.rule.keeps, METRICS: dict(reply.metrics)}
        self._received(request.client).save(request.round, packed(f"{RECEIVED}/", request.parameters.plain), facts)

    def predictor(self, client: str) -> Predictor:
        """Return one client's model as it was measured last; its data need not be there.

        Raises:
            RecipeError: there is no such client in the run.
            RunFolderError: it is not at this site, or no model was handed out to it yet.

        """
        model, received = build.build_model(self.recipe, client), self._received(client)
        found = received.newest(lambda rounds: self._held(client, rounds))
        if found is None:
            expected = f"'{self.path / client}' should hold a model that was handed out to '{client}'"
            raise RunFolderError(f"{expected}. Found none: it is another site's, or was not measured yet.")
        tensors, facts, home = found
        parameters = unpack_parameters(f"{RECEIVED}/", tensors)
        assert parameters is not None  # as `keep` saved them
        if home is not None:
            scatter_kept(home, model, facts["keeps"], parameters)
        else:
            model.install(parameters)  # none of its answers counted: it has the heads it began with
        section = next(each for each in self.recipe.roster if each.name == client)
        tasks = list(build.build_tasks(self.recipe, section))
        size, classes = build.training_size(self.recipe, client), build.client_class_names(self.recipe, client)
        return Predictor(client, model.eval(), tasks, size, classes)

    def provenance(self, client: str) -> Provenance:
        """Return where one client's model is from, as far as its site knows; errors as in `predictor`."""
        newest = self._received(client).newest(lambda rounds: (rounds, self._received(client).facts(rounds)))
        rounds, facts = newest or (0, {})
        packages = environment()["packages"]
        metrics = facts.get(METRICS) or {}
        return provenance(self.recipe, client, rounds, packages=packages, measured=rounds, metrics=metrics)

    def _held(self, client: str, rounds: int) -> tuple[dict[str, Tensor], dict[str, Any], dict[str, Tensor] | None]:
        """Load what was handed out after so many rounds, its facts, and the client's own state that goes with it."""
        tensors, facts = self._received(client).load(rounds)
        home = StateFolder(self.path / client, client).load(facts[HOME])[0] if facts[HOME] else None
        return tensors, facts, home

    def _received(self, client: str) -> StateFolder:
        return StateFolder(self.path / client / RECEIVED, client)
