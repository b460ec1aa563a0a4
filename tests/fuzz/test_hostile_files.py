"""Whatever is in a file, whoever reads it has a value or one line; nothing else is written, run, or taken room for."""

import contextlib
import json
import os
import pickle
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml_bombs
from hostile import LINES, READERS, Reader, attempt, other_values, spoilt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fedhca.errors import FedhcaError
from fedhca.experiment import journal
from fedhca.experiment.recipes import dump_recipe, load_recipe, to_yaml, validate
from tally import many
from tiny import RECIPE

FEW = settings(max_examples=many(25), suppress_health_check=list(HealthCheck))
each = pytest.mark.parametrize("reader", READERS, ids=[reader.name for reader in READERS])
RECIPE_VALUES = dump_recipe(load_recipe(RECIPE))


def of(name: str) -> bytes:
    """What is in a good file."""
    return next(reader for reader in READERS if reader.name == name).good


@contextlib.contextmanager
def placed(reader: Reader, content: bytes) -> Iterator[Path]:
    """A file with the content, in a folder in which it has to stay alone with what is made of it."""
    with TemporaryDirectory() as outer:
        folder = Path(outer, "inner", "folder")
        folder.mkdir(parents=True)
        (folder / reader.name).write_bytes(content)
        yield folder / reader.name
        assert [path.name for path in Path(outer).iterdir()] == ["inner"], "something was written outside"
        assert [path.name for path in (Path(outer) / "inner").iterdir()] == ["folder"], "something was written outside"


@each
def test_a_good_file_is_read(reader: Reader) -> None:
    with placed(reader, reader.good) as path:
        if reader.name != "server.safetensors":  # a state without rows, on which only errors are tried
            reader.read(path)


@each
@FEW
@given(data=st.data())
@pytest.mark.filterwarnings("ignore")
def test_a_spoilt_file_is_read_or_refused_in_one_line(reader: Reader, data: st.DataObject) -> None:
    content = data.draw(spoilt(reader.good))
    with placed(reader, content) as path:
        attempt(lambda: reader.read(path))


FOUND = [
    ("experiment.yaml", b"title: x\nsettings: {a: {small: demo}}\nmethods: [local, b: []]\n"),
    ("experiment.yaml", b": x\nsettings: {a: {small: demo}}\nmethods: [local]\n"),
    ("recipe.yaml", b"[rounds, 3]: 1\n"),
    ("depth.npy", of("depth.npy").replace(b"}", b" ")),
    ("plain.mat", of("plain.mat").replace(b"\x04\0\0\0\x18\0\0\0", bytes(8))),
    ("plain.mat", bytes(1) + of("plain.mat")[1:]),
    ("journal.jsonl", b'{"round": 1, "losses": {"a": 1}}\n'),
    ("journal.jsonl", b"[" * 10**5 + b"\n"),
]
"""Once a traceback, or the end of the process."""


@pytest.mark.parametrize(("name", "content"), FOUND, ids=[name for name, _ in FOUND])
def test_what_was_found_before_is_refused_in_one_line(name: str, content: bytes) -> None:
    reader = next(reader for reader in READERS if reader.name == name)
    with placed(reader, content) as path, pytest.raises(FedhcaError) as caught:
        reader.read(path)
    assert str(caught.value).isprintable()


@FEW
@given(values=other_values(RECIPE_VALUES))
def test_a_recipe_of_other_values_is_read_or_refused_in_one_line(values: dict[str, object]) -> None:
    attempt(lambda: validate(values, "x.yaml"))


@FEW
@given(
    text=st.text(max_size=30), key=st.sampled_from(["rounds", "clients.0.tasks", "method", "training.workers", "a.b"])
)
def test_a_change_of_any_words_is_taken_or_refused_in_one_line(text: str, key: str) -> None:
    attempt(lambda: load_recipe(RECIPE, [f"{key}={text}"]))
    attempt(lambda: load_recipe(RECIPE, [text]))


@FEW
@given(values=other_values(LINES[0]))
def test_a_journal_of_other_values_is_read_or_refused_in_one_line(values: dict[str, object]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "journal.jsonl")
        path.write_text(json.dumps(values) + "\n")
        attempt(lambda: journal.read_lines(path))


@FEW
@given(values=other_values(json.loads(of("config.json"))))
def test_a_model_of_another_description_is_loaded_or_refused_in_one_line(values: dict[str, object]) -> None:
    reader = next(reader for reader in READERS if reader.name == "config.json")
    with placed(reader, json.dumps(values).encode()) as path:
        attempt(lambda: reader.read(path))


HEAD = """
import resource, torch
from pathlib import Path
from fedhca.errors import FedhcaError
from fedhca.experiment.recipes import load_recipe
from fedhca.data import matlab
from fedhca.engines.kits import open_kit
now = int(Path("/proc/self/statm").read_text().split()[0]) * 4096
resource.setrlimit(resource.RLIMIT_AS, (now + 10**9,) * 2)
"""


def limited(actions: list[str], folder: Path) -> list[str]:
    """Do things in a process that has 1 GB more than it begins with, and 60 seconds; return what each says."""
    tries = [f"try:\n    {each}\nexcept FedhcaError as error:\n    print(error)\n" for each in actions]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", "".join([HEAD, *tries])]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()


BOMBS = (
    "unfolds to more than",
    "more than 40 levels",
    "merge keys (<<) are not read",
    "more than 1000000 bytes",
    "100 letters",
)


def test_yaml_that_unfolds_is_refused_before_it_takes_room(tmp_path: Path) -> None:
    for number, text in enumerate(yaml_bombs.TEXTS.values()):
        (tmp_path / f"{number}.yaml").write_text(text)
    said = limited([f'load_recipe("{number}.yaml")' for number in range(len(yaml_bombs.TEXTS))], tmp_path)
    assert len(said) == len(yaml_bombs.TEXTS)
    assert all(any(words in line for words in BOMBS) for line in said), said


def zip_bomb(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as kit:
        for name in ("site.yaml", "recipe.yaml"):
            kit.writestr(name, "a: 1\n")
        with kit.open("engine/big.key", "w", force_zip64=True) as file:
            for _ in range(1200):
                file.write(bytes(1 << 20))


def mat_bomb(path: Path) -> None:
    squeezed, pressed = zlib.compressobj(1), b""
    head = b"\x0e\x00\x00\x00\x00\x00\x00\xc0"
    pressed += squeezed.compress(head)
    for _ in range(1200):
        pressed += squeezed.compress(bytes(1 << 20))
    pressed += squeezed.flush()
    start = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"
    path.write_bytes(start + (15).to_bytes(4, "little") + len(pressed).to_bytes(4, "little") + pressed)


def test_what_unpacks_to_gigabytes_is_refused_before_it_takes_room(tmp_path: Path) -> None:
    zip_bomb(tmp_path / "kit.zip")
    mat_bomb(tmp_path / "label.mat")
    assert all(path.stat().st_size < 10**7 for path in tmp_path.iterdir())
    kit, label = limited(['open_kit(Path("kit.zip"), Path("out"))', 'matlab.label_map(Path("label.mat"))'], tmp_path)
    assert "should hold at most" in kit
    assert "unpacks to more than" in label


class Trap:
    """Makes a file where it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.touch, (self.path,)


@each
def test_a_pickle_is_unpacked_by_nobody(reader: Reader, tmp_path: Path) -> None:
    sprung = tmp_path / "sprung"
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with placed(reader, pickle.dumps(Trap(sprung), protocol)) as path, contextlib.suppress(FedhcaError):
            reader.read(path)
    assert not sprung.exists()
    pickle.loads(pickle.dumps(Trap(sprung)))
    assert sprung.exists()  # the trap works


@pytest.mark.parametrize("entry", ["../out.key", "/tmp/out.key", "engine/../../out.key", "..\\out.key"])
def test_no_entry_of_a_kit_leads_out_of_its_folder(entry: str, tmp_path: Path) -> None:
    reader = READERS[-1]
    with placed(reader, reader.good) as path:
        with zipfile.ZipFile(path, "a") as kit:
            kit.writestr(entry, "x")
        before = Path("/tmp/out.key").exists()
        with contextlib.suppress(FedhcaError):
            reader.read(path)
        assert Path("/tmp/out.key").exists() == before


def test_names_of_clients_and_data_sets_lead_nowhere() -> None:
    for name in ("../x", "/x", "a/b", "", ".", "..", "a\x00b", "a\n"):
        for place in ("clients.0.name", "clients.0.dataset"):
            with pytest.raises(FedhcaError):
                load_recipe(RECIPE, [f"{place}={to_yaml({'x': name})[3:].strip()!s}"])
