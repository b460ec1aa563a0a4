"""Commands of the one who runs the server of a federation between sites."""

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fedhca.cli import completion
from fedhca.cli.exit_codes import goes_on_with
from fedhca.cli.option_types import AsJson, Changes, MoreChanges, RecipeName, names
from fedhca.cli.output import is_verbose, print_json, screen, show_table, tell
from fedhca.cli.summary import run_document, show_metrics, show_places

if TYPE_CHECKING:
    from fedhca.engines.server_folder import ServerFacts, ServerFolder
    from fedhca.experiment.recipe import Recipe

KEYS = "A kit has its site's private key: give it to that site alone, then delete it here."
At = Annotated[Path, typer.Option("--at", help="The federation's folder.")]


def server_init(
    recipe: RecipeName,
    more: MoreChanges = None,
    sites: Annotated[
        str, typer.Option(help="Sites with commas between: the name of the client it hosts, or SITE=CLIENT+CLIENT.")
    ] = "",
    changes: Changes = None,
    host: Annotated[
        str, typer.Option(help="The server's name, as sites reach it; localhost listens on this machine only.")
    ] = "localhost",
    port: Annotated[int, typer.Option(help="The one port that is open, at the server.", min=1, max=65535)] = 8002,
    engine: Annotated[
        str, typer.Option(help="What carries messages: flare or flower.", autocompletion=completion.engines)
    ] = "flare",
    out: Annotated[Path, typer.Option(help="The federation's folder.")] = Path("federation"),
) -> None:
    """Make a federation: certificates, and one kit for each site.

    Example: `fedhca server init demo`. Example: `fedhca server init recipe.yaml --sites hospital-a,hospital-b`.
    Example: `fedhca server init demo --host fl.example.org --engine flower --out rooms`.
    """
    from fedhca.config.section import validated
    from fedhca.engines.engine import engine_named
    from fedhca.engines.kits import make_federation
    from fedhca.engines.server_folder import ServerFacts, seated
    from fedhca.experiment.recipes import load_recipe

    carrier = engine_named(engine)
    plan = load_recipe(recipe, [*(changes or ()), *(more or ())])
    seats = seated(names(sites) or [each.name for each in plan.roster], plan)
    facts = validated({"engine": engine, "host": host, "port": port, "sites": seats}, ServerFacts, "server init")
    kits = make_federation(out, plan, facts, carrier)
    _tell_left_out(plan)
    _show_kits(facts, kits)
    tell(f"Next, here: fedhca server start --at {shlex.quote(str(out))}; at each site: fedhca site init KIT.")


def server_renew(at: At = Path("federation")) -> None:
    """Make all keys, certificates and kits anew, before they end or after a loss. Example: `fedhca server renew`."""
    from datetime import UTC, datetime

    from fedhca.engines.engine import engine_named
    from fedhca.engines.kits import renew_kits
    from fedhca.engines.server_folder import ServerFolder
    from fedhca.processes.supervision import not_running

    federation = ServerFolder.open(at)
    with not_running(at):
        kits = renew_kits(federation, engine_named(federation.facts.engine), datetime.now(UTC))
    _show_kits(federation.facts, kits)
    tell("Next: start the server again; at each site: fedhca site renew KIT FOLDER, and start it again.")


def server_start(at: At = Path("federation")) -> None:
    """Start the server of a federation, and stay. Example: `fedhca server start`."""
    from fedhca.engines.engine import engine_named
    from fedhca.engines.server_folder import ENGINE, ServerFolder
    from fedhca.processes.supervision import stay

    federation = ServerFolder.open(at)
    facts = federation.facts
    engine = engine_named(facts.engine)
    tell(f"server of {at}: {facts.host}:{facts.port}; its log is {at / ENGINE / 'server' / 'log.txt'}")
    tell(engine.lasting(federation))
    stay(lambda: engine.serve(federation), tell, at)


def server_run(
    recipe: Annotated[str, typer.Argument(help="The recipe of the server_run; the agreed one if not given.")] = "",
    more: MoreChanges = None,
    changes: Changes = None,
    at: At = Path("federation"),
    name: Annotated[str, typer.Option(help="Of the server_run; METHOD-seed-N if not given.")] = "",
    as_json: AsJson = False,
) -> None:
    """Run a federation between its sites, with their progress here.

    Example: `fedhca server run --name first`. Example: `fedhca server run --set method=fedavg rounds=20`.
    """
    from fedhca.engines.agreement import require_agreed
    from fedhca.engines.server_folder import RECIPE as AGREED
    from fedhca.engines.server_folder import ServerFolder, shareable
    from fedhca.experiment.recipes import load_recipe

    federation = ServerFolder.open(at)
    words = [*(changes or ()), *(more or ())]
    if "=" in recipe:
        recipe, words = "", [recipe, *words]
    asked = load_recipe(recipe or at / AGREED, words)
    _tell_left_out(asked)
    plan = shareable(asked).model_copy(update={"states": asked.states})  # where the server's own rows are
    name = name or re.sub(r"[^A-Za-z0-9._-]", "-", f"{plan.method.label}-seed-{plan.seed}")
    require_agreed(federation.recipe, plan, name)  # as every site would, but before it is sent to them
    _follow(federation, plan, name, as_json=as_json)


def server_resume(
    name: Annotated[str, typer.Argument(help="Of the server_run.", autocompletion=completion.runs)],
    at: At = Path("federation"),
    as_json: AsJson = False,
) -> None:
    """Go on with an interrupted run of a federation. Example: `fedhca server resume fedhca2-seed-0`."""
    from fedhca.engines.server_folder import ServerFolder
    from fedhca.experiment.run_folder import RunFolder

    federation = ServerFolder.open(at)
    _follow(federation, RunFolder.open(federation.run_folder(name)).recipe, name, as_json=as_json)


def _tell_left_out(recipe: "Recipe") -> None:
    """Say what of a recipe is not sent, as each machine sets it for itself."""
    from fedhca.config.owner import set_by_site

    if keys := [".".join(map(str, key)) for key in set_by_site(recipe)]:
        tell(f"left to each site (fedhca site init KIT --set KEY=VALUE): {', '.join(keys)}")


def _show_kits(facts: "ServerFacts", kits: dict[str, Path]) -> None:
    rows = [[site, " ".join(facts.sites[site]), str(kit)] for site, kit in kits.items()]
    show_table(["site", "clients", "kit"], rows, KEYS)


def _follow(federation: "ServerFolder", recipe: "Recipe", name: str, *, as_json: bool) -> None:
    from fedhca.cli.progress import Progress
    from fedhca.engines.driver import go
    from fedhca.engines.engine import engine_named
    from fedhca.experiment.run_folder import RunFolder

    folder = federation.run_folder(name)
    progress = Progress(screen, folder, name, recipe.rounds, metrics=is_verbose())
    with goes_on_with("server", "resume", name, "--at", federation.path):
        for _ in go(engine_named(federation.facts.engine), federation, recipe, name, tell):
            progress.look()
        progress.look()
    tell(f"{name}: {recipe.rounds} rounds done; everything is in {folder}")
    done = RunFolder.open(folder)
    if as_json:
        print_json(run_document(done))
    show_metrics(done)
    show_places({"run folder": shlex.quote(str(folder)), "a page": f"fedhca report {shlex.quote(str(folder))}"})
