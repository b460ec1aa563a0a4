"""Certificates: FLARE makes them; we give each participant its part, with resources of ours."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from fedhca.engines.server_folder import ServerFolder
from fedhca.errors import FedhcaError, RecipeError
from fedhca.experiment.recipes import to_yaml
from fedhca.storage.atomic import write_atomically

ADMIN = "admin@fedhca.org"
ALLOWED = ["nvflare.collab.", "fedhca.engines.flare.apps."]
"""All that a job may name. Whatever else a job asks a site or the server to run is refused there."""
OTHERS = ("org_admin", "lead", "member")
DENIED = ("byoc", "shell_commands", "operate", "clone_job", "download_job", "server-predeployed-flwr")
"""What nobody may do, whatever role a certificate gives: send code, run commands, shut down. FLARE's own policy lets
the administrator do all of it, and checks no class name in a job that brings code."""
GRANTED = ("submit_job", "manage_job", "view")
IMPL = "nvflare.lighter.impl"
PROJECT = "fedhca"
KEYS, ADDRESS = ("client.crt", "client.key", "rootCA.pem"), "address.json"
"""What a site is given of what FLARE makes for it, and where the server is."""
NAMED = 64
"""Letters of a name in a certificate. FLARE cuts a longer host's off there; the whole of it stands beside the name."""


def provision_flare(federation: ServerFolder) -> dict[str, Path]:
    """Make keys and certificates; return the folder with each site's own.

    Raises:
        RecipeError: a site is called like the server.
        FedhcaError: FLARE could not make them.

    """
    if (name := federation.facts.host[:NAMED]) in federation.facts.sites:
        mend = "Call the site otherwise: NAME=CLIENT"
        raise RecipeError(f"A site should not be called like the host over FLARE. Found '{name}' for both. {mend}.")
    engine, work = federation.engine, federation.engine / "provisioning"
    engine.mkdir(mode=0o700, parents=True, exist_ok=True)  # before any key is written
    write_atomically(work / "project.yml", to_yaml(_project(federation)).encode())
    command = [sys.executable, "-m", "nvflare.cli", "provision", "-p", "project.yml", "-w", ".", "--force"]
    made = subprocess.run(command, cwd=work, capture_output=True, text=True, check=False)
    parts = work / PROJECT / "prod_00"
    if made.returncode or not parts.is_dir():
        lines = (made.stderr or made.stdout).strip().splitlines() or ["no word"]
        raise FedhcaError(f"FLARE could not make certificates: {lines[-1]}")
    shutil.move(parts / name, engine / "server")
    write_local(engine / "server", server_resources(engine / "server"))
    shutil.move(parts / ADMIN, engine / "admin")
    address = json.dumps({"host": federation.facts.host, "port": federation.facts.port}).encode()
    for site in federation.facts.sites:
        part = engine / "parts" / site
        (part / "startup").mkdir(parents=True)
        for key in KEYS:
            shutil.move(parts / site / "startup" / key, part / "startup" / key)
        write_atomically(part / ADDRESS, address)
    shutil.rmtree(work)  # and in it the key that signs: new certificates are made with a new one
    return {site: engine / "parts" / site for site in federation.facts.sites}


def _project(federation: ServerFolder) -> dict[str, Any]:
    facts = federation.facts
    server = {"name": facts.host, "type": "server", "org": "server", "fed_learn_port": facts.port}
    sites = [{"name": site, "type": "client", "org": "site"} for site in facts.sites]
    admin = {"name": ADMIN, "type": "admin", "org": "server", "role": "project_admin"}
    static = {"config_folder": "config", "scheme": "grpc"}
    return {
        "api_version": 3,
        "name": PROJECT,
        "participants": [server, *sites, admin],
        "builders": [
            {"path": f"{IMPL}.workspace.WorkspaceBuilder"},
            {"path": f"{IMPL}.static_file.StaticFileBuilder", "args": static},
            {"path": f"{IMPL}.cert.CertBuilder"},
            {"path": f"{IMPL}.signature.SignatureBuilder"},
        ],
    }


def write_local(place: Path, resources: dict[str, Any]) -> None:
    """Write what the server runs and allows."""
    write_atomically(place / "local" / "resources.json", json.dumps(resources, indent=2).encode())
    write_atomically(place / "local" / "authorization.json", json.dumps(permissions(), indent=2).encode())


def permissions() -> dict[str, Any]:
    """Return who may do what, for the server and for every site."""
    nothing = dict.fromkeys((*GRANTED, *DENIED), "none")
    admin = dict.fromkeys(GRANTED, "any") | dict.fromkeys(DENIED, "none")
    return {"format_version": "1.0", "permissions": {"project_admin": admin} | dict.fromkeys(OTHERS, nothing)}


def _component(name: str, path: str, **args: Any) -> dict[str, Any]:
    return {"id": name, "path": f"nvflare.{path}", "args": args}


def site_resources() -> dict[str, Any]:
    """Allow our classes alone, send no log of a site anywhere, and answer the server what a run needs."""
    return {
        "format_version": 2,
        "class_list_enforcement_mode": "enforce",
        "class_allow_list": ALLOWED,
        "allow_log_streaming": False,
        "client": {"retry_timeout": 30, "compression": "Gzip"},
        "components": [
            _component(
                "resource_manager",
                "app_common.resource_managers.gpu_resource_manager.GPUResourceManager",
                num_of_gpus=0,
                mem_per_gpu_in_GiB=0,
                expiration_period=300,
            ),
            _component("resource_consumer", "app_common.resource_consumers.gpu_resource_consumer.GPUResourceConsumer"),
            _component("process_launcher", "app_common.job_launcher.client_process_launcher.ClientProcessJobLauncher"),
            {"id": "doors", "path": "fedhca.engines.flare.access_control.Doors", "args": {}},
        ],
    }


def server_resources(workspace: Path) -> dict[str, Any]:
    """Keep jobs and snapshots in the workspace; FLARE's own place for them is /tmp."""
    storage = "app_common.storages.filesystem_storage.FilesystemStorage"
    snapshots = {"path": f"nvflare.{storage}", "args": {"root_dir": str(workspace / "snapshots"), "uri_root": "/"}}
    return {
        "format_version": 2,
        "class_list_enforcement_mode": "enforce",
        "class_allow_list": ALLOWED,
        "servers": [
            {
                "admin_storage": "transfer",
                "max_num_clients": 100,
                "heart_beat_timeout": 600,
                "download_job_url": "http://localhost/",
                "admin_timeout": 10.0,
            }
        ],
        "snapshot_persistor": {
            "path": "nvflare.app_common.state_persistors.storage_state_persistor.StorageStatePersistor",
            "args": {"uri_root": "/", "storage": snapshots},
        },
        "components": [
            _component("job_scheduler", "app_common.job_schedulers.job_scheduler.DefaultJobScheduler", max_jobs=1),
            _component(
                "job_manager",
                "apis.impl.job_def_manager.SimpleJobDefManager",
                uri_root=str(workspace / "jobs"),
                job_store_id="job_store",
            ),
            _component("job_store", storage),
            _component("process_launcher", "app_common.job_launcher.server_process_launcher.ServerProcessJobLauncher"),
            {"id": "one_of_each", "path": "fedhca.engines.flare.access_control.OneOfEach", "args": {}},
        ],
    }
