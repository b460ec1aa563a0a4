"""What stands at the end of commands that train: what came out, where everything lies, what to do next."""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fedhca.cli.output import show_table, tell

if TYPE_CHECKING:
    from fedhca.experiment.run_folder import RunFolder
    from fedhca.tasks.task import Task

MEANS = ("metric", "unit", "higher_is_better")
"""What a metric means, of its task."""


def show_summary(folder: "RunFolder") -> None:
    """Show what a run came to, and where everything lies."""
    show_metrics(folder)
    where, client = shlex.quote(str(folder.path)), folder.recipe.roster[0].name
    show_places(
        {
            "run folder": f"{where}: recipe.yaml, journal.jsonl, checkpoints",
            "a page": f"fedhca report {where}",
            "a prediction": f"fedhca predict {where} PICTURE --client {client}",
            "a model": f"fedhca export {where} --client {client}",
        }
    )


def show_metrics(folder: "RunFolder") -> None:
    """Show the last metrics of a run, a line a client."""
    number, metrics = last_metrics(folder)
    tasks = folder.tasks()
    rows = [[client, _in_short(values, tasks[client])] for client, values in metrics.items()]
    if rows:
        show_table(["client", f"after round {number} of {folder.recipe.rounds}"], rows, "")


def show_places(places: Mapping[str, str]) -> None:
    """Show where things lie, and the commands that go on from there."""
    wide = max(map(len, places))
    for name, place in places.items():
        tell(f" {name:<{wide}}   {place}")


def last_metrics(folder: "RunFolder") -> tuple[int, dict[str, dict[str, float | None]]]:
    """Return the last round that was evaluated, and its metrics by client and task; round 0 and nothing if none was."""
    for line in reversed(folder.journal):
        if line.get("metrics"):
            return line["round"], line["metrics"]
    return 0, {}


def run_document(folder: "RunFolder") -> dict[str, Any]:
    """Return what a machine is told of a run."""
    number, metrics = last_metrics(folder)
    recipe = folder.recipe
    return {
        "folder": folder.path,
        "method": recipe.method.label,
        "seed": recipe.seed,
        "rounds": recipe.rounds,
        "finished": folder.finished,
        "metrics": metrics_document(number, metrics, folder.tasks()),
        "files": files({"journal": folder.path / "journal.jsonl", "recipe": folder.path / "recipe.yaml"}),
    }


def metrics_document(
    number: int, metrics: Mapping[str, Mapping[str, float | None]], tasks: Mapping[str, Mapping[str, "Task"]]
) -> dict[str, Any]:
    """Return metrics with what they mean."""
    found = {
        client: {
            name: {"value": value, **{key: getattr(tasks[client][name], key) for key in MEANS}}
            for name, value in values.items()
        }
        for client, values in metrics.items()
    }
    return {"round": number, "clients": found}


def files(named: Mapping[str, Path]) -> dict[str, Path]:
    """Return those files that are there."""
    return {name: path for name, path in named.items() if path.exists()}


def _in_short(values: Mapping[str, float | None], tasks: Mapping[str, "Task"]) -> str:
    return "  ".join(
        f"{name} not measured"
        if value is None
        else f"{name} {value:.4g} {tasks[name].unit}".strip().replace(" degrees", "°")
        for name, value in values.items()
    )
