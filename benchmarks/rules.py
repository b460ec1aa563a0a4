"""Every method's encoder rule beside the copy floor: `python benchmarks/rules.py [--clients 6] [--width N]`.

Prints, of each rule by turns in one process, seconds from what was sent to the answers in its place, in a round that
has a last one; and its ratio to the floor of `server_step.py`: 5·N·d numbers at the speed at which N·d are copied.
"""

import argparse
from collections.abc import Callable

import torch
from timing import seconds, spread

from fedhca.aggregation import Member, Rows
from fedhca.methods import METHODS, make_method
from fedhca.storage.tables import new_like
from fedhca.wire.layout import Layout

SWIN_T = 27_520_698


def prepared(name: str, rows: Rows) -> Callable[[], object]:
    """Return one application of a method's rule, with what it remembers of a last round."""
    rule = make_method(name).encoder
    state = rule.apply(rule.init(rows), rows, new_like(rows.end)).state
    return lambda: rule.apply(state, rows, rows.end)


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clients", type=int, default=6)
    parser.add_argument("--width", type=int, default=SWIN_T)
    parser.add_argument("--turns", type=int, default=5)
    arguments = parser.parse_args()
    size = (arguments.clients, arguments.width)
    members = tuple(Member(f"client{i}", "data", (f"task{i}",)) for i in range(arguments.clients))
    start, end, beside = torch.randn(size), *(new_like(torch.empty(1).expand(size)) for _ in range(2))
    layout = Layout.of({"encoder.weight": (arguments.width,)})
    print(f"{arguments.clients} clients, rows of {arguments.width:,}, {torch.get_num_threads()} threads\n")
    print("| method | s | over the floor |\n| --- | ---: | ---: |")
    for name in METHODS:
        for before, after in zip(start, end, strict=True):
            torch.add(before, torch.randn(arguments.width), alpha=0.01, out=after)
        action = prepared(name, Rows(start, end, members, layout))
        action()  # whatever is compiled or loaded is now
        floors, found = [], []
        for _ in range(arguments.turns):
            floors.append(2.5 * seconds(lambda: beside.copy_(start)))
            found.append(seconds(action))
        print(
            f"| {name} | {spread(found)} | {spread([a / b for a, b in zip(found, floors, strict=True)])} |", flush=True
        )


if __name__ == "__main__":
    main()
