"""Print the lower bounds in pyproject.toml as a file of constraints for pip: NAME==BOUND, one a line.

python tests/lowest.py > lowest.txt    then: pip install --constraint lowest.txt '.[figures]'
python tests/lowest.py torch==2.13.0   another version of one, where the lowest cannot be had
"""

import re
import sys
import tomllib
from pathlib import Path

BOUND = re.compile(r"([A-Za-z0-9._-]+)(?:\[.*?\])?>=([0-9.]+)")
TOOLS = {"dev", "docs"}
"""Extras whose bounds only those who work on the package meet."""


def bounds(project: dict) -> dict[str, str]:
    """Return the lower bound of every package that users may need."""
    extras = [words for name, words in project["optional-dependencies"].items() if name not in TOOLS]
    found = [BOUND.match(word) for word in [*project["dependencies"], *(word for words in extras for word in words)]]
    return {match[1]: match[2] for match in found if match}


def main(instead: list[str]) -> None:
    project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    chosen = bounds(project) | dict(word.split("==") for word in instead)
    print("\n".join(f"{name}=={bound}" for name, bound in chosen.items()))


if __name__ == "__main__":
    main(sys.argv[1:])
