"""Runtimes: what carries messages to clients and back."""

from fedhca.runtimes.local import LocalRuntime
from fedhca.runtimes.scripted import ScriptedRuntime

__all__ = ["LocalRuntime", "ScriptedRuntime"]
