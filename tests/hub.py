"""A stand-in of the Hugging Face hub on loopback, for its own client: repositories, commits, large files, downloads.

It speaks what the library asks for when a model is put there and got back, over HTTP, with a token: so all of the
library's own code runs, as it does against the hub. What it leaves out is the hub's Xet storage, which is switched off.
"""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import unquote, urlsplit

TOKEN = "hf_of_the_test_alone"
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """What is on it.

    Attributes:
        address: of it.
        files: of each repository.
        private: which repositories are.
        blobs: large files by their SHA-256.
        asked: what was asked for, in order.

    """

    address: str = ""
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    private: dict[str, bool] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def environment(self, home: Path, token: str = TOKEN) -> dict[str, str]:
        """Return what makes the library ask here, with a home and a login of its own."""
        return {
            "HF_ENDPOINT": self.address,
            "HF_HOME": str(home),
            "HF_HUB_OFFLINE": "0",
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_TOKEN": token,
            "NO_PROXY": "127.0.0.1",
        }


@contextmanager
def hub() -> Iterator[Hub]:
    """Run one while the block runs."""
    state = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Answers,), {"state": state}))
    state.address = f"http://127.0.0.1:{server.server_port}"
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()


class Answers(BaseHTTPRequestHandler):
    """Answers one request."""

    state: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *words: Any) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self.answer()

    def do_HEAD(self) -> None:
        self.answer()

    def do_POST(self) -> None:
        self.answer()

    def do_PUT(self) -> None:
        self.answer()

    def answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.state.asked.append(f"{self.command} {path}")
        if path.startswith("/upload/"):  # where a large file is put: the address itself is the permission
            self.state.blobs[path.removeprefix("/upload/")] = body
            return self.send(b"")
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self.send(b'{"error": "Invalid credentials"}', 401)
        for pattern, do in self.routes.items():
            if found := re.fullmatch(pattern, path):
                return do(*found.groups(), body)
        return self.send(b'{"error": "what is that?"}', 404)

    @property
    def routes(self) -> dict[str, Callable[..., None]]:
        """What is asked for, and who answers, given the parts of its name and the body."""
        model = r"([^/]+/[^/]+)"
        return {
            "/api/repos/create": self.create,
            "/api/validate-yaml": lambda body: self.say({"errors": [], "warnings": []}),
            rf"/api/models/{model}(|/revision/[^/]+|/tree/[^/]+|/preupload/main|/commit/main)": self.model,
            rf"/{model}\.git/info/lfs/objects/batch": self.batch,
            rf"/{model}/resolve/[^/]+/(.+)": self.download,
        }

    def create(self, body: bytes) -> None:
        asked = json.loads(body)
        name = f"{asked['organization']}/{asked['name']}"
        if name in self.state.files:
            there = {"error": "You already created this model repo", "url": f"{self.state.address}/{name}"}
            return self.send(json.dumps(there).encode(), 409)
        self.state.files[name] = {}
        self.state.private[name] = asked.get("private", asked.get("visibility") == "private")
        return self.say({"url": f"{self.state.address}/{name}", "name": name, "id": name})

    def model(self, name: str, what: str, body: bytes) -> None:
        if name not in self.state.files:
            return self.send(b'{"error": "Repository not found"}', 404, {"X-Error-Code": "RepoNotFound"})
        if what == "/preupload/main":
            asked = [file["path"] for file in json.loads(body)["files"]]
            modes = [{"path": path, "uploadMode": self.mode(path), "shouldIgnore": False} for path in asked]
            return self.say({"files": modes})
        if what == "/commit/main":
            return self.commit(name, [json.loads(line) for line in body.splitlines() if line])
        if what.startswith("/tree/"):
            return self.say([self.entry(path, content) for path, content in self.state.files[name].items()])
        siblings = [{"rfilename": path} for path in self.state.files[name]]
        return self.say({"id": name, "sha": COMMIT, "private": self.state.private[name], "siblings": siblings})

    def entry(self, path: str, content: bytes) -> dict[str, Any]:
        return {"type": "file", "path": path, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}

    def mode(self, path: str) -> str:
        return "lfs" if path.endswith((".safetensors", ".onnx")) else "regular"

    def commit(self, name: str, lines: list[dict[str, Any]]) -> None:
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                self.state.files[name][value["path"]] = base64.b64decode(value["content"])
            if line["key"] == "lfsFile":
                self.state.files[name][value["path"]] = self.state.blobs[value["oid"]]
        address = f"{self.state.address}/{name}/commit/{COMMIT}"
        return self.say({"success": True, "commitOid": COMMIT, "commitUrl": address, "hookOutput": ""})

    def batch(self, name: str, body: bytes) -> None:
        objects = [
            {**each, "actions": {"upload": {"href": f"{self.state.address}/upload/{each['oid']}"}}}
            for each in json.loads(body)["objects"]
        ]
        return self.say({"transfer": "basic", "objects": objects})

    def download(self, name: str, path: str, body: bytes) -> None:
        content = self.state.files.get(name, {}).get(path)
        if content is None:
            return self.send(b'{"error": "none"}', 404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})
        etag = hashlib.sha256(content).hexdigest()
        return self.send(content, 200, {"ETag": f'"{etag}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"})

    def say(self, values: Any) -> None:
        return self.send(json.dumps(values).encode(), 200, {"Content-Type": "application/json"})

    def send(self, content: bytes, code: int = 200, heads: dict[str, str] | None = None) -> None:
        self.send_response(code)
        for key, value in {"Content-Length": str(len(content)), **(heads or {})}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
