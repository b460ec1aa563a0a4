"""Look every installed package up among the known vulnerabilities, by pip-audit: part of `make check`.

Fails where one is known. Where the service that knows them cannot be reached, nothing was looked up: the line says so,
and that is no failure, as a check has to run without a network.
"""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any


def main() -> int:
    words = [sys.executable, "-m", "pip_audit", "--local", "--skip-editable", "--format", "json"]
    done = subprocess.run([*words, "--progress-spinner", "off"], capture_output=True, text=True, check=False)
    try:
        found = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        found = []
    lines, failed = report(found, done.stderr.strip().splitlines()[-1:])
    print("\n".join(lines))
    return 1 if failed else 0


def report(found: Sequence[Mapping[str, Any]], said: Sequence[str] = ()) -> tuple[list[str], bool]:
    """Return what to print, and whether a vulnerability is known.

    Args:
        found: what pip-audit found of each package.
        said: what it said last where it found nothing.

    """
    known = [package for package in found if "vulns" in package]
    skipped = [f"{package['name']}: {package['skip_reason']}" for package in found if "vulns" not in package]
    if not known:
        why = (skipped or [*said] or ["it did not say why"])[0]
        return [f"audit: NOT DONE, no package of {len(found)} could be looked up ({why})"], False
    lines = [
        f"audit: {package['name']} {package['version']} has {weak['id']}, mended in {_versions(weak)}"
        for package in known
        for weak in package["vulns"]
    ]
    count = f"audit: {len(known)} packages looked up, {len(lines)} known vulnerabilities"
    return [*lines, f"{count}, {len(skipped)} could not be looked up"], bool(lines)


def _versions(weak: Mapping[str, Any]) -> str:
    return " or ".join(weak["fix_versions"]) or "no version yet"


if __name__ == "__main__":
    sys.exit(main())
