"""A site can use the model that came back to it: it is the one that the run in one process ends with."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch

import fedhca
from fedhca.engines.client_host import ClientHost
from fedhca.engines.serve import over_network
from fedhca.engines.site_folder import host
from fedhca.engines.site_run import SiteRun
from fedhca.errors import RecipeError, RunFolderError
from fedhca.experiment.recipes import load_recipe
from fedhca.experiment.run_folder import RunFolder
from fedhca.wire.encoding import Wire
from tiny import RECIPE


class Line:
    """Carries wires to one site, which may miss an answer."""

    def __init__(self, site: ClientHost, deaf: frozenset[tuple[str, int]] = frozenset()) -> None:
        self.site, self.deaf = site, deaf

    def __call__(self, wires: Mapping[str, Wire]) -> Iterator[tuple[str, Wire]]:
        for name, wire in wires.items():
            answer = dict(self.site.answer(name, wire))
            if wire["kind"] == "train" and (name, wire["round"]) in self.deaf:
                answer["encoder"] = np.full_like(answer["encoder"], np.nan)
            yield name, answer


@pytest.mark.parametrize("method", ["fedhca2", "fedamp", "ditto"])
def test_the_model_at_a_site_is_the_one_that_the_run_in_one_process_ends_with(method: str, tmp_path: Path) -> None:
    recipe = load_recipe(RECIPE, [f"method={method}"])
    near = RunFolder.create(tmp_path / "near", recipe)
    list(fedhca.run(recipe, out=near.path))
    names, place = [client.name for client in recipe.roster], tmp_path / "site" / "runs" / "far"
    list(over_network(recipe, Line(host(recipe, names, place)), tmp_path / "far", lambda missing: None))
    for name in names:
        one, other = near.predictor(name), SiteRun(place, recipe).predictor(name)
        assert [task.name for task in one.tasks] == [task.name for task in other.tasks]
        mine, theirs = one.model.state_dict(), other.model.state_dict()
        assert mine.keys() == theirs.keys()
        assert all(torch.equal(mine[key], theirs[key]) for key in mine)


def test_a_client_whose_last_answer_did_not_count_uses_the_heads_that_did(tmp_path: Path) -> None:
    recipe = load_recipe(RECIPE, ["on_missing=keep"])
    names, place = [client.name for client in recipe.roster], tmp_path / "far"
    line = Line(host(recipe, names, place), frozenset({(names[1], 1)}))
    list(over_network(recipe, line, tmp_path / "server", lambda missing: None))
    kept = SiteRun(place, recipe)
    facts = {name: kept._received(name).load(2)[1]["home"] for name in names}
    assert facts == {names[0]: 2, names[1]: 1, names[2]: 2}
    assert kept.predictor(names[1]).client == names[1]


def test_what_is_not_at_this_site_is_said_in_one_line(tmp_path: Path) -> None:
    kept = SiteRun(tmp_path, load_recipe(RECIPE))
    with pytest.raises(RunFolderError, match="a model that was handed out to 'figures-sal'"):
        kept.predictor("figures-sal")
    with pytest.raises(RecipeError, match="The client should be one of"):
        kept.predictor("nobody")
