"""What there is: methods, data sets, tasks, recipes and experiments, each with a line."""

import inspect

from fedhca.experiment.plan import embedded_experiments, load_experiment
from fedhca.experiment.recipes import embedded, load_recipe
from fedhca.experiment.sections.data_section import KINDS
from fedhca.methods import METHODS
from fedhca.tasks import kinds

DATASETS = {
    "rooms": "synthetic rooms: semseg, depth, normals, edge",
    "figures": "synthetic people and animals: semseg, human_parts, sal, normals, edge, classification, keypoints",
    "nyud": "NYUD-v2, or data in its layout: semseg, depth, normals, edge",
    "pascal_context": "PASCAL-Context, or data in its layout: semseg, human_parts, sal, normals, edge",
    "huggingface": "of the datasets library, in a folder or on the Hugging Face hub, with any tasks (extra hub)",
    "folder": "pictures of your own, with any tasks, described in dataset.yaml: see `fedhca new dataset`",
}
assert DATASETS.keys() == KINDS.keys()  # a kind without a line, or a line without a kind


def catalogue() -> dict[str, dict[str, str]]:
    """Return one line for each name, by kind of thing."""
    return {
        "method": {name: _first_line(method) for name, method in METHODS.items()},
        "data set": DATASETS,
        "task": {name: f"{_first_line(task)} Metric: {task.metric}." for name, task in kinds.KINDS.items()},
        "recipe": {name: load_recipe(path).description for name, path in embedded().items()},
        "experiment": {name: load_experiment(name).title for name in embedded_experiments()},
    }


def _first_line(thing: object) -> str:
    return (inspect.getdoc(thing) or "").splitlines()[0]
