"""Whether a site's server answers, and takes its certificate."""

import ssl
from pathlib import Path

from fedhca.engines.flare.workspace import read_address
from fedhca.engines.proxies import connect_as_grpc
from fedhca.errors import FedhcaError, GoneError

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
        with (
            connect_as_grpc(host, port, PATIENCE) as plain,
            context.wrap_socket(plain, server_hostname=host) as line,
        ):
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
