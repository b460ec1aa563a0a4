"""A proxy in the environment: never before this machine, and a site's check goes the way its engine goes."""

import os
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fedhca.engines import kits
from fedhca.engines.engine import engine_named
from fedhca.engines.proxies import LOOPBACK, NO_PROXIES, _is_exempt, exempt
from fedhca.engines.server_folder import ServerFacts
from fedhca.engines.site_folder import SiteFolder
from fedhca.errors import FedhcaError, GoneError
from fedhca.experiment.recipes import load_recipe
from tiny import RECIPE

HOST, PORT = "fl.example.org", 8002
PACKAGES = {"flare": "nvflare", "flower": "flwr"}
CERTIFICATES = {"flare": "startup/server.{}", "flower": "server.{}"}


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy, and what a test sets is taken back."""
    monkeypatch.setattr(os, "environ", {name: os.environ[name] for name in os.environ if "proxy" not in name.lower()})


class Door:
    """Listens on loopback, and handles one connection after the other."""

    def __init__(self) -> None:
        self.door = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.door.getsockname()[1])
        self.heard: list[bytes] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self.door.accept()
                line.settimeout(10)
                self.handle(line)
            except OSError:
                if self.door.fileno() < 0:
                    return

    def handle(self, line: socket.socket) -> None:
        raise NotImplementedError


class Proxy(Door):
    """Leads whatever is asked for to one port of this machine; refuses where that is none."""

    def __init__(self, to: int | None) -> None:
        self.to = to
        super().__init__()

    def handle(self, line: socket.socket) -> None:
        said = b""
        while not said.endswith(b"\r\n\r\n"):
            said += line.recv(1)
        self.heard.append(said)
        if self.to is None:
            line.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n")
            line.close()
            return
        line.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        other = socket.create_connection(("127.0.0.1", self.to))
        for one, two in ((line, other), (other, line)):
            threading.Thread(target=pipe, args=(one, two), daemon=True).start()


def pipe(one: socket.socket, other: socket.socket) -> None:
    try:
        while data := one.recv(4096):
            other.sendall(data)
        other.shutdown(socket.SHUT_WR)
    except OSError:
        return


class Server(Door):
    """Proves itself by a certificate, and says that it is well."""

    def __init__(self, place: Path, name: str) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        files = {kind: place / name.format(kind) for kind in ("crt", "pem", "key")}
        self.context.load_cert_chain(next(files[kind] for kind in ("crt", "pem") if files[kind].exists()), files["key"])
        super().__init__()

    def handle(self, line: socket.socket) -> None:
        with self.context.wrap_socket(line, server_side=True) as safe:
            safe.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            while safe.recv(4096):
                pass


@pytest.fixture(scope="module", params=PACKAGES)
def made(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, SiteFolder, Server]]:
    """An engine, a site of it, and a server with the federation's certificate; not on the port that the site knows."""
    engine = request.param
    pytest.importorskip(PACKAGES[engine], reason=f"the extra `{engine}` is not installed")
    here, recipe = tmp_path_factory.mktemp(engine), load_recipe(RECIPE)
    facts = ServerFacts(engine=engine, host=HOST, port=PORT, sites={"uni": tuple(each.name for each in recipe.roster)})
    kit = kits.make_federation(here / "federation", recipe, facts, engine_named(engine))["uni"]
    server = Server(here / "federation" / "engine" / "server", CERTIFICATES[engine])
    yield engine, kits.make_site(kit, here / "uni", []), server
    server.door.close()


@pytest.mark.parametrize("variable", ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "grpc_proxy"])
def test_a_check_goes_through_the_proxy_that_the_engine_would_go_through(
    variable: str, made: tuple[str, SiteFolder, Server]
) -> None:
    engine, site, server = made
    proxy = Proxy(server.port)
    os.environ[variable] = f"http://eve:secret@127.0.0.1:{proxy.port}"
    looked_at = {"flare": {"https_proxy", "grpc_proxy"}, "flower": {*NO_PROXIES} - {"grpc_proxy"}}[engine]
    if variable not in looked_at:
        with pytest.raises(GoneError, match=rf"The server at {HOST}:{PORT} should answer"):
            engine_named(engine).reach(site)
        assert proxy.heard == []
        return
    assert "answers and" in engine_named(engine).reach(site)
    (said,) = proxy.heard
    assert said.startswith(f"CONNECT {HOST}:{PORT} ".encode())
    assert b"authorization: basic zxzlonnly3jlda==" in said.lower()


@pytest.mark.parametrize("refuses", [True, False])
def test_a_proxy_that_does_not_lead_to_the_server_is_named_with_the_way_past_it(
    refuses: bool, made: tuple[str, SiteFolder, Server]
) -> None:
    engine, site, _ = made
    with socket.create_server(("127.0.0.1", 0)) as door:
        nobody = door.getsockname()[1]
    os.environ["https_proxy"] = f"http://127.0.0.1:{Proxy(None).port if refuses else nobody}"
    with pytest.raises(GoneError) as error:
        engine_named(engine).reach(site)
    assert ("403 Forbidden" if refuses else "Connection refused") in str(error.value)
    assert f"through the proxy in `https_proxy`. `no_proxy={HOST}` goes past it." in str(error.value)
    os.environ["no_proxy"] = HOST
    with pytest.raises(GoneError) as error:  # there is no such host
        engine_named(engine).reach(site)
    assert "proxy" not in str(error.value)


def test_another_server_behind_a_proxy_is_found_out(made: tuple[str, SiteFolder, Server], tmp_path: Path) -> None:
    engine, site, _ = made
    facts = ServerFacts(
        engine="flower", host=HOST, port=PORT, sites={"uni": ("rooms-all", "figures-sal", "figures-semseg")}
    )
    kits.make_federation(tmp_path / "other", load_recipe(RECIPE), facts, engine_named("flower"))
    proxy = Proxy(Server(tmp_path / "other" / "engine" / "server", CERTIFICATES["flower"]).port)
    os.environ["https_proxy"] = f"http://127.0.0.1:{proxy.port}"
    with pytest.raises(FedhcaError, match=r"should be the one of this kit\. Found another: CERTIFICATE_VERIFY_FAILED"):
        engine_named(engine).reach(site)


def test_this_machine_is_added_to_the_hosts_that_are_reached_without_a_proxy() -> None:
    found = exempt({"no_proxy": "a.org, b.org", "NO_PROXY": "c.org,localhost", "no_grpc_proxy": "d.org"}, "e.org")
    assert found["no_proxy"] == found["NO_PROXY"] == "a.org,b.org,c.org,localhost,127.0.0.1,::1,e.org"
    assert found["no_grpc_proxy"] == "d.org,localhost,127.0.0.1,::1,e.org"
    assert exempt(found, "e.org")["no_proxy"] == found["no_proxy"]
    assert exempt({}) == dict.fromkeys(("no_proxy", "NO_PROXY"), ",".join(LOOPBACK))


@pytest.mark.parametrize(
    ("listed", "goes"),
    [
        ({"no_proxy": "example.org"}, False),
        ({"no_proxy": ".EXAMPLE.org"}, False),
        ({"no_proxy": "other.org"}, True),
        ({"no_proxy": "*"}, True),
        ({"no_proxy": HOST, "no_grpc_proxy": "other.org"}, True),
        ({"no_grpc_proxy": HOST}, False),
    ],
)
def test_hosts_are_exempt_as_for_grpc(listed: dict[str, str], goes: bool) -> None:
    """Measured on grpcio 1.85: the ends of names, no stars, and one variable of its own that counts alone."""
    os.environ.update({"https_proxy": "http://127.0.0.1:9", **listed})
    assert _is_exempt(HOST) is not goes
    assert _is_exempt("10.0.0.7") is False
    os.environ.update({"no_grpc_proxy": "10.0.0.0/8"})
    assert _is_exempt("10.0.0.7")
