"""Commands of a site that takes part in a federation."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from fedhca.cli import completion
from fedhca.cli.look_commands import check_document
from fedhca.cli.option_types import AsJson, MoreChanges
from fedhca.cli.output import print_json, print_table, show_table, tell
from fedhca.cli.share_commands import License, OnnxToo, Pictures, Public, Push, Raw, chosen, draw, write
from fedhca.errors import FedhcaError, GoneError

Folder = Annotated[Path, typer.Argument(help="The site's folder.")]


def site_init(
    kit: Annotated[Path, typer.Argument(help="The kit that the server's side made for this site.")],
    more: MoreChanges = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="What only this site knows, such as where its data are."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The site's folder; the kit's name if not given.")] = None,
) -> None:
    """Make a site's folder of its kit.

    Example: `fedhca site init hospital-a.zip --set datasets.nyud.root=/data/nyud`.
    """
    from fedhca.engines.kits import make_site
    from fedhca.engines.site_folder import FILE

    place = out or Path(kit.stem)
    site = make_site(kit, place, [*(changes or ()), *(more or ())])
    clients = [each for each in site.agreed.roster if each.name in site.facts.clients]
    show_table(
        ["client", "data set", "tasks"],
        [[each.name, each.dataset, " ".join(each.tasks)] for each in clients],
        f"What this site says for itself is in {place / FILE}: where its data are, its device.",
    )
    tell(f"Next: fedhca site check {shlex.quote(str(place))}")


def site_renew(kit: Annotated[Path, typer.Argument(help="The new kit.")], folder: Folder) -> None:
    """Give a site the keys of a new kit; its settings and states stay.

    Example: `fedhca site renew hospital-a.zip hospital-a`.
    """
    from datetime import UTC, datetime

    from fedhca.engines.kits import renew_site
    from fedhca.engines.site_folder import SiteFolder
    from fedhca.processes.supervision import not_running

    with not_running(folder):
        renew_site(SiteFolder.open(folder), kit, datetime.now(UTC))
    tell(f"Next: fedhca site start {shlex.quote(str(folder))}")


def site_predict(
    folder: Folder,
    run: Annotated[str, typer.Argument(help="The name of a run.", autocompletion=completion.runs)],
    images: Pictures,
    client: Annotated[str, typer.Option(help="Whose model; the site's only client if not given.")] = "",
    out: Annotated[Path | None, typer.Option(help="Where drawings go; beside the run if not given.")] = None,
    raw: Raw = False,
    as_json: AsJson = False,
) -> None:
    """Draw what the model that came back from a run predicts.

    Example: `fedhca site predict hospital-a first scan.png`.
    """
    from fedhca.engines.site_folder import SiteFolder

    site = SiteFolder.open(folder)
    found = site.run(run)
    predictor = found.predictor(chosen(client, site.facts.clients))
    draw(predictor, images, out or found.path / "predictions", raw, as_json=as_json)


def site_export(
    folder: Folder,
    run: Annotated[str, typer.Argument(help="The name of a run.")],
    client: Annotated[str, typer.Option(help="Whose model; the site's only client if not given.")] = "",
    out: Annotated[Path | None, typer.Option(help="The model's folder; beside the run if not given.")] = None,
    license: License = "",
    onnx: OnnxToo = False,
    push: Push = "",
    public: Public = False,
    as_json: AsJson = False,
) -> None:
    """Make the model that came back from a run a folder that stands alone.

    Example: `fedhca site export hospital-a first --out our-model`.
    """
    from fedhca.engines.site_folder import SiteFolder

    site = SiteFolder.open(folder)
    found, name = site.run(run), chosen(client, site.facts.clients)
    write(found, name, out or found.path / "models" / name, license, onnx, push, public, as_json=as_json)


def site_check(folder: Folder, as_json: AsJson = False) -> None:
    """Prove that data load, models fit, and the server answers. Example: `fedhca site check hospital-a`."""
    from fedhca.engines.engine import engine_named
    from fedhca.engines.site_folder import SiteFolder
    from fedhca.experiment.check import check_recipe

    site = SiteFolder.open(folder)
    site.require_places()
    findings = check_recipe(site.agreed, site.facts.clients)
    head = ["client", "data set", "tasks", "train", "test", "kB down", "kB up"]
    (show_table if as_json else print_table)(head, findings.rows, findings.summary)
    for line in findings.families:
        tell(line)
    if findings.privacy:
        tell(findings.privacy)
    if findings.problems:
        raise FedhcaError(f"{len(findings.problems)} problems with the data, the first: {findings.problems[0]}")
    engine = engine_named(site.facts.engine)
    lasting, reached = engine.lasting(site), engine.reach(site)
    tell(lasting)
    tell(reached)
    if as_json:
        print_json({**check_document(findings), "certificates": lasting, "server": reached})


def site_start(folder: Folder) -> None:
    """Join the federation, and stay. Example: `fedhca site start hospital-a`."""
    from fedhca.engines.engine import engine_named
    from fedhca.engines.site_folder import SiteFolder
    from fedhca.processes.supervision import stay

    site = SiteFolder.open(folder)
    site.require_places()
    tell(f"site '{site.facts.name}' with {', '.join(site.facts.clients)}; its log is {site.engine / 'log.txt'}")
    engine = engine_named(site.facts.engine)
    tell(engine.lasting(site))
    try:
        tell(engine.reach(site))
    except GoneError as error:
        tell(f"{error} Waiting for it.")
    stay(lambda: engine.join(site), tell, folder)
