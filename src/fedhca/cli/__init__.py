"""The command `fedhca`: every error is one line on standard error and an exit code other than 0."""

from fedhca.cli.program import main

__all__ = ["main"]
