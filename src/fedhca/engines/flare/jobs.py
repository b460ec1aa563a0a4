"""A run as a job of FLARE: a few lines of JSON that name our two objects. No code is in it."""

import json
import shutil
from pathlib import Path

from nvflare.collab import CollabRecipe

from fedhca.engines.flare.apps import ServerApp, SiteApp
from fedhca.experiment.config import Recipe
from fedhca.experiment.recipes import dump_recipe

SYNC = 600
"""Seconds that sites have to start their processes."""


def write_job(folder: Path, run: str, recipe: Recipe, sites: int) -> Path:
    """Write the job of a run; return its folder.

    Args:
        folder: of jobs; one of this name is replaced.
        run: name of the run.
        recipe: of the run.
        sites: how many there are; all take part.

    """
    text = json.dumps(dump_recipe(recipe))
    job = CollabRecipe(
        job_name=run,
        server=ServerApp(text, run),
        client=SiteApp(text, run),
        min_clients=sites,
        sync_task_timeout=SYNC,
    )
    shutil.rmtree(folder / run, ignore_errors=True)
    job.export(str(folder))
    for code in list((folder / run).rglob("custom")):
        shutil.rmtree(code)  # the library packs the source of our objects; sites have it installed
    return folder / run
