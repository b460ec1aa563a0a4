"""What FLARE finds at a site when it starts: a kit brings keys and an address, all else is written there.

Whatever may name code, configuration and scripts, is made anew at each start from the FLARE and the package that the
site's owner installed. Nobody who makes a kit can put anything in it that runs.
"""

import json
import shutil
import ssl
from importlib.resources import files
from pathlib import Path
from typing import Any

from nvflare.lighter.utils import load_yaml, sh_replace

from fedhca.engines.flare.provision import ADDRESS, KEYS, NAMED, PROJECT, permissions, site_resources
from fedhca.engines.proxies import connect_as_grpc
from fedhca.errors import FedhcaError, GoneError
from fedhca.storage.atomic import write_atomically


def write_workspace(engine: Path, site: str) -> None:
    """Write a site's workspace around its keys; what else is in its folders of settings goes.

    Args:
        engine: the site's engine folder.
        site: its name.

    """
    startup, local = engine / "startup", engine / "local"
    shutil.rmtree(local, ignore_errors=True)
    for path in startup.iterdir():
        if path.name not in KEYS:
            path.unlink() if path.is_file() or path.is_symlink() else shutil.rmtree(path)
    templates, script = _templates(site), startup / "sub_start.sh"
    write_atomically(script, templates["sub_start_sh"].encode())  # starts FLARE's client, and starts it again
    script.chmod(0o700)
    write_atomically(local / "log_config.json", templates["log_config"].encode())
    for path, values in (
        (startup / "fed_client.json", _client(site, *read_address(engine))),
        (local / "resources.json", site_resources()),
        (local / "authorization.json", permissions()),
    ):
        write_atomically(path, json.dumps(values, indent=2).encode())


def read_address(engine: Path) -> tuple[str, int]:
    """Return the server's name and port."""
    found = json.loads((engine / ADDRESS).read_text(encoding="utf-8"))
    return str(found["host"]), int(found["port"])


def _client(site: str, host: str, port: int) -> dict[str, Any]:
    service = {"target": f"{host}:{port}", "scheme": "grpc"}
    return {
        "format_version": 2,
        "servers": [{"name": PROJECT, "service": service, "identity": host[:NAMED]}],
        "client": {
            "ssl_private_key": "client.key",
            "ssl_cert": "client.crt",
            "ssl_root_cert": "rootCA.pem",
            "fqsn": site,
            "is_leaf": True,
            "connection_security": "mtls",
        },
    }


def _templates(site: str) -> dict[str, str]:
    """Return FLARE's own files for a site."""
    templates = load_yaml(str(files("nvflare.lighter") / "templates" / "master_template.yml"))
    words = {"type": "client", "app_name": "client_train", "cln_uid": f"uid={site}", "org_name": "site"}
    words |= {"config_folder": "config"}
    return {name: str(sh_replace(templates[name], words)) for name in ("sub_start_sh", "log_config")}


PATIENCE = 5.0
"""Seconds for a connection, and for the server's word after it."""


def reach(engine: Path) -> str:
    """Connect to the server as the site's client does; return its address.

    Args:
        engine: the site's engine folder.

    Raises:
        GoneError: there is no server.
        FedhcaError: it is another, or it does not take this site's certificate.

    """
    startup, (host, port) = engine / "startup", read_address(engine)
    address = f"{host}:{port}"
    try:
        context = ssl.create_default_context(cafile=str(startup / "rootCA.pem"))
        context.load_cert_chain(startup / "client.crt", startup / "client.key")
        context.set_alpn_protocols(["h2"])
        with connect_as_grpc(host, port, PATIENCE) as plain, context.wrap_socket(plain, server_hostname=host) as line:
            line.settimeout(PATIENCE)
            if not line.recv(
                1
            ):  # a server that does not take the certificate says so only now; one that does speaks first
                raise GoneError(f"The server at {address} should answer. It closed the connection without a word.")
    except TimeoutError as error:
        raise GoneError(f"The server at {address} should answer. It did not within {PATIENCE:g} seconds.") from error
    except ssl.SSLError as error:
        cause = error.reason or str(error)
        raise FedhcaError(f"The server at {address} should be the one of this kit. Found another: {cause}.") from error
    except OSError as error:
        raise GoneError(f"The server at {address} should answer. Found: {error.strerror or error}.") from error
    return address
