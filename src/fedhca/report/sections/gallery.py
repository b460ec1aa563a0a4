"""What the models see: input, truth and every method's prediction, for one client of each kind."""

from collections.abc import Sequence

from fedhca.errors import FedhcaError
from fedhca.experiment.compare import Entry
from fedhca.report.comparison import comparisons
from fedhca.report.image_grid import Tile, png, scaled
from fedhca.report.report_section import ReportSection, Tiles
from fedhca.report.study import Study

LEAD = (
    "The test pictures with the most labels, seen by one client of each kind; seed {seed}. Where the truth has no "
    "label, nothing is drawn."
)
HEIGHT = 160
"""Pixels of a tile."""


def gallery(study: Study) -> ReportSection | None:
    """Return the pictures, or one line that says why there are none."""
    chosen = _chosen(study)
    if not study.pictures or not chosen:
        return None
    kinds = study.kinds(chosen[0].setting)
    first = [client for place, client in enumerate(kinds) if kinds[client] not in list(kinds.values())[:place]]
    lead = LEAD.format(seed=chosen[0].seed)
    try:
        found = list(comparisons(chosen, study.pictures, first))
    except (FedhcaError, OSError) as error:
        text = str(error)
        for entry in chosen:  # the page may be seen elsewhere: no place of this machine is in it
            text = text.replace(str(entry.folder.path), entry.folder.path.name)
        return ReportSection("gallery", "Predictions", lead, notes=[f"No pictures: {text}"])
    return ReportSection("gallery", "Predictions", lead, [_tiles(client, rows) for client, rows in found])


def _chosen(study: Study) -> list[Entry]:
    """Return the runs of the first setting and seed that left a checkpoint."""
    saved = [run.entry for run in study.runs if run.saved]
    return [entry for entry in saved if (entry.setting, entry.seed) == (saved[0].setting, saved[0].seed)]


def _tiles(client: str, rows: Sequence[Sequence[Tile]]) -> Tiles:
    """Put the tiles in a table; the input, which all tasks share, stands there once."""
    heads = ["input", *(tile.caption for tile in rows[0][1:])]
    lines: list[tuple[str, list[tuple[bytes, str]]]] = []
    before = b""
    for first, *others in rows:
        task = first.caption.removeprefix(f"{client} ")
        picture = png(scaled(first, HEIGHT))
        own = (b"" if picture == before else picture, "input")
        drawn = [(png(scaled(tile, HEIGHT)), f"{task}, {head}") for head, tile in zip(heads[1:], others, strict=True)]
        lines.append((task, [own, *drawn]))
        before = picture
    return Tiles(client, heads, lines)
