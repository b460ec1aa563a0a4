"""Flower's commands for whoever runs the server, typed for them."""

import json
import os
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import tomli_w

from fedhca.engines import engine
from fedhca.engines.proxies import NO_PROXIES
from fedhca.errors import GoneError
from fedhca.experiment.recipe import Recipe
from fedhca.experiment.recipes import dump_recipe
from fedhca.processes.supervision import TOOLS
from fedhca.storage.atomic import write_atomically

HERE = "here"
"""The name of the one server that is known in the folder of these commands."""
LOOK = 15.0
"""Seconds between looks at a run; each starts a process."""
PATIENCE = 60
"""Seconds for one of these commands."""
QUIET = {
    "FLWR_TELEMETRY_ENABLED": "0",
    "FLWR_DISABLE_UPDATE_CHECK": "1",
    "FLWR_DISABLE_RUNTIME_DEPENDENCY_INSTALLATION": "1",
    "FLWR_SUPEREXEC_TASK_POLL_INTERVAL": "0.2",
    "RAY_USAGE_STATS_ENABLED": "0",
}

PYPROJECT = {
    "project": {
        "name": "fedhca-app",
        "version": "0.1.0",
        "description": "The package fedhca, installed at the server and at every site, does all; no code is in here.",
        "license": {"file": "LICENSE"},
        "dependencies": [],
    },
    "tool": {
        "flwr": {
            "app": {
                "publisher": "fedhca",
                "components": {
                    "serverapp": "fedhca.engines.flower.apps:server",
                    "clientapp": "fedhca.engines.flower.apps:client",
                },
                "config": {"run": "", "recipe": ""},
            }
        }
    },
}
"""Flower's name for a run is an app; in ours there is no code."""


class FlowerSession(engine.Session):
    """The server as its own machine sees it.

    Args:
        place: the federation's engine folder.
        address: of the server.
        authority: certificate that proves it; none where it plays all sites itself.

    """

    def __init__(self, place: Path, address: str, authority: Path | None) -> None:
        self.place, self.address, self.looked, self.over = place, address, 0.0, False
        self.home, self.nodes = place / "flower", place / "nodes.json"
        way: dict[str, Any] = {"insecure": True} if authority is None else {"root-certificates": str(authority)}
        known = {"superlink": {"default": HERE, HERE: {"address": address, **way}}}
        write_atomically(self.home / "config.toml", tomli_w.dumps(known).encode())
        write_atomically(place / "app" / "pyproject.toml", tomli_w.dumps(PYPROJECT).encode())
        write_atomically(place / "app" / "LICENSE", b"Apache-2.0\n")

    def present(self) -> set[str]:
        """Return the sites that are connected."""
        nodes = self.ask("supernode", "list", HERE)["nodes"]
        online = {node["node-id"] for node in nodes if node["status"] == "online"}
        known = json.loads(self.nodes.read_text(encoding="utf-8")) if self.nodes.is_file() else {}
        return {site for site, node in known.items() if node in online}

    def register(self, keys: Mapping[str, Path]) -> None:
        """Have the server know each site by its key."""
        nodes = {
            site: str(self.ask("supernode", "register", str(key), HERE, "--name", site)["node-id"])
            for site, key in keys.items()
        }
        write_atomically(self.nodes, json.dumps(nodes).encode())  # as its list of nodes does not bear their names

    def submit(self, run: str, recipe: Recipe, sites: Sequence[str]) -> str:
        """Submit a run."""
        del sites  # a run goes to all who are there, and each request to one
        return self.submit_to(run, recipe)

    def submit_to(self, run: str, recipe: Recipe, *options: str) -> str:
        """Submit a run, with more options of Flower's."""
        changes = self.place / "runs" / f"{run}.toml"
        write_atomically(changes, tomli_w.dumps({"run": run, "recipe": json.dumps(dump_recipe(recipe))}).encode())
        self.looked, self.over = time.monotonic(), False
        words = ["run", str(self.place / "app"), HERE, "--run-config", str(changes), *options]
        return str(self.ask(*words)["run-id"])

    def is_over(self, job: str) -> bool:
        """Tell whether a run has ended; that the server is gone is seen at once."""
        host, _, port = self.address.rpartition(":")
        try:
            socket.create_connection((host, int(port)), PATIENCE).close()
        except OSError as error:
            raise GoneError(error.strerror or str(error)) from error
        if not self.over and time.monotonic() - self.looked > LOOK:
            self.looked = time.monotonic()
            (found,) = self.ask("list", HERE, "--run-id", job)["runs"]
            self.over = str(found["status"]).startswith("finished")
        return self.over

    def abort(self, job: str) -> None:
        """End a run."""
        self._done("stop", job, HERE)

    def ask(self, *words: str) -> Any:
        """Return what a command says in JSON; GoneError if it fails."""
        done = self._done(*words)
        try:
            found = json.loads(done.stdout[done.stdout.index("{") :])
        except ValueError:
            found = {"success": False, "error-message": (done.stderr or done.stdout).strip()}
        if not found.get("success", False):
            said = str(found.get("error-message", "no word")).strip()
            cause = " ".join(said.split("\n\n")[-1].split())  # what it was doing comes in a paragraph before
            raise GoneError(cause.partition(". ")[0][:160])
        return found

    def _done(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [str(TOOLS / "flwr"), *words, *([] if words[0] == "stop" else ["--format", "json"])]
        ours = {**os.environ, **QUIET, **NO_PROXIES, "FLWR_HOME": str(self.home)}
        try:
            return subprocess.run(command, env=ours, capture_output=True, text=True, timeout=PATIENCE, check=False)
        except subprocess.TimeoutExpired as error:
            raise GoneError(f"`flwr {words[0]}` had no answer in {PATIENCE} seconds.") from error
