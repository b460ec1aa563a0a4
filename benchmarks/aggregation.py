"""The server's step against the floor of memory traffic: `python benchmarks/aggregation.py [--clients 6] [--width N]`.

Prints, side by side in one run, the median time of each encoder rule, of reading start and end rows twice and writing
the answer once (the least any two-pass rule can do), and their ratio.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch

from fedhca.aggregation import Member, Rows
from fedhca.layout import Layout
from fedhca.methods import METHODS, make_method

SWIN_T = 27_520_698


def median_seconds(action: Callable[[], object], repeats: int = 5) -> float:
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        action()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def floor(rows: Rows) -> torch.Tensor:
    for _ in range(2):
        rows.start.sum()
        rows.end.sum()
    return rows.end.clone()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=6)
    parser.add_argument("--width", type=int, default=SWIN_T)
    arguments = parser.parse_args()
    members = tuple(Member(f"client{i}", "data", (f"task{i}",)) for i in range(arguments.clients))
    start = torch.randn(arguments.clients, arguments.width)
    end = start + 0.01 * torch.randn_like(start)
    rows = Rows(start, end, members, Layout.of({"encoder.weight": (arguments.width,)}))
    least = median_seconds(lambda: floor(rows))
    print(f"{arguments.clients} clients, rows of {arguments.width:,}, {torch.get_num_threads()} threads")
    print(f"{'memory floor':<14} {least:7.3f} s")
    for name in METHODS:
        rule = make_method(name).encoder
        state = rule.apply(rule.init(rows), rows).state  # with last round's direction, as in every round but the first
        seconds = median_seconds(lambda rule=rule, state=state: rule.apply(state, rows))  # type: ignore[misc]
        print(f"{name:<14} {seconds:7.3f} s   {seconds / least:5.1f} × the floor")


if __name__ == "__main__":
    main()
