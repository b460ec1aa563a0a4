"""The site: built strictly, every link of every page leads somewhere, and reading it needs no network."""

import os
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parents[2]
LOADED = {
    "script": "src",
    "img": "src",
    "link": "href",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "audio": "src",
}
"""What a browser fetches by itself, and where it is said."""


class Page(HTMLParser):
    """What a page links to, loads, and can be linked to."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = {""}
        self.formulas = 0
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.anchors |= {found[name] for name in ("id", "name") if name in found}
        self.formulas += tag == "math"
        if tag in LOADED and LOADED[tag] in found and found.get("rel") not in {"canonical", "next", "prev"}:
            self.loads.append(found[LOADED[tag]])
        if tag == "a" and "href" in found:
            self.links.append(found["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Page]:
    out = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(out)]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return {path.resolve(): Page(path) for path in out.rglob("*.html") if path.name != "404.html"}


def test_every_link_leads_to_a_page_and_a_place_on_it(site: dict[Path, Page]) -> None:
    astray = []
    for path, page in site.items():
        for link in (*page.links, *page.loads):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            known = site[target].anchors if target in site else {""}
            if not target.is_file() or unquote(parts.fragment) not in known:
                astray.append(f"{path.name}: {link}")
    assert not astray


def test_nothing_is_loaded_from_elsewhere(site: dict[Path, Page]) -> None:
    assert not [link for page in site.values() for link in page.loads if urlsplit(link).netloc]
    (folder,) = {path.parent for path in site if path.name == "index.html"}
    sheets = [*folder.rglob("*.css")]
    assert sheets
    for sheet in sheets:
        assert "url(http" not in sheet.read_text(encoding="utf-8").replace("'", "").replace('"', "")


def test_formulas_were_written_while_the_site_was_built(site: dict[Path, Page]) -> None:
    pages = {path.name: page for path, page in site.items()}
    assert pages["method.html"].formulas > 20
    assert not [path for path in site if "arithmatex" in path.read_text(encoding="utf-8")]


def test_links_out_of_the_site_are_to_few_hosts(site: dict[Path, Page]) -> None:
    """They are listed here, not fetched: a host more is a line more."""
    hosts = {urlsplit(link).netloc for page in site.values() for link in page.links} - {""}
    assert hosts <= {"arxiv.org", "pytorch.org", "semver.org"}


def test_every_command_has_its_place_in_the_reference(site: dict[Path, Page]) -> None:
    from fedhca.cli.program import COMMANDS, GROUPS, called  # noqa: PLC0415

    (page,) = (page for path, page in site.items() if path.name == "command.html")
    names = [f"fedhca-{called(command)}" for command in COMMANDS]
    names += [
        f"fedhca-{group}-{called(command, group)}" for group, (_, commands) in GROUPS.items() for command in commands
    ]
    assert set(names) <= page.anchors


def test_every_public_name_is_in_the_reference(site: dict[Path, Page]) -> None:
    import fedhca  # noqa: PLC0415

    anchors = {anchor for page in site.values() for anchor in page.anchors}
    missing = [name for name in fedhca.__all__ if not any(anchor.endswith(f".{name}") for anchor in anchors)]
    assert not missing
