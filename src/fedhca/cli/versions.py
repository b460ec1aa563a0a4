"""What is installed: the version, and with --verbose all that a report of a bug should say."""

import platform
from importlib.metadata import PackageNotFoundError, version

from fedhca.cli.output import print_table, screen
from fedhca.extras import EXTRAS

PACKAGES = ("torch", "transformers", "numpy", "scipy", "typer", "click", "rich", "pydantic", "safetensors")


def show_versions(*, every: bool) -> None:
    """Print the version; with `every`, those of Python and of packages, and which extras are there."""
    screen.print(f"fedhca {installed('fedhca')}", highlight=False)
    if every:
        rows = [["Python", f"{platform.python_version()}, {platform.platform(terse=True)}"]]
        print_table(["package", "version"], [*rows, *([name, installed(name)] for name in PACKAGES)], "")
        print_table(["extra", "installed", "gives"], extras(), "To install one: pip install 'fedhca[NAME]'")


def extras() -> list[list[str]]:
    """Return a row for every extra: its name, whether it is there, what it gives."""
    return [[name, "no" if each.missing else "yes", each.gives] for name, each in EXTRAS.items()]


def installed(name: str) -> str:
    """Return a package's version; a source tree alone has none."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
