"""How much of what moves α and β is a client hearing itself."""

from collections.abc import Collection, Sequence

import numpy as np
from jaxtyping import Float

from fedhca.report.formatting import printed
from fedhca.report.report_section import Cell, Grid
from fedhca.report.run_record import Run
from fedhca.report.study import Study

LETTERS = {"alpha": "α", "beta": "β"}
NOTE = (
    "{letter} moves with the product of last round's direction and this round's update. The direction contains the "
    "client's own last update, and two updates of one client are alike, so {letter} rises among strangers, too. Only "
    "what is left beside the own part can come from others."
)
CAPTION = (
    "The own part of the products that move {letter}: sum over rounds and seeds, by kind of client. Beside it the mean "
    "own product and the mean product."
)
OLDER = "The own part of {letter} was not recorded by: {methods}."


def own_part(study: Study, side: str, weight: str) -> tuple[list[Grid], list[str]]:
    """Return a table of the own part of the products that move a weight, and notes on how to read it.

    Args:
        study: the runs.
        side: `encoder` or `decoder`.
        weight: `alpha` or `beta`.

    """
    methods = [m for m in study.methods if any(run.notes(side, weight) for run in study.runs if run.method == m)]
    groups, told = [], set()
    for setting in study.settings:
        kinds, runs, lines = study.kinds(setting), study.of_setting(setting), []
        for kind in dict.fromkeys(kinds.values()):
            clients = [client for client in kinds if kinds[client] == kind]
            cells = {method: _cell(runs.get(method, []), side, clients) for method in methods}
            told |= {method for method, cell in cells.items() if cell}
            lines.append([Cell(kind), *(cell or Cell("–") for cell in cells.values())])
        groups.append((setting, lines))
    letter, silent = LETTERS[weight], [method for method in methods if method not in told]
    notes = [NOTE.format(letter=letter)]
    notes += [OLDER.format(letter=letter, methods=", ".join(silent))] if silent else []
    return [Grid(CAPTION.format(letter=letter), ["client", *methods], groups)] if told else [], notes


def _cell(runs: Sequence[Run], side: str, clients: Collection[str]) -> Cell | None:
    """Return the own part of the products of some clients; None where it was not recorded."""
    pairs = np.concatenate([np.empty((2, 0)), *(_products(run, side, clients) for run in runs)], axis=1)
    known = pairs[:, np.isfinite(pairs).all(axis=0)]
    if not known.size:
        return None
    own, whole = known.mean(axis=1)
    share = f"{100 * own / whole:.0f} %" if whole > 0 else "–"
    return Cell(share, note=f"{printed(f'{own:+.3f}')} of {printed(f'{whole:+.3f}')}")


def _products(run: Run, side: str, clients: Collection[str]) -> Float[np.ndarray, "2 p"]:
    """Return own products and products of some clients, of all rounds that have both."""
    owners = list(run.datasets) if side == "encoder" else [client for client, _ in run.decoders]
    places = [place for place, owner in enumerate(owners) if owner in clients]
    own, whole = (dict(run.notes(side, name)) for name in ("own_product", "product"))
    both = [np.stack([own[number][places].ravel(), whole[number][places].ravel()]) for number in own if number in whole]
    return np.concatenate([np.empty((2, 0)), *both], axis=1)
