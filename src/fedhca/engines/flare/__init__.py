"""NVIDIA FLARE (extra `flare`), through its Collab API: resident clients, mutual TLS, one port open at the server."""

from importlib.util import find_spec

from fedhca.errors import FedhcaError


def require_flare() -> None:
    """Raise FedhcaError with the pip line where FLARE is not installed."""
    if find_spec("nvflare") is None:
        found = "A federation between sites needs the package nvflare. Found none."
        raise FedhcaError(f"{found} Install it: pip install 'fedhca[flare]'")
