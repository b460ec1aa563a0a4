"""The two folders of a federation between sites: the server's and a site's."""

import io
import json
import stat
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from pkgutil import resolve_name
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from fedhca import FedhcaError
from fedhca.cli import server_commands
from fedhca.cli.progress import Progress
from fedhca.config.owner import ELSEWHERE, set_by_site
from fedhca.config.section import validated
from fedhca.engines import kits, serve
from fedhca.engines.agreement import require_agreed
from fedhca.engines.engine import engine_named
from fedhca.engines.events import events, record_event
from fedhca.engines.flare import provision as flare
from fedhca.engines.server_folder import ServerFacts, ServerFolder, seated, shareable
from fedhca.engines.site_folder import SiteFolder
from fedhca.errors import RecipeError, RunFolderError
from fedhca.experiment.recipes import dump_recipe, load_recipe, to_yaml
from fedhca.wire.messages import Missing
from tiny import RECIPE

TINY = load_recipe(RECIPE)
NAMES = [client.name for client in TINY.roster]
REAL = load_recipe("small-nyud-st", ["datasets.nyud.root=/home/eve/nyud"])


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["rooms-all", "figures-sal"], "Every client should be at a site. Found none for figures-semseg."),
        (["uni=rooms-all+figures-sal", "x"], "Unknown client 'x'"),
        ([*NAMES, "uni=rooms-all"], "Client 'rooms-all' should be at one site. Found it at two."),
        (
            ["uni=rooms-all", "uni=figures-sal"],
            "Each site should be named once, in capital letters or not. Found 'uni'",
        ),
        (
            ["Uni=rooms-all", "uNI=figures-sal"],
            "Each site should be named once, in capital letters or not. Found 'uNI'",
        ),
    ],
)
def test_a_client_without_a_site_or_with_two_is_refused(words: list[str], line: str) -> None:
    with pytest.raises(RecipeError) as error:
        seated(words, TINY)
    assert str(error.value).startswith(line)


def test_a_site_hosts_the_client_of_its_name_or_those_it_is_said_to() -> None:
    assert seated(NAMES, TINY) == {name: (name,) for name in NAMES}
    found = seated([f"uni={NAMES[0]}+{NAMES[1]}", NAMES[2]], TINY)
    assert found == {"uni": (NAMES[0], NAMES[1]), NAMES[2]: (NAMES[2],)}


def made(path: Path, recipe: Any = REAL) -> ServerFolder:
    return ServerFolder.create(
        path / "server", recipe, ServerFacts(sites=seated([c.name for c in recipe.roster], recipe))
    )


def test_a_federation_is_found_again_and_names_no_place(tmp_path: Path) -> None:
    federation = made(tmp_path)
    again = ServerFolder.open(tmp_path / "server")
    assert (again.facts, again.recipe) == (federation.facts, federation.recipe)
    assert again.seats == {client.name: client.name for client in REAL.roster}
    assert str(again.recipe.datasets["nyud"].root) == ELSEWHERE  # type: ignore[union-attr]
    assert "/home/eve" not in "".join(path.read_text() for path in (tmp_path / "server").iterdir())
    with pytest.raises(RunFolderError, match="holds a federation already"):
        made(tmp_path)
    with pytest.raises(RunFolderError, match=r"should hold a federation. Found no federation\.yaml"):
        ServerFolder.open(tmp_path)


@pytest.fixture
def site(tmp_path: Path) -> SiteFolder:
    """A site of its own, from a kit that no engine made."""
    federation, part = made(tmp_path), tmp_path / "part"
    part.mkdir()
    return kits.make_site(kits.pack_kit(federation, REAL.roster[0].name, part), tmp_path / "site", [])


def test_a_kit_becomes_a_site(site: SiteFolder) -> None:
    assert site.facts.clients == (REAL.roster[0].name,)
    assert site.agreed == ServerFolder.open(site.path.parent / "server").recipe
    with pytest.raises(RecipeError, match=r"Found nothing: add `datasets\.nyud\.root=/your/folder`"):
        site.require_places()
    told = site.say(["datasets.nyud.root=/data/nyud"]).say(["device=cpu", "datasets.nyud.root=/mnt/nyud"])
    told.require_places()
    assert told.facts.set == ("datasets.nyud.root=/mnt/nyud", "device=cpu")
    assert str(told.agreed.datasets["nyud"].root) == "/mnt/nyud"  # type: ignore[union-attr]


@pytest.mark.parametrize("change", ["rounds=3", "datasets.nyud.classes=3", "clients.0.tasks=[sal]", "method=local"])
def test_a_site_cannot_change_what_was_agreed_on(site: SiteFolder, change: str) -> None:
    with pytest.raises(RecipeError, match="which all have agreed on"):
        site.say([change])


FREE = [
    *("rounds=3", "seed=4", "training.learning_rate=0.5", "weights={semseg: 2}", "description=x", "evaluate_every=2"),
    *("checkpoint_every=3", "on_missing=wait", "min_clients=2", "timeout=60", "guard.bound=3"),
]
BINDING = [
    *("datasets.nyud.root=/etc", "datasets.nyud.classes=3", "datasets.nyud.local_epochs=9", "clients.0.tasks=[edge]"),
    *("clients.0.joins=2", "clients.0.local_epochs=9", "model.width=64", "model.decoders=apart", "sent=int8"),
    "privacy={clip: 1, noise: 1}",
]


def test_a_run_may_have_another_method_and_length_but_no_other_data_tasks_or_model(site: SiteFolder) -> None:
    site = site.say(["datasets.nyud.root=/mnt/nyud", "device=cpu"])
    agreed = site.path / "recipe.yaml"
    asked = load_recipe(agreed, ["method=fedprox+mu=0.1", *FREE])
    recipe = site.recipe(dump_recipe(asked), "run-1")
    assert (recipe.rounds, recipe.method.label, recipe.seed) == (3, "fedprox+mu=0.1", 4)
    assert str(recipe.datasets["nyud"].root) == "/mnt/nyud"  # type: ignore[union-attr]
    for change in BINDING:
        with pytest.raises(RecipeError, match="Run 'run-1' is not what was agreed on: `"):
            site.recipe(dump_recipe(load_recipe(agreed, [change])), "run-1")
    with pytest.raises(RecipeError, match=rf"`datasets\.nyud\.root` is '{ELSEWHERE}' there and '/etc' here\.$"):
        site.recipe(dump_recipe(load_recipe(agreed, BINDING[:1])), "run-1")
    for name in ("../run", "a/b", "", "."):
        with pytest.raises(RecipeError, match="name of a run should be"):
            site.recipe(dump_recipe(asked), name)
    forced = site.recipe({**dump_recipe(asked), "device": "cuda"}, "run-2")
    assert forced.device == "cpu"


LOCAL = [
    "device=cuda",
    "training.workers=4",
    "states=disk",
    "datasets.nyud.root=/home/eve/nyud",
    "model.backbone=/home/eve/swin",
]
"""What each site says for itself."""


def repacked(tmp_path: Path, recipe: Any, changed: tuple[str, ...] = ()) -> Path:
    """Make a kit that sets what it should not, as somebody could by hand."""
    federation, part = made(tmp_path), tmp_path / "part"
    part.mkdir()
    kit, name = tmp_path / "evil.zip", REAL.roster[0].name
    with zipfile.ZipFile(kits.pack_kit(federation, name, part)) as old, zipfile.ZipFile(kit, "w") as new:
        for each in old.namelist():
            text = old.read(each).decode()
            if each == "recipe.yaml":
                text = to_yaml(dump_recipe(recipe))
            elif each == "site.yaml":
                text = to_yaml({"name": name, "clients": [name], "set": list(changed)})
            new.writestr(each, text)
    return kit


def test_a_kit_is_made_without_what_only_a_site_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("flwr", reason="the extra `flower` is not installed")
    options: dict[str, Any] = {"sites": "", "host": "localhost", "port": 8002, "out": tmp_path / "federation"}
    server_commands.server_init("small-nyud-st", [*LOCAL, "checkpoint_every=1"], engine="flower", **options)
    said = capsys.readouterr().out
    left = next(line for line in said.splitlines() if line.startswith("left to each site"))
    assert {word.strip(",") for word in left.partition(": ")[2].split()} == {each.partition("=")[0] for each in LOCAL}
    for kit in (tmp_path / "federation" / "kits").iterdir():
        with zipfile.ZipFile(kit) as file:
            text = b"".join(file.read(name) for name in file.namelist() if name.endswith(".yaml")).decode()
        assert "/home/eve" not in text
        assert set_by_site(kits.make_site(kit, tmp_path / kit.stem, []).agreed) == {}


@pytest.mark.parametrize("change", LOCAL)
def test_a_kit_that_says_what_only_a_site_says_is_refused(tmp_path: Path, change: str) -> None:
    key = change.partition("=")[0]
    kit = repacked(
        tmp_path, load_recipe("small-nyud-st", [f"datasets.nyud.root={ELSEWHERE}", "checkpoint_every=1", change])
    )
    with pytest.raises(RunFolderError, match=rf"`{key}`: .*(Ask the server for another kit)"):
        kits.make_site(kit, tmp_path / "site", ["datasets.nyud.root=/data/nyud"])
    assert not (tmp_path / "site").exists()


def test_nor_may_it_say_so_in_the_site_s_own_words(tmp_path: Path) -> None:
    kit = repacked(tmp_path, made(tmp_path / "other").recipe, ("datasets.nyud.root=/home/eve/nyud",))
    with pytest.raises(RunFolderError, match=r"Found `datasets\.nyud\.root=/home/eve/nyud` in `set` of site\.yaml"):
        kits.make_site(kit, tmp_path / "site", [])


@pytest.mark.parametrize("name", ["../model", "./model", "~/model", "model", "owner/model"])
def test_a_name_of_the_hub_that_leads_to_a_folder_is_a_place(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    for folder in ("model", "owner/model"):
        (here / folder).mkdir(parents=True)
    monkeypatch.chdir(here)
    agreed = load_recipe("small-nyud-st", [f"datasets.nyud.root={ELSEWHERE}"])
    named = agreed.model_copy(update={"model": agreed.model.model_copy(update={"backbone": name})})
    with pytest.raises(RunFolderError, match=r"`model\.backbone`"):
        kits.make_site(repacked(tmp_path, named), tmp_path / "site", [])
    (here / "microsoft").mkdir()
    assert shareable(load_recipe("small-nyud-st", ["model.backbone=microsoft/x"])).model.backbone == "microsoft/x"


def test_a_run_does_not_set_what_only_a_site_says(site: SiteFolder) -> None:
    site = site.say(["datasets.nyud.root=/mnt/nyud", "device=cpu", "training.workers=2"])
    asked = load_recipe(site.path / "recipe.yaml", ["training.workers=200", "device=cuda", "rounds=3"])
    recipe = site.recipe(dump_recipe(asked), "run-1")
    assert (recipe.training.workers, recipe.device, recipe.rounds) == (2, "cpu", 3)
    kept = load_recipe(site.path / "runs" / "run-1" / "recipe.yaml")
    assert (kept.training.workers, kept.device) == (0, "auto")


def test_a_federation_of_an_older_version_makes_kits_that_its_sites_take(site: SiteFolder) -> None:
    federation, part, name = site.path.parent / "server", site.path.parent / "part", REAL.roster[0].name
    older = to_yaml(dump_recipe(load_recipe(site.path / "recipe.yaml", ["device=cpu", "training.workers=4"])))
    for folder in (federation, site.path):
        (folder / "recipe.yaml").write_text(older)
    site.engine.mkdir(exist_ok=True)
    (part / "x").mkdir(parents=True)
    (part / "x" / "y.key").write_text("new")
    kit = kits.pack_kit(ServerFolder.open(federation), name, part)
    kits.renew_site(SiteFolder.open(site.path), kit, datetime(2026, 11, 23, tzinfo=UTC))
    assert (site.engine / "x" / "y.key").read_text() == "new"


def test_a_site_of_an_older_kit_goes_on_with_its_states(site: SiteFolder) -> None:
    """What an older kit said of device and workers counts as before: the site took it in."""
    site = site.say(["datasets.nyud.root=/mnt/nyud"])
    older = load_recipe(site.path / "recipe.yaml", ["device=cpu", "training.workers=4"])
    (site.path / "recipe.yaml").write_text(to_yaml(dump_recipe(older)))
    site = SiteFolder.open(site.path)
    for asked in (older, load_recipe(site.path / "recipe.yaml", ["training.workers=9", "device=auto"])):
        recipe = site.recipe(dump_recipe(asked), "run-1")
        assert (recipe.training.workers, recipe.device) == (4, "cpu")
    assert [path.name for path in (site.path / "runs").iterdir()] == ["run-1"]


def test_a_server_cannot_turn_off_what_blurs_nor_have_metrics_told(tmp_path: Path) -> None:
    private = load_recipe(RECIPE, ["privacy.clip=1", "privacy.noise=2"])
    for change in ("privacy=null", "privacy.noise=0", "privacy.clip=9", "privacy.metrics=true"):
        (tmp_path / "recipe.yaml").write_text(to_yaml(dump_recipe(private)))
        with pytest.raises(RecipeError, match="is not what was agreed on: `privacy"):
            require_agreed(private, load_recipe(tmp_path / "recipe.yaml", [change]), "run-1")


def test_a_site_goes_on_with_a_run_that_began_before_a_key_was_there(tmp_path: Path) -> None:
    recipe = load_recipe("pascal-st-nyud-mt")
    normals = next(client.name for client in recipe.roster if "normals" in client.tasks)
    made(tmp_path, recipe)
    (tmp_path / "part").mkdir()
    kit = kits.pack_kit(ServerFolder.open(tmp_path / "server"), normals, tmp_path / "part")
    site = kits.make_site(kit, tmp_path / "site", ["datasets.pascal.root=/data"])
    asked = dump_recipe(ServerFolder.open(tmp_path / "server").recipe)

    def legacy(sent: dict[str, Any]) -> bool:
        return site.recipe(sent, "run-1").datasets["pascal"].legacy_normals  # type: ignore[union-attr]

    before = json.loads(json.dumps(asked))
    del before["datasets"]["pascal"]["legacy_normals"]
    assert legacy(before)
    place = site.path / "runs" / "run-1"
    (place / "recipe.yaml").write_text(to_yaml(before))  # as an older version left it
    (place / normals).mkdir()
    asked["datasets"]["pascal"]["legacy_normals"] = True
    assert legacy(asked)
    assert (place / normals).is_dir(), "the clients' states are this run's"
    asked["datasets"]["pascal"]["legacy_normals"] = False
    assert not legacy(asked)
    assert not (place / normals).exists(), "another run of that name, whose states are kept elsewhere"
    assert [path.name.partition("-until-")[0] for path in place.parent.iterdir()].count("run-1") == 2


def test_what_is_no_kit_is_refused_in_one_line(tmp_path: Path, site: SiteFolder) -> None:
    empty, text = tmp_path / "empty.zip", tmp_path / "text.zip"
    with zipfile.ZipFile(empty, "w") as file:
        file.writestr("x", "")
    text.write_text("x")
    for kit, words in (
        (empty, "should be the kit of a site"),
        (text, "Cannot read the kit"),
        (tmp_path / "no", "Cannot"),
    ):
        with pytest.raises(RunFolderError, match=words):
            kits.make_site(kit, tmp_path / "other", [])
        assert not (tmp_path / "other").exists()
    with pytest.raises(RunFolderError, match="holds a site already"):
        kits.make_site(text, site.path, [])
    with pytest.raises(RunFolderError, match="should be a new folder, or an empty one"):
        kits.make_site(text, tmp_path, [])


@pytest.mark.parametrize(
    "name", ["engine/startup/sub_start.sh", "engine/json.py", "engine/nvflare/__init__.py", "x.so", "x"]
)
def test_a_kit_with_anything_that_could_run_is_refused(tmp_path: Path, name: str) -> None:
    federation, part = made(tmp_path), tmp_path / "part"
    part.mkdir()
    kit = kits.pack_kit(federation, REAL.roster[0].name, part)
    with zipfile.ZipFile(kit, "a") as file:
        file.writestr(name, "")
    with pytest.raises(RunFolderError, match=f"should hold keys, certificates and settings only. Found '{name}'"):
        kits.make_site(kit, tmp_path / "site", [])
    assert not (tmp_path / "site").exists()


def test_a_flare_site_s_settings_and_scripts_are_its_own(tmp_path: Path) -> None:
    workspace = pytest.importorskip("fedhca.engines.flare.workspace", reason="the extra `flare` is not installed")
    for name in ("startup/client.key", "startup/fed_client.json", "startup/sub_start.sh", "local/custom/evil.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("evil")
    (tmp_path / "address.json").write_text('{"host": "fl.example.org", "port": 8002}')
    workspace.write_workspace(tmp_path, "lab")
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {
        *("startup/client.key", "startup/fed_client.json", "startup/sub_start.sh"),
        *("local/resources.json", "local/authorization.json", "local/log_config.json", "address.json"),
    }
    assert [name for name in left if (tmp_path / name).read_text() == "evil"] == ["startup/client.key"]
    script = (tmp_path / "startup" / "sub_start.sh").read_text()
    assert "client_train" in script
    assert "uid=lab" in script
    assert "{~~" not in script


def test_keys_are_for_their_owner_alone(tmp_path: Path) -> None:
    federation, part = made(tmp_path), tmp_path / "part"
    (part / "startup").mkdir(parents=True)
    (part / "startup" / "client.key").write_text("secret")
    kit = kits.pack_kit(federation, REAL.roster[0].name, part)
    kits.make_site(kit, tmp_path / "site", [])
    assert not part.exists()
    assert stat.S_IMODE((tmp_path / "site").stat().st_mode) == 0o700
    for path in (kit, tmp_path / "site" / "engine" / "startup" / "client.key"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_site_and_the_server_allow_our_objects_alone_and_send_no_log() -> None:
    for resources in (flare.site_resources(), flare.server_resources(Path("/somewhere"))):
        assert resources["class_allow_list"] == ["nvflare.collab.", "fedhca.engines.flare.apps."]
        assert resources["class_list_enforcement_mode"] == "enforce"
        assert "/tmp" not in json.dumps(resources)
        assert "log_streamer" not in json.dumps(resources)
    assert flare.site_resources()["allow_log_streaming"] is False


@pytest.mark.parametrize("name", ["server", "ALL", "hospital.a", "-a", "a b", "../a", ""])
def test_a_site_cannot_have_a_name_that_an_engine_has_for_others(name: str) -> None:
    with pytest.raises(RecipeError, match="the name of a site should be at most 63 letters, digits"):
        validated({"sites": {name: NAMES}}, ServerFacts, "--sites")


LONG_HOST = ".".join(["a" * 63, "b" * 63, "example", "org"])


@pytest.mark.parametrize("engine", ["flare", "flower"])
@pytest.mark.parametrize("host", [LONG_HOST, "localhost", "10.0.0.7"])
def test_a_host_may_have_more_letters_than_a_name_in_a_certificate(tmp_path: Path, engine: str, host: str) -> None:
    """A name in a certificate has 64 letters at most: the host stands beside it."""
    pytest.importorskip({"flare": "nvflare", "flower": "flwr"}[engine], reason=f"the extra `{engine}` is not installed")
    x509 = resolve_name("cryptography.x509")
    facts = ServerFacts(engine=engine, host=host, sites={"uni": tuple(NAMES)})  # type: ignore[arg-type]
    kit = kits.make_federation(tmp_path / "federation", TINY, facts, engine_named(engine))["uni"]
    file = {"flare": "server/startup/server.crt", "flower": "server/server.pem"}[engine]
    certificate = x509.load_pem_x509_certificate((tmp_path / "federation" / "engine" / file).read_bytes())
    known = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert host in {str(each.value) for each in known}
    place = kits.make_site(kit, tmp_path / "uni", []).engine
    assert json.loads((place / "address.json").read_text())["host"] == host
    if engine == "flare":
        resolve_name("fedhca.engines.flare.workspace:write_workspace")(place, "uni")
        (found,) = json.loads((place / "startup" / "fed_client.json").read_text())["servers"]
        (name,) = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        assert (found["identity"], found["service"]["target"]) == (name.value, f"{host}:8002")
        served = json.loads((tmp_path / "federation/engine/server/startup/fed_server.json").read_text())["servers"][0]
        listens = served["service"]["target"].partition(":")[
            0
        ]  # FLARE listens to this machine only if it is a name of it
        assert (listens == "localhost") == (host == "localhost")


def test_over_flare_a_site_is_not_called_like_the_host(tmp_path: Path) -> None:
    pytest.importorskip("nvflare", reason="the extra `flare` is not installed")
    facts = ServerFacts(host="uni", sites={"uni": tuple(NAMES)})
    with pytest.raises(RecipeError, match="not be called like the host over FLARE"):
        kits.make_federation(tmp_path / "federation", TINY, facts, engine_named("flare"))
    assert not list((tmp_path / "federation").iterdir())


@pytest.mark.parametrize(
    "host", ["my_server", "a b", "", "fl.example.org:8002", "https://fl", "-x", "a" * 64, f"{LONG_HOST}." * 2 + "org"]
)
def test_a_host_is_a_name_or_an_address(host: str) -> None:
    with pytest.raises(RecipeError, match=r"the host should be a name such as fl\.example\.org"):
        validated({"host": host, "sites": {"uni": NAMES}}, ServerFacts, "--sites")
    assert validated({"host": "10.0.0.7", "sites": {"uni": NAMES}}, ServerFacts, "--sites").host == "10.0.0.7"


def test_a_federation_or_a_site_is_made_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flower = engine_named("flower")
    facts = ServerFacts(engine="flower", sites={"uni": tuple(NAMES)})
    with monkeypatch.context() as broken:
        broken.setattr(kits, "pack_kit", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            kits.make_federation(tmp_path / "federation", TINY, facts, flower)
    assert not list((tmp_path / "federation").iterdir())
    kit = kits.make_federation(tmp_path / "federation", TINY, facts, flower)["uni"]
    assert not list(tmp_path.rglob("*authority*"))
    with pytest.raises(RecipeError):
        kits.make_site(kit, tmp_path / "uni", ["training.workers=-1"])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["federation"]
    assert kits.make_site(kit, tmp_path / "uni", []).facts.name == "uni"


def test_a_run_that_was_not_agreed_on_is_refused_before_it_is_sent(tmp_path: Path) -> None:
    federation = ServerFolder.create(tmp_path / "server", TINY, ServerFacts(sites={"uni": tuple(NAMES)}))
    with pytest.raises(RecipeError, match=r"Run 'local-seed-0' is not what was agreed on: `model\.width`"):
        server_commands.server_run("method=local", ["model.width=12"], at=federation.path)
    assert not (federation.path / "runs").exists()


def test_the_server_says_where_its_own_rows_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    federation = ServerFolder.create(tmp_path / "server", TINY, ServerFacts(sites={"uni": tuple(NAMES)}))
    plans: list[Any] = []
    monkeypatch.setattr(server_commands, "_follow", lambda federation, plan, name, as_json: plans.append(plan))
    for words in ([], ["states=disk", "device=cuda"]):
        server_commands.server_run("method=local", words, at=federation.path)
    assert [(plan.states, plan.device) for plan in plans] == [("memory", "auto"), ("disk", "auto")]


def test_events_are_read_from_where_one_left_off(tmp_path: Path) -> None:
    for what in ("begun", "missing", "done"):
        record_event(tmp_path, what, *(("a", "no power") if what == "missing" else ()))
    assert [event["what"] for event in events(tmp_path)] == ["begun", "missing", "done"]
    assert [(event["client"], event["cause"]) for event in events(tmp_path, 1)[:1]] == [("a", "no power")]


def test_an_event_cut_short_by_a_full_disk_stops_no_later_one(tmp_path: Path) -> None:
    record_event(tmp_path, "begun")
    with (tmp_path / "events.jsonl").open("a") as file:
        file.write('{"time": 12.5, "wh')
    for what in ("again", "done"):
        record_event(tmp_path, what)
    assert [event["what"] for event in events(tmp_path)] == ["begun", "again", "done"]


def test_a_client_that_answers_again_is_said_to_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients a and b miss round 1, b round 2 as well, and round 3 is whole."""
    rounds = [{"train": {"a": "", "b": ""}}, {"train": {"b": ""}, "evaluate": {"b": ""}}, {}]

    def over_network(recipe: Any, send: Any, folder: Path, tell: Any) -> Any:
        for missing in rounds:
            for client in missing.get("train", {}):
                tell(Missing(client, "its site is not connected."))
            yield SimpleNamespace(missing=missing)

    monkeypatch.setattr(serve, "over_network", over_network)
    serve.serve(TINY, lambda wires: [], tmp_path)
    found = [(event["what"], event.get("client")) for event in events(tmp_path)]
    assert [each for each in found if each[0] == "back"] == [("back", "a"), ("back", "b")]
    assert [each[0] for each in found] == ["begun", *["missing"] * 3, "back", "back", "done"]
    shown = io.StringIO()
    progress = Progress(Console(file=shown), tmp_path, "run", 3)
    progress.told = 0
    progress.look()
    assert shown.getvalue().splitlines()[-2:] == [f"run  client '{client}' answers again" for client in "ab"]


@pytest.mark.parametrize("engine", ["flare", "flower"])
def test_without_its_package_there_is_a_pip_line_and_nothing_half_made(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fedhca.extras.find_spec", lambda name: None)
    options: dict[str, Any] = {
        "sites": ",".join(NAMES),
        "host": "localhost",
        "port": 8002,
        "out": tmp_path / "federation",
    }
    with pytest.raises(FedhcaError, match=rf"pip install 'fedhca\[{engine}\]'"):
        server_commands.server_init(str(RECIPE), engine=engine, **options)
    with pytest.raises(RecipeError, match="Unknown engine 'flowr': did you mean 'flower'"):
        server_commands.server_init(str(RECIPE), engine="flowr", **options)
    assert not (tmp_path / "federation").exists()


def test_renewed_kits_leave_runs_settings_and_states_alone(tmp_path: Path) -> None:
    pytest.importorskip("flwr", reason="the extra `flower` is not installed")
    engine, name, now = engine_named("flower"), REAL.roster[0].name, datetime(2026, 11, 23, tzinfo=UTC)
    seats = seated([client.name for client in REAL.roster], REAL)
    federation = ServerFolder.create(tmp_path / "server", REAL, ServerFacts(engine="flower", sites=seats))
    site = kits.make_site(
        kits.make_kits(federation, engine)[name], tmp_path / "site", ["datasets.nyud.root=/data/nyud"]
    )
    for keep in (tmp_path / "site" / "runs" / "x", federation.path / "runs" / "x"):
        keep.mkdir(parents=True)
    before = (site.engine / "site.key").read_bytes()
    fresh = kits.renew_kits(federation, engine, now)
    with pytest.raises(RunFolderError, match=f"should be a new kit of '{name}'. Found the kit of"):
        kits.renew_site(site, fresh[REAL.roster[1].name], now)
    kits.renew_site(site, fresh[name], now)
    again = SiteFolder.open(tmp_path / "site")
    assert (again.engine / "site.key").read_bytes() != before
    assert again.facts == site.facts
    assert (again.path / "runs" / "x").is_dir()
    assert (federation.path / "runs" / "x").is_dir()
    assert stat.S_IMODE((again.engine / "site.key").stat().st_mode) == 0o600
    assert not list(again.path.glob(".kit-*"))
    lasting = engine.lasting(again)
    assert lasting.startswith("certificates last until 20")


def test_a_certificate_is_spoken_of_before_it_ends_and_refused_after(tmp_path: Path) -> None:
    pytest.importorskip("flwr", reason="the extra `flower` is not installed")
    certificates = resolve_name("fedhca.engines.certificates")
    seats = seated([client.name for client in REAL.roster], REAL)
    federation = ServerFolder.create(tmp_path / "server", REAL, ServerFacts(engine="flower", sites=seats))
    engine_named("flower").provision(federation)
    path = federation.engine / "server" / "server.pem"
    until = certificates.valid_until(path)
    assert certificates.lasting(path, until - timedelta(days=31)).endswith(f"{until:%Y-%m-%d}")
    assert "which is soon. Who runs the server" in certificates.lasting(path, until - timedelta(days=29))
    with pytest.raises(FedhcaError, match=r"It ended on 20.*fedhca server renew"):
        certificates.lasting(path, until + timedelta(seconds=1))
    with pytest.raises(RunFolderError, match="should be a certificate"):
        certificates.lasting(federation.path / "recipe.yaml")
