"""Kill (-9) what a federation between sites is made of, at random moments, and compare it with a run in one process.

    PYTHONPATH=tests python tests/torture/network.py [--engine flare] [--kills 8] [--seed 0]

Killed is the server, a site, both at once, the command that drives the run, or the process in which the engine runs
the server's or a site's part; whoever is killed is started again, as a service manager would. The last line says
whether the server's state and the journal are the same to the last bit.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fedhca.experiment import journal
from sites import COMMAND, ENVIRONMENT, SITES, Network, fedhca, kill, need, network, require_same
from tally import tally
from tiny import RECIPE

ROUNDS_EACH = 4
"""Rounds of the run for every kill: about what is done between two of them."""
PATIENCE = 240.0
"""Seconds in which a federation has to get on after a kill."""
JOBS = {
    "flare": [("client.worker_process", "lab"), ("server.runner_process", "federation")],
    "flower": [("fedhca.engines.flower.superlink", "federation")],
}
"""Processes in which an engine runs a part of the federation, and of whose folder."""


@dataclass
class Owners:
    """The commands that the owners of server and sites run, and what becomes of them.

    Attributes:
        made: the federation.
        running: by name: `server`, `driver`, or that of a site.

    """

    made: Network
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str) -> None:
        """Start what is named."""
        words = {"server": ["server", "start"], "driver": ["server", "run", "--name", "far"]}
        log = (self.made.here / f"{name}.log").open("ab")
        self.running[name] = subprocess.Popen(
            [*COMMAND, *words.get(name, ["site", "start", name])],
            cwd=self.made.here,
            env=ENVIRONMENT,
            stdout=log,
            stderr=subprocess.STDOUT,
        )

    def strike(self, names: Sequence[str], pause: float) -> None:
        """Kill them, and start them again after a while."""
        for name in names:
            self.running[name].send_signal(signal.SIGKILL)
            self.running[name].wait()
        time.sleep(pause)
        for name in names:
            self.start(name)

    def end(self) -> None:
        """End all."""
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            process.wait(30)

    @property
    def done(self) -> bool:
        """Whether the run came to its end."""
        code = self.running["driver"].poll()
        assert code in (None, 0), (self.made.here / "driver.log").read_text()
        return code == 0

    @property
    def rounds(self) -> int:
        """Rounds in the journal."""
        return len(journal.read_lines(self.made.run / "journal.jsonl"))


def main() -> int:
    options = _options()
    draw, kills = random.Random(options.seed), Counter[str]()
    rounds = ROUNDS_EACH * options.kills + 2
    changes = [f"rounds={rounds}", f"evaluate_every={rounds}"]
    with tempfile.TemporaryDirectory() as place:
        here = Path(place)
        tested = need(options.engine)
        fedhca("run", str(RECIPE), *changes, "--out", "near", cwd=here)
        owners = Owners(network(options.engine, here, changes))
        try:
            for name in ("server", *SITES, "driver"):
                owners.start(name)
            while sum(kills.values()) < options.kills and gets_on(owners):
                time.sleep(draw.uniform(0, 5))
                if not owners.done and (what := strike(owners, options.engine, draw)):
                    kills[what] += 1
                    tally("kills")
                    print(f"kill {sum(kills.values())} ({what}): after round {owners.rounds}", flush=True)
            while gets_on(owners):
                pass
            require_same(owners.made.run, here / "near", tested, rounds)
        finally:
            owners.end()
    tally("survived", sum(kills.values()))
    print("; ".join(f"{what} {count}" for what, count in sorted(kills.items())))
    print(f"{tested}: kills {sum(kills.values())}, resumed {sum(kills.values())}, bits equal: yes")
    return 0 if sum(kills.values()) == options.kills else 1


def strike(owners: Owners, engine: str, draw: random.Random) -> str:
    """Kill something, and say what; nothing if it was not there."""
    site = draw.choice([*SITES])
    what = draw.choice(
        ["server", site, "both", "driver", *(f"{process} of {where}" for process, where in JOBS[engine])]
    )
    if " of " in what:
        try:
            kill(what.split(" of ")[0], owners.made.here / what.split(" of ")[1])
        except AssertionError:
            return ""
        return what
    owners.strike(["server", site] if what == "both" else [what], draw.uniform(0, 3))
    return what


def gets_on(owners: Owners) -> bool:
    """Wait until another round is done; False if the run is."""
    before, end = owners.rounds, time.monotonic() + PATIENCE
    while not owners.done:
        if owners.rounds != before:
            return True
        logs = "\n".join(path.read_text()[-2000:] for path in owners.made.here.glob("*.log"))
        assert time.monotonic() < end, f"no round in {PATIENCE} s after round {before}\n{logs}"
        time.sleep(0.2)
    return False


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--engine", choices=[*JOBS], default="flare")
    parser.add_argument("--kills", type=int, default=8)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    os.environ.update(ENVIRONMENT)
    sys.exit(main())
