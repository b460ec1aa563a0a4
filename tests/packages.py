"""Look into the wheel and the source distribution in a folder: what users get, and what they do not need.

python tests/packages.py dist
"""

import sys
import tarfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
WRONG = ("tests/", "docs/", "benchmarks/", "runs/", "__pycache__")
"""What a wheel has none of."""


def problems(folder: Path) -> list[str]:
    """Return what is missing in the wheel and the source distribution of a folder, or too much."""
    [wheel], [source] = folder.glob("*.whl"), folder.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as packed:
        inside = set(packed.namelist())
    with tarfile.open(source) as packed_source:
        unpacked = {name.partition("/")[2] for name in packed_source.getnames()}
    package = {
        path.relative_to(ROOT / "src").as_posix()
        for path in (ROOT / "src" / "fedhca").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    found = [f"{wheel.name} lacks {name}" for name in sorted(package - inside)]
    found += [f"{wheel.name} has {name}" for name in sorted(inside) if any(part in name for part in WRONG)]
    found += [] if any(name.endswith("licenses/LICENSE") for name in inside) else [f"{wheel.name} lacks LICENSE"]
    needed = {f"src/{name}" for name in package} | {"LICENSE", "README.md", "pyproject.toml", "Makefile"}
    found += [f"{source.name} lacks {name}" for name in sorted(needed - unpacked)]
    return [*found, *(f"{source.name} has {name}" for name in sorted(unpacked) if name.startswith("runs/"))]


def main(folder: Path) -> int:
    found = problems(folder)
    for path in sorted(folder.iterdir()):
        print(f"{path.name}: {path.stat().st_size / 1e6:.2f} MB")
    for line in found:
        print(line)
    return bool(found)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
