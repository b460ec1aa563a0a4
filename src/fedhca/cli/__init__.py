"""The command `fedhca`: every error is one line on standard error and an exit code other than 0."""

import sys

from fedhca.processes.signals import asked, stop_when_asked


def main() -> None:
    """Run the command; it can be stopped from its first moment on."""
    stop_when_asked()
    try:
        from fedhca.cli.program import finish
    except BaseException:  # interrupted while it was loaded, which may look like anything
        if not asked():
            raise
        sys.stderr.write("fedhca: stopped\n")
        sys.exit(128 + asked())
    sys.exit(finish())


__all__ = ["main"]
