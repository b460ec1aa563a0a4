"""FLARE as an engine. Its own supervisor brings its processes back."""

import os
import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from fedhca.engines import engine
from fedhca.engines.certificates import lasting
from fedhca.engines.flare.provision import provision_flare, server_resources, write_local
from fedhca.engines.flare.session import connect
from fedhca.engines.flare.workspace import reach, write_workspace
from fedhca.engines.proxies import exempt
from fedhca.engines.server_folder import ServerFolder
from fedhca.engines.site_folder import SiteFolder
from fedhca.errors import RunFolderError
from fedhca.processes.supervision import CONNECTED, SERVER, SITE, Processes, last_line, require_free

REFUSED = "The server has this site already (a second copy of it; or itself before a crash, for a minute more)."


class Flare(engine.Engine):
    """NVIDIA FLARE 2.9."""

    def provision(self, federation: ServerFolder) -> dict[str, Path]:
        """Make keys and certificates."""
        return provision_flare(federation)

    def serve(self, federation: ServerFolder) -> Processes:
        """Start the server."""
        require_free(federation.facts.port)
        place = federation.engine / "server"
        write_local(place, server_resources(place))  # it has absolute places, and the folder may have been moved
        variables = {SERVER: str(federation.path.resolve()), **exempt(os.environ, federation.facts.host)}
        return _supervised(place, variables, notice=_second_copy)

    def join(self, site: SiteFolder) -> Processes:
        """Start the client at a site."""
        write_workspace(site.engine, site.facts.name)
        environment = {SITE: str(site.path.resolve())}
        watch: Any = {"explain": lambda words: _refused(words) or last_line(words), "notice": _let_in}
        return _supervised(site.engine.resolve(), environment, gives_up=_refused, **watch)

    def reach(self, site: SiteFolder) -> str:
        """Connect to the server with the site's certificate."""
        return f"The server at {reach(site.engine)} answers and takes this site's certificate."

    def lasting(self, owner: ServerFolder | SiteFolder) -> str:
        """Read the server's or the site's own certificate; FLARE makes all of them at one time."""
        part = "server/startup/server.crt" if isinstance(owner, ServerFolder) else "startup/client.crt"
        return lasting(owner.engine / part)

    def connect(self, federation: ServerFolder) -> AbstractContextManager[engine.Session]:
        """Connect as the administrator, without a proxy: the server is on this machine."""
        os.environ.update(exempt(os.environ, federation.facts.host))
        return connect(federation.engine)


def _second_copy(words: str) -> str:
    """Return what the server's console says of a site that came twice."""
    found = re.search(r"NotAuthenticated: (site '.*)", words)
    return found[1] if found else ""


def _let_in(words: str) -> str:
    """Tell whether the server has let this site in."""
    return CONNECTED if "Successfully registered client" in words else ""


def _refused(words: str) -> str:
    """Tell whether the server does not let this site in."""
    return REFUSED if "register_client unauthenticated" in words else ""


def _supervised(workspace: Path, environment: Mapping[str, str], **watch: Any) -> Processes:
    script = workspace / "startup" / "sub_start.sh"
    if not script.is_file():
        raise RunFolderError(f"'{workspace}' should hold FLARE's startup files. Found no {script.name}.")
    for left in ("pid.fl", "daemon_pid.fl", "shutdown.fl", "restart.fl"):
        (workspace / left).unlink(missing_ok=True)
    return Processes(["bash", str(script)], workspace, workspace / "console.txt", environment, **watch)
