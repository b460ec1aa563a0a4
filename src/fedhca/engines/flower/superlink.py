"""Flower's server, with two rules more.

Flower has sites, its own processes and whoever submits runs at one port, and proves the sites only. Here, from another
machine, the sites' door alone is open, so that nobody else can submit code, register a key or read a log. And that door
opens once the sites' keys are registered: a site that comes earlier waits, and is not taken for a stranger.
"""

import sys
from collections.abc import Mapping
from ipaddress import IPv6Address, ip_address
from pathlib import Path

from flwr.superlink import extensions
from flwr.superlink import main as superlink
from flwr.superlink.cli import flower_superlink
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

SITES_DOOR, HEALTH = "/v1/fleet/", "/health"
MOST = 32 << 20
"""Bytes of a request by the sites' door. Flower reads all of it before it asks for proof, and sends 5 MiB at a time."""


class Doorkeeper:
    """Refuse what is not for other machines, and what comes too early.

    Args:
        app: that answers.
        registered: file that is there once all keys are registered.

    """

    def __init__(self, app: ASGIApp, registered: Path) -> None:
        self.app, self.registered = app, registered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse to."""
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        await (refusal or self.app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        if scope["path"].startswith(SITES_DOOR):
            if _is_large(dict(scope["headers"])):
                return PlainTextResponse(f"A request should say its length, {MOST} bytes at most.", status_code=413)
            if not self.registered.exists():
                return PlainTextResponse("The sites' keys are not registered yet.", status_code=503)
        elif not (scope["path"].startswith(HEALTH) or _is_here(scope["client"])):
            return PlainTextResponse("Only the server's own machine may ask for this.", status_code=403)
        return None


def _is_large(headers: Mapping[bytes, bytes]) -> bool:
    return b"transfer-encoding" in headers or int(headers.get(b"content-length", b"0")) > MOST


def _is_here(client: tuple[str, int] | None) -> bool:
    if client is None:
        return False
    address = ip_address(client[0])
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


def keep_doors(registered: Path) -> None:
    """Put the doorkeeper before everything that Flower's server answers; SystemExit where that is not possible."""
    found = extensions.get_middleware
    if "get_middleware" not in superlink._get_middleware.__code__.co_names:
        raise SystemExit("This Flower does not call `get_middleware` any more, so that its doors could not be kept.")
    extensions.get_middleware = lambda: (Middleware(Doorkeeper, registered=registered), *found())


def run_superlink() -> None:
    """Start the server: our file's name, then the words of its own command."""
    keep_doors(Path(sys.argv.pop(1)))
    flower_superlink()


if __name__ == "__main__":
    run_superlink()
