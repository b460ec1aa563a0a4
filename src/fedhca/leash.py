"""A process that ends with the one who started it, however that ends."""

import os
import subprocess
from collections.abc import Sequence
from typing import IO, Any

LEASH = 'exec 3<&0 </dev/null; { read _ <&3; kill -KILL 0; } >/dev/null 2>&1 & exec "$@" 3<&-'
"""For the shell: beside a command, wait for the end of a pipe that only the one who started it holds; then kill all."""


def start_on_leash(command: Sequence[str], **options: Any) -> tuple[subprocess.Popen[Any], IO[bytes]]:
    """Start a command as a group of processes of its own, which a Ctrl-C at the terminal does not reach.

    Args:
        command: its words.
        options: of subprocess.Popen.

    Returns:
        the process, and the leash: when it is closed, by whom or what ever, all of the group is killed.

    """
    end, held = os.pipe()
    leash = os.fdopen(held, "wb")
    with os.fdopen(end, "rb"):
        words = ["sh", "-c", LEASH, "sh", *command]
        return subprocess.Popen(words, stdin=end, start_new_session=True, **options), leash
