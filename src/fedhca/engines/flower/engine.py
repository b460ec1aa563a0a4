"""Flower as an engine."""

import json
import shlex
import socket
import ssl
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from fedhca.engines import engine
from fedhca.engines.certificates import lasting
from fedhca.engines.flower.provision import ADDRESS, AUTHORITY, CERTIFICATE, KEY, PUBLIC, SITE_KEY, provision_flower
from fedhca.engines.flower.session import QUIET, FlowerSession
from fedhca.engines.proxies import NO_PROXIES, through_of_httpx
from fedhca.engines.server_folder import ServerFolder
from fedhca.engines.site_folder import SiteFolder
from fedhca.errors import FedhcaError, GoneError
from fedhca.processes.supervision import CONNECTED, SERVER, SITE, Processes, last_line, require_free
from fedhca.storage.atomic import write_atomically

LOCAL = {"localhost", "127.0.0.1"}
PATIENCE = 60.0
"""Seconds that the server has to come up."""
ANSWER = 5.0
"""Seconds that it has to answer a site."""
APPS = ("agentapp", "model", "connector", "serverapp", "simulation")
"""What a server may ask Flower's client to start beside a client's app."""


class Flower(engine.Engine):
    """Flower 1.41."""

    def provision(self, federation: ServerFolder) -> dict[str, Path]:
        """Make keys and certificates."""
        return provision_flower(federation)

    def serve(self, federation: ServerFolder) -> Processes:
        """Start the server, and have it know the sites' keys."""
        require_free(federation.facts.port)
        place, facts, session = federation.engine / "server", federation.facts, _session(federation)
        session.nodes.unlink(missing_ok=True)
        command = [
            *(sys.executable, "-m", "fedhca.engines.flower.superlink", str(session.nodes)),
            *("--host", "127.0.0.1" if facts.host in LOCAL else "0.0.0.0", "--port", str(facts.port)),
            *("--ssl-ca-certfile", str(place / AUTHORITY)),
            *("--ssl-certfile", str(place / CERTIFICATE), "--ssl-keyfile", str(place / KEY)),
            *("--enable-supernode-auth", "--disable-runtime-dependency-installation"),
        ]
        variables = {**QUIET, **NO_PROXIES, "FLWR_HOME": str(place / "flower"), SERVER: str(federation.path.resolve())}
        processes = Processes(command, place, place / "log.txt", variables, notice=_stranger)
        try:
            wait_for(session, processes)
            session.register({site: place / "sites" / PUBLIC.format(site=site) for site in facts.sites})
        except BaseException:
            processes.stop()
            raise
        return processes

    def join(self, site: SiteFolder) -> Processes:
        """Start the client at a site."""
        place, (host, port) = site.engine.resolve(), _address(site.engine)
        command = [
            *("flower-supernode", "--superlink", f"{host}:{port}", "--root-certificates", str(place / AUTHORITY)),
            *("--auth-supernode-private-key", str(place / SITE_KEY)),
            *("--host", "127.0.0.1", "--port", str(free_port())),
        ]
        only_ours = _only_ours(place / "bin")
        variables = {
            **QUIET,
            "FLWR_HOME": str(place / "flower"),
            SITE: str(site.path.resolve()),
            "PATH": str(only_ours),
        }
        return Processes(command, place, place / "log.txt", variables, _why, _let_in)

    def reach(self, site: SiteFolder) -> str:
        """Connect to the server and have it prove itself."""
        host, port = _address(site.engine)
        there = f"The server at {host}:{port}"
        try:
            context = ssl.create_default_context(cafile=str(site.engine / AUTHORITY))
            httpx.get(f"https://{host}:{port}/health", timeout=ANSWER, verify=context).raise_for_status()
        except (OSError, httpx.HTTPError, ValueError, ImportError) as error:  # the last two of proxies it cannot use
            reason = _reason(error)
            if isinstance(reason, ssl.SSLError):
                raise FedhcaError(f"{there} should be the one of this kit. Found another: {reason.reason}.") from error
            found = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
            raise GoneError(f"{there} should answer. Found: {found}{through_of_httpx(host)}.") from error
        return f"{there} answers and proves that it is the one of this kit; it takes the site's key at `site start`."

    def lasting(self, owner: ServerFolder | SiteFolder) -> str:
        """Read the server's own certificate, or the authority's that a site knows; both are made at one time."""
        return lasting(owner.engine / (f"server/{CERTIFICATE}" if isinstance(owner, ServerFolder) else AUTHORITY))

    @contextmanager
    def connect(self, federation: ServerFolder) -> Iterator[engine.Session]:
        """Connect as the one who runs the server."""
        session = _session(federation)
        session.present()
        yield session


def _session(federation: ServerFolder) -> FlowerSession:
    authority = federation.engine / "server" / AUTHORITY
    return FlowerSession(federation.engine, f"127.0.0.1:{federation.facts.port}", authority)


def wait_for(session: FlowerSession, processes: Processes) -> None:
    """Wait until a server that was just started answers; FedhcaError if it does not."""
    end = time.monotonic() + PATIENCE
    while True:
        if processes.process.poll() is not None:
            raise FedhcaError(f"Flower's server should stay up. It ended: {processes.why()}")
        try:
            session.present()
            return
        except GoneError as error:
            if time.monotonic() > end:
                raise FedhcaError(f"Flower's server should be up within {PATIENCE:g} seconds. {error}") from error


def _stranger(words: str) -> str:
    """Return what the server's log says of a site that it did not let in."""
    return "a site was refused: its key is not known, or it is here already." if "ApiError:2004" in words else ""


def _let_in(words: str) -> str:
    """Tell whether the server has let this site in."""
    return CONNECTED if "SuperNode ID:" in words else ""


def _why(words: str) -> str:
    """Say in one line why Flower's client ended."""
    if "[code: 2004]" in words:
        return "the server does not know this site's key, or has this site already (after a crash, for a minute more)."
    if "CERTIFICATE_VERIFY_FAILED" in words:
        return "the server is not the one of this kit. Ask it for a new one."
    return last_line(words)


def _only_ours(folder: Path) -> Path:
    """Put commands before Flower's: the one for a client's app runs ours, and the others refuse."""
    python = shlex.quote(sys.executable)
    scripts = {"clientapp": f'exec {python} -m fedhca.engines.flower.clientapp "$@"'}
    scripts |= {each: f"echo 'This site runs no {each}.' >&2; exit 1" for each in APPS}
    for name, script in scripts.items():
        write_atomically(folder / f"flwr-{name}", f"#!/bin/sh\n{script}\n".encode())
        (folder / f"flwr-{name}").chmod(0o700)
    return folder


def _reason(error: BaseException) -> BaseException:
    """Return the operating system's error behind the library's, if there is one."""
    inner = error
    while not isinstance(inner, OSError) and (cause := inner.__cause__ or inner.__context__):
        inner = cause
    return inner if isinstance(inner, OSError) else error


def _address(place: Path) -> tuple[str, int]:
    found = json.loads((place / ADDRESS).read_text(encoding="utf-8"))
    return str(found["host"]), int(found["port"])


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
