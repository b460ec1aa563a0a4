from pathlib import Path
from typing import Any

import pytest
import torch

import fedhca
from fedhca import Predictor, Training
from fedhca.aggregation.mean import mean
from fedhca.client.training import measure
from fedhca.errors import RecipeError, RunFolderError
from fedhca.methods import Method
from fedhca.server.state import Round
from tiny import WIDTH, encoder, equal, participant

PEOPLE = [participant("a", "depth"), participant("b", "sal", "edge")]
OPTIONS: dict[str, Any] = {
    "rounds": 2,
    "training": Training(batch_size=2, learning_rate=1e-2, warmup_epochs=0),
    "model": {"width": WIDTH},
}


def federation(out: Path, method: Method | str = "fedhca2", **options: Any) -> Round:
    """Run to the end; return the last round."""
    return list(fedhca.run(PEOPLE, encoder(), method, out=out, **OPTIONS, **options))[-1]


@pytest.mark.parametrize("method", ["fedhca2", "ditto", "fedamp"])  # each has clients keep another model
def test_the_model_is_the_one_that_the_run_measured(method: str, tmp_path: Path) -> None:
    last = federation(tmp_path, method, sent=fedhca.Compression(down="bfloat16"))
    for each in PEOPLE:
        found = fedhca.trained(tmp_path, each, encoder(), width=WIDTH)
        pictures = [each.test[index] for index in range(len(each.test))]
        batch = {name: torch.stack([torch.as_tensor(one[name]) for one in pictures]) for name in pictures[0]}
        sums = measure(found.model, each.tasks, [batch])
        measured = {name: total.result() for name, total in sums.items()}
        assert measured == pytest.approx(last.metrics[each.name], rel=1e-6)  # other batches, other rounding


def test_it_can_be_saved_and_loaded_without_the_run(tmp_path: Path) -> None:
    federation(tmp_path / "run")
    found = fedhca.trained(tmp_path / "run", PEOPLE[1], encoder(), width=WIDTH, classes={"sal": ("no", "yes")})
    assert (found.client, found.size, found.classes) == ("b", (16, 16), {"sal": ("no", "yes")})
    again = Predictor.from_pretrained(found.save_pretrained(tmp_path / "model"), encoder=encoder())
    picture = PEOPLE[1].test[0]["image"]
    one, other = (model.predict(picture) for model in (found, again))
    assert all(equal(torch.from_numpy(one[name]), torch.from_numpy(other[name])) for name in ("sal", "edge"))


def test_a_method_of_one_s_own_is_asked_for(tmp_path: Path) -> None:
    own = Method("of mine", mean(), mean())
    federation(tmp_path, own)
    with pytest.raises(RunFolderError, match=r"somebody's own, 'of mine'\. Give it as `method`"):
        fedhca.trained(tmp_path, PEOPLE[0], encoder(), width=WIDTH)
    assert fedhca.trained(tmp_path, PEOPLE[0], encoder(), own, width=WIDTH).client == "a"


def test_what_does_not_go_with_the_folder_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="should hold a checkpoint"):
        fedhca.trained(tmp_path, PEOPLE[0], encoder())
    federation(tmp_path)
    with pytest.raises(RunFolderError, match=r"decoder of 'a' is another: here parameter 0 is .*what `fedhca\.run`"):
        fedhca.trained(tmp_path, PEOPLE[0], encoder(), width=2 * WIDTH)
    with pytest.raises(RunFolderError, match=r"a run with client 'd'\. Found one of a, b"):
        fedhca.trained(tmp_path, participant("d", "depth"), encoder())
    with pytest.raises(RecipeError, match="Client 'a' should have an encoder"):
        fedhca.trained(tmp_path, PEOPLE[0])
