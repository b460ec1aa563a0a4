"""What FLARE finds at a site when it starts: a kit brings keys and an address, all else is written there.

Whatever may name code, configuration and scripts, is made anew at each start from the FLARE and the package that the
site's owner installed. Nobody who makes a kit can put anything in it that runs.
"""

import json
import shutil
from importlib.resources import files
from pathlib import Path
from typing import Any

from nvflare.lighter.utils import load_yaml, sh_replace

from fedhca.atomic import write_atomically
from fedhca.engines.flare.provision import ADDRESS, KEYS, NAMED, PROJECT, permissions, site_resources


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
