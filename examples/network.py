"""The demo between sites: a server and three sites as separate processes on this machine, secured, kits made here.

    python examples/network.py [flare | flower] [KEY=VALUE]...

Runs the demo's three methods over the network, then FedHCA² once more in one process, and says whether both ended with
the same parameters. Everything is done with the commands that the owners of server and sites would type.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import torch

from fedhca import RunFolder
from fedhca.experiment.compare import Entry
from fedhca.report.comparison import write_table
from fedhca.storage.tensor_file import load_tensors

HERE = Path("runs", "network")
SITES = {
    "hospital": "rooms-all-1+rooms-all-2",
    "lab-a": "figures-semseg-1+figures-semseg-2",
    "lab-b": "figures-sal-1+figures-sal-2",
}
METHODS = ("local", "fedavg", "fedhca2")
FAST = {**os.environ, "OMP_NUM_THREADS": "1"}


def fedhca(*words: str) -> list[str]:
    """Say what is run, and return it as a command."""
    print("$ fedhca", *words, flush=True)
    return [sys.executable, "-m", "fedhca", *words]


def main(engine: str, changes: list[str]) -> None:
    """Make the federation, run it, and compare."""
    shutil.rmtree(HERE, ignore_errors=True)
    HERE.mkdir(parents=True)
    sites = ",".join(f"{site}={clients}" for site, clients in SITES.items())

    def done(*words: str) -> None:
        subprocess.run(fedhca(*words), cwd=HERE, env=FAST, check=True)

    done("server", "init", "demo", *changes, "--engine", engine, "--sites", sites, "--port", "18002")
    for site in SITES:
        done("site", "init", f"federation/kits/{site}.zip")
    began = time.perf_counter()
    stay = [subprocess.Popen(fedhca("server", "start"), cwd=HERE, env=FAST)]
    stay += [subprocess.Popen(fedhca("site", "start", site), cwd=HERE, env=FAST) for site in SITES]
    try:
        for method in METHODS:
            done("server", "run", "--set", f"method={method}", "--name", method)
    finally:
        for process in stay:
            process.terminate()
        for process in stay:
            process.wait()
    spent = time.perf_counter() - began
    done("run", "federation/recipe.yaml", "--out", "one-process")
    runs = {method: RunFolder.open(HERE / "federation" / "runs" / method) for method in METHODS}
    table = write_table([Entry(method, folder.recipe.seed, folder) for method, folder in runs.items()], HERE)
    print(table.markdown())
    print(f"{spent:.0f} s for {len(METHODS)} methods between {len(SITES)} sites, over {engine}.")
    far, near = (newest(folder) for folder in (runs["fedhca2"].path, HERE / "one-process"))
    same = far.keys() == near.keys() and all(torch.equal(far[name], near[name]) for name in far)
    print(
        f"Parameters, hyper weights and directions equal those of one process, bit for bit: {'yes' if same else 'NO'}."
    )
    sys.exit(not same)


def newest(folder: Path) -> dict[str, torch.Tensor]:
    """Return the server's state after the last round."""
    return load_tensors(max((folder / "server").glob("after-*.safetensors")))[0]


if __name__ == "__main__":
    words = sys.argv[1:]
    main(words[0] if words and "=" not in words[0] else "flare", [word for word in words if "=" in word])
