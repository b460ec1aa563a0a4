"""Commands that make a model stand alone, and use one."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fedhca.cli import completion
from fedhca.cli.option_types import AsJson, Folder
from fedhca.cli.output import print_json, tell
from fedhca.errors import RecipeError
from fedhca.storage.atomic import inside

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fedhca.engines.site_run import SiteRun
    from fedhca.experiment.run_folder import RunFolder
    from fedhca.sharing.predictor import Predictor

    Trained = RunFolder | SiteRun


Pictures = Annotated[list[Path], typer.Argument(metavar="PICTURE...", help="Pictures: PNG or JPEG.")]
Raw = Annotated[bool, typer.Option("--raw", help="Write predictions as numbers, too: .png of classes, .npy, .json.")]


CLIENT = "Whose model, where there are several."
Client = Annotated[str, typer.Option(help=CLIENT, autocompletion=completion.clients)]
OnnxToo = Annotated[bool, typer.Option("--onnx", help="Write model.onnx as well, held against PyTorch.")]
Push = Annotated[str, typer.Option("--push", metavar="OWNER/NAME", help="Put it on the Hugging Face hub, private.")]
Public = Annotated[bool, typer.Option("--public", help="Let everybody see it there.")]
License = Annotated[str, typer.Option(help="The hub's word for its license, such as cc-by-4.0; yours to choose.")]


def export(
    folder: Folder,
    client: Client = "",
    out: Annotated[Path | None, typer.Option(help="The model's folder; DIR/models/CLIENT if not given.")] = None,
    license: License = "",
    onnx: OnnxToo = False,
    push: Push = "",
    public: Public = False,
    as_json: AsJson = False,
) -> None:
    """Make one client's model a folder that stands alone. Example: `fedhca export runs/try --client rooms-all-1`."""
    from fedhca.experiment.run_folder import RunFolder

    run = RunFolder.open(folder)
    name = chosen(client, [each.name for each in run.recipe.roster])
    write(run, name, out or inside(folder, "models", name), license, onnx, push, public, as_json=as_json)


def write(
    run: "Trained", client: str, out: Path, license: str, onnx: bool, push: str, public: bool, *, as_json: bool
) -> None:
    """Write a client's model to a folder, put it on the hub if asked to, and say what is where."""
    from fedhca.sharing import hub
    from fedhca.sharing.export import export_model as write_model

    if push:
        hub.require_name(push)
    described = write_model(run.predictor(client), run.provenance(client), out, license=license, onnx=onnx)
    apart = {} if described.onnx is None else described.onnx.differences
    names = [path.name for path in hub.shared(out)]
    tell(f"Written: {', '.join(names)} in {out}")
    if apart:
        said = ", ".join(f"{name} {difference:.1e}" for name, difference in apart.items())
        tell(f"model.onnx differs from PyTorch by at most: {said}")
    if not license:
        tell("Its README.md says that no license was chosen. Choose one before you share it: there, or with --license.")
    tell(f'Load it: fedhca.Predictor.from_pretrained("{push or out}")')
    address = hub.push(out, push, public=public) if push else None
    if address:
        tell(f"On the hub, {'for everybody' if public else 'private'}: {address}")
    if as_json:
        written = [out / name for name in names]
        print_json({"client": client, "folder": out, "written": written, "differences": apart, "hub": address})


def predict(
    folder: Annotated[Path, typer.Argument(help="The folder of a run, or of an exported model.")],
    images: Pictures,
    client: Client = "",
    out: Annotated[Path | None, typer.Option(help="Where drawings go; DIR/predictions if not given.")] = None,
    raw: Raw = False,
    as_json: AsJson = False,
) -> None:
    """Draw what a client's model predicts. Example: `fedhca predict runs/try a.jpg b.jpg --client rooms-all-1`."""
    draw(_opened(folder, client), images, out or inside(folder, "predictions"), raw, as_json=as_json)


def draw(predictor: "Predictor", images: "Sequence[Path]", out: Path, raw: bool, *, as_json: bool) -> None:
    """Draw what a model predicts, write it as numbers if asked to, and say where."""
    from fedhca.report.predictions import draw_predictions, write_predictions

    written = draw_predictions(predictor, images, out)
    written += write_predictions(predictor, images, out) if raw else []
    if as_json:
        print_json({"client": predictor.client, "written": written})
    for path in written:
        tell(f"Written: {path}")


def chosen(client: str, names: "Sequence[str]") -> str:
    """Return whose model is meant: the only one if nobody is named; RecipeError where that could be several."""
    if not client and len(names) > 1:
        raise RecipeError(f"--client should be one of {', '.join(names)}. Found none.")
    return client or names[0]


def _opened(folder: Path, client: str) -> "Predictor":
    """Return the model of a folder, be it a run's or an exported one's."""
    from fedhca.experiment.run_folder import RunFolder
    from fedhca.sharing.model_folder import is_model
    from fedhca.sharing.predictor import Predictor

    if not is_model(folder):
        run = RunFolder.open(folder)
        return run.predictor(chosen(client, [each.name for each in run.recipe.roster]))
    predictor = Predictor.from_pretrained(folder)
    if client not in ("", predictor.client):
        raise RecipeError(f"--client should be {predictor.client}, whose model this is. Found '{client}'.")
    return predictor
