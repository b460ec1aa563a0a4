"""A client's model leaves its run: as a folder that is all it needs, as a graph, by way of the hub."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from PIL import Image

import fedhca
from fedhca import Predictor, RunFolder, load_recipe
from fedhca.data.colours import normalise
from fedhca.engines.client_host import ClientHost
from fedhca.engines.serve import over_network
from fedhca.engines.site_folder import host
from fedhca.engines.site_run import SiteRun
from fedhca.errors import ModelFolderError
from fedhca.experiment.provenance import recipe_hash
from fedhca.sharing import onnx as graph
from fedhca.sharing.card import card
from fedhca.sharing.export import export_model
from fedhca.sharing.model_description import read_model_description
from fedhca.storage.tensor_file import load_shapes
from fedhca.wire.encoding import Wire
from hub import TOKEN, hub
from tiny import RECIPE, Command

NAME = "rooms-all"
OTHERS = ("figures-sal", "figures-semseg")
TASKS = ["semseg", "depth", "normals", "edge"]
LOAD = """
import sys
import numpy as np
import fedhca
model = fedhca.Predictor.from_pretrained(sys.argv[1])
np.savez(sys.argv[3], **model.predict(sys.argv[2]))
"""


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.png"
    Image.fromarray(np.random.default_rng(1).integers(0, 256, (50, 90, 3), dtype=np.uint8)).save(path)
    return path


def alone(source: str | Path, photo: Path, **environment: str) -> dict[str, np.ndarray]:
    """Load a model in a process of its own, in three lines, and return what it predicts."""
    out = photo.with_name("alone.npz")
    where = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1", **environment}
    command = [sys.executable, "-c", LOAD, str(source), str(photo), str(out)]
    done = subprocess.run(
        command, cwd=photo.parent, env=where, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    with np.load(out, allow_pickle=False) as found:
        return dict(found)


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    return one.keys() == other.keys() and all(one[key].tobytes() == other[key].tobytes() for key in one)


def test_a_model_predicts_without_its_run_what_it_predicts_in_it(
    command: Command, finished: Path, tmp_path: Path, photo: Path
) -> None:
    run = shutil.copytree(finished, tmp_path / "run")
    expected = RunFolder.open(run).predictor(NAME).predict(photo)
    outcome = command("export", run, "--client", NAME, "--out", tmp_path / "model")
    assert (outcome.code, outcome.err) == (0, "")
    assert f"model.safetensors, config.json, README.md in {tmp_path / 'model'}" in outcome.out
    assert "no license was chosen" in outcome.out
    shutil.rmtree(run)
    assert same(alone(tmp_path / "model", photo), expected)


@pytest.fixture(scope="module")
def whole(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with its card and its graph, exported once."""
    run, folder = RunFolder.open(finished), tmp_path_factory.mktemp("whole") / "model"
    export_model(run.predictor(NAME), run.provenance(NAME), folder, onnx=True)
    return folder


def test_nothing_of_others_of_the_data_or_of_this_machine_is_in_it(finished: Path, whole: Path) -> None:
    files = {path.name: path.read_bytes() for path in whole.iterdir()}
    assert set(files) == {"README.md", "config.json", "model.safetensors", "model.onnx"}
    places = [str(finished), str(Path.home()), str(Path.cwd()), sys.prefix, str(Path(torch.__file__).parent)]
    for name, content in files.items():
        for word in (*OTHERS, "optimiser", "exp_avg", *places):
            assert word.encode() not in content, (name, word)
    own = RunFolder.open(finished).predictor(NAME).model
    assert {*load_shapes(whole / "model.safetensors")} == {
        *dict(own.named_parameters()),
        *dict(own.named_buffers()),
    }


def test_the_card_says_what_the_run_says(command: Command, finished: Path, tmp_path: Path) -> None:
    assert command("export", finished, "--client", NAME, "--out", tmp_path, "--license", "cc-by-4.0").code == 0
    text = (tmp_path / "README.md").read_text()
    head = text.split("---\n")[1]
    assert "license: cc-by-4.0\n" in head
    assert "No license" not in text
    run = RunFolder.open(finished)
    for name, value in run.journal[-1]["metrics"][NAME].items():
        assert any(f"| {name} |" in line and f"{value:.4g} |" in line for line in text.splitlines()), name
    own = run.journal[-1]["encoder"]["mixing"][0][0]
    assert f"| encoder | {own:.3f} |" in text
    for words in (
        recipe_hash(run.recipe),
        "3 clients, method fedhca2",
        "| 2 of 2 |",
        "No differential privacy",
        "10 plant",
    ):
        assert words in text


def test_a_private_client_s_card_says_what_privacy_does_not_cover(finished: Path) -> None:
    run = RunFolder.open(finished)
    recipe = load_recipe(RECIPE, ["privacy={clip: 1.0, noise: 2.0}"])
    origin = RunFolder(finished, recipe).provenance(NAME)
    described = read_model_description(
        run.predictor(NAME).save_pretrained(finished.parent / "described") / "config.json"
    )
    text = card(described, run.predictor(NAME).tasks, origin)
    assert "clip 1, noise 2, δ 1e\\-05, at least 2 answers" in text.replace("1e-05", "1e\\-05")
    assert "That says nothing of this folder" in text


def test_a_graph_does_what_the_model_does(whole: Path) -> None:
    described = read_model_description(whole / "config.json").onnx
    assert described is not None
    assert all(0 <= value < 1e-5 for value in described.differences.values())
    path = whole / "model.onnx"
    assert {each.version for each in onnx.load(path).opset_import if not each.domain} == {described.opset}
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert [each.name for each in session.get_inputs()] == ["image"]
    assert [each.name for each in session.get_outputs()] == TASKS
    model = Predictor.from_pretrained(whole)
    image = normalise(np.random.default_rng(2).integers(0, 256, (*model.size, 3), dtype=np.uint8))
    found = dict(zip(TASKS, session.run(TASKS, {"image": np.stack([image] * 5)}), strict=True))
    for name, values in model.predict(torch.from_numpy(image)).items():
        one = torch.from_numpy(found[name])
        made = next(task for task in model.tasks if task.name == name).predict(one)[4].numpy()
        assert np.mean(~np.isclose(made, values, atol=1e-4)) < 1e-3, name


def test_a_graph_that_does_something_else_is_found_out(whole: Path) -> None:
    model, content = Predictor.from_pretrained(whole), (whole / "model.onnx").read_bytes()
    outputs = graph.Outputs(model.model, TASKS).eval()
    assert graph._differences(content, outputs, TASKS, model.size).keys() == {*TASKS}
    with torch.no_grad():
        model.model.heads["normals"][2].bias.add_(0.01)  # type: ignore[index]
    with pytest.raises(ModelFolderError, match=r"`normals` should be within 0\.001 of PyTorch's\. Found 0\.01 apart"):
        graph._differences(content, outputs, TASKS, model.size)


def test_predict_takes_an_exported_model_and_writes_numbers(
    command: Command, finished: Path, tmp_path: Path, photo: Path
) -> None:
    model = RunFolder.open(finished).predictor(NAME)
    folder = model.save_pretrained(tmp_path / "model")
    outcome = command("predict", folder, photo, "--raw", "--out", tmp_path / "out")
    assert (outcome.code, outcome.err) == (0, "")
    expected = model.predict(photo)
    stem = tmp_path / "out" / f"photo-{NAME}"
    assert (np.asarray(Image.open(f"{stem}-semseg.png")) == expected["semseg"]).all()
    for name in ("depth", "normals", "edge"):
        assert np.load(f"{stem}-{name}.npy", allow_pickle=False).tobytes() == expected[name].tobytes()
    assert outcome.out.count("Written: ") == len(list((tmp_path / "out").iterdir())) == 1 + len(TASKS)
    with Image.open(f"{stem}.png") as sheet:
        assert sheet.width > 3 * sheet.height
    assert "should be rooms-all" in command("predict", folder, photo, "--client", OTHERS[0]).err


BAD = {
    "whose": ((), ["--client should be one of rooms-all, figures-sal, figures-semseg. Found none"]),
    "nobody": (("--client", "nobody"), ["'nobody'", "figures-sal"]),
    "not a name": (("--client", NAME, "--push", "rooms"), ["OWNER/NAME", "'rooms'"]),
    "into something": (("--client", NAME, "--out", "full"), ["'full'", "Choose another folder"]),
}


def test_a_link_that_came_with_a_folder_is_not_written_through(
    command: Command, finished: Path, whole: Path, tmp_path: Path, photo: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for source, link, words in (
        (whole, "predictions", ["predict", photo]),
        (finished, "predictions", ["predict", photo, "--client", "figures-sal"]),
        (finished, "models", ["export", "--client", "figures-sal"]),
        (finished, "report/figures", ["report"]),
    ):
        folder = Path(shutil.copytree(source, tmp_path / f"{source.name}-{link[:6]}"))
        shutil.rmtree(folder / link, ignore_errors=True)
        (folder / link).parent.mkdir(exist_ok=True)
        (folder / link).symlink_to(elsewhere)
        outcome = command(words[0], folder, *words[1:])
        assert (outcome.code, outcome.err.count("Found a link")) == (1, 1), outcome.err
    assert not [*elsewhere.iterdir()]
    assert command("predict", whole, photo, "--out", elsewhere).code == 0


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_exported_is_one_line(
    case: str, command: Command, finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "config.json").write_text('{"model_type": "swin"}')
    more, words = BAD[case]
    outcome = command("export", finished, *more)
    assert outcome.code == 1
    assert outcome.err.count("\n") == 1
    for word in words:
        assert word in outcome.err
    assert (tmp_path / "full" / "config.json").read_text() == '{"model_type": "swin"}'


def test_a_method_s_own_model_is_the_one_that_is_exported(command: Command, tmp_path: Path, photo: Path) -> None:
    list(fedhca.run(load_recipe(RECIPE, ["method=ditto"]), rounds=1, out=tmp_path / "run"))
    run = RunFolder.open(tmp_path / "run")
    assert command("export", run.path, "--client", NAME, "--out", tmp_path / "model").code == 0
    found = Predictor.from_pretrained(tmp_path / "model").predict(photo)
    assert same(found, run.predictor(NAME).predict(photo))
    received = run.predictor(NAME).model.encoder_layout
    assert received == Predictor.from_pretrained(tmp_path / "model").model.encoder_layout


def _carried(site: ClientHost, wires: Mapping[str, Wire]) -> Iterator[tuple[str, Wire]]:
    yield from ((name, site.answer(name, wire)) for name, wire in wires.items())


def test_a_site_exports_its_own_client(tmp_path: Path, photo: Path) -> None:
    recipe = load_recipe(RECIPE)
    names, place = [client.name for client in recipe.roster], tmp_path / "far"
    sites = host(recipe, names, place)
    list(over_network(recipe, partial(_carried, sites), tmp_path / "server", lambda missing: None))
    kept, run = SiteRun(place, recipe), RunFolder(tmp_path / "server", recipe)
    origin = kept.provenance(NAME)
    assert (origin.rounds, origin.measured, origin.encoder) == (2, 2, None)
    assert origin.metrics == pytest.approx(run.journal[-1]["metrics"][NAME])
    folder = kept.predictor(NAME).save_pretrained(tmp_path / "model")
    assert same(Predictor.from_pretrained(folder).predict(photo), kept.predictor(NAME).predict(photo))


REFUSED = """
import os
from pathlib import Path
from fedhca.errors import FedhcaError
from fedhca.sharing.hub import push
for name, token in (("lab/open", os.environ["HF_TOKEN"]), ("lab/rooms", "hf_of_a_stranger")):
    os.environ["HF_TOKEN"] = token
    try:
        push(Path("model"), name)
    except FedhcaError as error:
        print(error)
"""


def test_a_model_goes_to_the_hub_and_comes_back(finished: Path, tmp_path: Path, photo: Path) -> None:
    where = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    words = ["export", str(finished), "--client", NAME, "--out", "model", "--push", "lab/rooms"]
    with hub() as there:
        where |= there.environment(tmp_path / "home")
        run = partial(subprocess.run, cwd=tmp_path, env=where, capture_output=True, text=True, timeout=300, check=False)
        done = run([sys.executable, "-m", "fedhca", *words])
        assert done.returncode == 0, done.stderr
        assert f"On the hub, private: {there.address}/lab/rooms" in done.stdout
        assert there.private == {"lab/rooms": True}
        files = {path.name: path.read_bytes() for path in (tmp_path / "model").iterdir()}
        assert there.files["lab/rooms"] == files
        assert TOKEN not in done.stdout + done.stderr
        assert TOKEN.encode() not in b"".join(files.values())
        assert any(line.endswith("/objects/batch") for line in there.asked), "large files should go the large way"
        expected = RunFolder.open(finished).predictor(NAME).predict(photo)
        assert same(alone("lab/rooms", photo, **there.environment(tmp_path / "other")), expected)
        there.files["lab/open"], there.private["lab/open"] = {}, False
        refused = run([sys.executable, "-c", REFUSED])
        opened, strange = refused.stdout.splitlines()
        assert "'lab/open' should be private. Found it there, and open to everybody" in opened
        assert strange.startswith("Cannot put 'lab/rooms' on the hub: ")
        assert "hf_of_a_stranger" not in strange
        assert there.files["lab/open"] == {}


def test_a_name_that_is_not_on_the_hub_is_one_line() -> None:
    with pytest.raises(ModelFolderError, match="Cannot get 'nobody/nothing' from the hub"):
        Predictor.from_pretrained("nobody/nothing")
