"""Proxies of the environment: this machine is reached without one; other machines as each engine's library does."""

import os
from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPConnection, HTTPException
from ipaddress import ip_address, ip_network
from socket import create_connection, socket
from urllib.parse import unquote, urlsplit
from urllib.request import proxy_bypass

LOOPBACK = ("localhost", "127.0.0.1", "::1")
OF_GRPC = ("grpc_proxy", "https_proxy", "http_proxy")
"""The variables in which gRPC looks for a proxy. The first one that is set counts, even if it is empty."""
OF_HTTPX = ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
"""Those in which Flower's library does, for a server with TLS. The first one that is not empty counts."""
NO_PROXIES = dict.fromkeys([*OF_GRPC, *OF_HTTPX, "HTTP_PROXY"], "")
"""Variables for processes that talk to this machine alone."""


def exempt(environment: Mapping[str, str], *hosts: str) -> dict[str, str]:
    """Return the variables by which this machine, and these hosts, are reached without a proxy; those listed stay.

    >>> exempt({"NO_PROXY": "example.org"})["no_proxy"]
    'example.org,localhost,127.0.0.1,::1'
    """
    names = ["no_proxy", "NO_PROXY"]
    listed = [each.strip() for name in names for each in environment.get(name, "").split(",")]
    found = dict.fromkeys(names, ",".join(dict.fromkeys(filter(None, [*listed, *LOOPBACK, *hosts]))))
    if "no_grpc_proxy" in environment:  # gRPC reads it instead of the others
        found["no_grpc_proxy"] = ",".join(filter(None, [environment["no_grpc_proxy"], *LOOPBACK, *hosts]))
    return found


def connect_as_grpc(host: str, port: int, timeout: float) -> socket:
    """Connect to a server as gRPC does, through a proxy where it would.

    Raises:
        OSError: the server does not answer, or not through the proxy; the message names the variable then.

    """
    variable = next((name for name in OF_GRPC if name in os.environ), "")
    proxy = urlsplit(os.environ.get(variable, ""))
    if not proxy.hostname or _is_exempt(host):
        return create_connection((host, port), timeout)
    words = f"{unquote(proxy.username or '')}:{unquote(proxy.password or '')}".encode()
    headers = {"Proxy-Authorization": f"Basic {b64encode(words).decode()}"} if proxy.username else {}
    tunnel = HTTPConnection(proxy.hostname, proxy.port or 80, timeout=timeout)
    tunnel.set_tunnel(host, port, headers)
    try:
        tunnel.connect()
    except (OSError, HTTPException) as error:
        found = getattr(error, "strerror", None) or error
        raise OSError(f"{found}{_through(variable, host)}") from error
    return tunnel.sock


def through_of_httpx(host: str) -> str:
    """Return words for the proxy through which Flower's library reaches a host; nothing if there is none."""
    variable = next((name for name in OF_HTTPX if os.environ.get(name)), "")
    return _through(variable, host) if variable and not proxy_bypass(host) else ""


def _through(variable: str, host: str) -> str:
    return f", through the proxy in `{variable}`. `no_proxy={host}` goes past it"


def _is_exempt(host: str) -> bool:
    """Tell whether gRPC reaches a host without a proxy: its name, the end of it, or its network is listed."""
    listed = next((os.environ[name] for name in ("no_grpc_proxy", "no_proxy") if name in os.environ), "")
    for each in filter(None, map(str.strip, listed.split(","))):
        if host.lower().endswith(each.lower()):
            return True
        with suppress(ValueError):
            if ip_address(host) in ip_network(each, strict=False):
                return True
    return False
