"""How long certificates last."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509

from fedhca.errors import FedhcaError, RunFolderError

SOON = timedelta(days=30)
"""Before the end of a certificate, in which every start speaks of it."""
MEND = "Who runs the server makes new kits: fedhca server renew; each site then: fedhca site renew KIT."


def valid_until(path: Path) -> datetime:
    """Return when a certificate ends.

    Raises:
        RunFolderError: the file cannot be read.

    """
    try:
        return x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
    except (OSError, ValueError) as error:
        raise RunFolderError(f"'{path}' should be a certificate. Found: {error}. {MEND}") from error


def lasting(path: Path, now: datetime | None = None) -> str:
    """Return a line on how long a certificate lasts.

    Raises:
        FedhcaError: it has ended.

    """
    until, now = valid_until(path), now or datetime.now(UTC)
    if until < now:
        raise FedhcaError(f"The certificate '{path}' should be valid. It ended on {until:%Y-%m-%d}. {MEND}")
    line = f"certificates last until {until:%Y-%m-%d}"
    return f"{line}, which is soon. {MEND}" if until - now < SOON else line
