"""Stands where Flower starts a process for a message, and runs this package's object whatever app was sent.

Flower sends an app's code with a run and would install and import it. Here nothing that was sent is: a site takes part
with what its owner installed.
"""

from typing import Any

from flwr.supernode.cli.flwr_clientapp import flwr_clientapp
from flwr.supernode.runtime import run_clientapp

from fedhca.engines.flower.apps import client


def _install_nothing(*arguments: Any, **options: Any) -> None:
    return None


def _load_ours(*arguments: Any, **options: Any) -> Any:
    return lambda *names: client


def start_clientapp() -> None:
    """Answer one message."""
    for name, ours in (("install_from_fab", _install_nothing), ("get_load_client_app_fn", _load_ours)):
        if name not in run_clientapp.run_clientapp.__code__.co_names:
            raise SystemExit(f"This Flower does not call `{name}` any more, so that no site could refuse foreign code.")
        setattr(run_clientapp, name, ours)
    flwr_clientapp()


if __name__ == "__main__":
    start_clientapp()
