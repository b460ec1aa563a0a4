"""Commands that make a model stand alone, and use one."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fedhca.cli import completion
from fedhca.cli.output import print_json, tell
from fedhca.cli.words import AsJson
from fedhca.errors import RecipeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fedhca.sharing.predictor import Predictor

Pictures = Annotated[list[Path], typer.Argument(metavar="PICTURE...", help="Pictures: PNG or JPEG.")]
Raw = Annotated[bool, typer.Option("--raw", help="Write predictions as numbers, too: .png of classes, .npy, .json.")]


def predict(
    folder: Annotated[Path, typer.Argument(help="The folder of a run, or of an exported model.")],
    images: Pictures,
    client: Annotated[
        str, typer.Option(help="Whose model, where there are several.", autocompletion=completion.clients)
    ] = "",
    out: Annotated[Path | None, typer.Option(help="Where drawings go; DIR/predictions if not given.")] = None,
    raw: Raw = False,
    as_json: AsJson = False,
) -> None:
    """Draw what a client's model predicts. Example: `fedhca predict runs/try a.jpg b.jpg --client rooms-all-1`."""
    draw(_opened(folder, client), images, out or folder / "predictions", raw, as_json=as_json)


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
    from fedhca.sharing.folder import is_model
    from fedhca.sharing.predictor import Predictor

    if not is_model(folder):
        run = RunFolder.open(folder)
        return run.predictor(chosen(client, [each.name for each in run.recipe.roster]))
    predictor = Predictor.from_pretrained(folder)
    if client not in ("", predictor.client):
        raise RecipeError(f"--client should be {predictor.client}, whose model this is. Found '{client}'.")
    return predictor
