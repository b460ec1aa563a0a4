"""Pages and links that lead out of docs/: the same link has to work in the repository and on the site.

Some pages of the repository are pages of the site, too. What else lies outside of docs/ is named by its path, as the
site does not know where the repository is published; with `repo_url` in mkdocs.yml it would become a link.
"""

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).parents[2]
GUESTS = {
    "README.md": "index.md",
    "benchmarks/README.md": "benchmarks.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
"""Where pages of the repository are on the site; docs/index.md is there in the place of the README."""
HOMES = {page: path for path, page in GUESTS.items() if page != "index.md"}
FENCE, LINK = (
    re.compile(r"^(```.*?^```)", re.DOTALL | re.MULTILINE),
    re.compile(r"\[([^][]*)\]\(([^)\s#]+)(#[^)\s]*)?\)"),
)


def on_files(files: Any, config: Any) -> Any:
    """Take the guests in."""
    for page, path in HOMES.items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Turn links to the repository's files into links of the site, or into their paths."""
    here = page.file.src_uri
    home = HOMES.get(here, f"docs/{here}")
    parts = FENCE.split(markdown)
    return "".join(
        part if part.startswith("```") else LINK.sub(lambda link: _on_site(link, home, here, config.repo_url), part)
        for part in parts
    )


def on_page_content(page_html: str, page: Any, config: Any, files: Any) -> str:
    """Write | in the code of a table as it is meant: GitHub takes its backslash away, Python-Markdown does not."""
    return re.sub(r"<code>[^<]*</code>", lambda code: code[0].replace("\\|", "|"), page_html)


def _on_site(link: re.Match[str], home: str, here: str, repository: str | None) -> str:
    text, target, anchor = link[1], link[2], link[3] or ""
    if "://" in target or target.startswith("mailto:"):
        return link[0]
    path = posixpath.normpath(posixpath.join(posixpath.dirname(home), target))
    page = GUESTS.get(path) or (path.removeprefix("docs/") if path.startswith("docs/") else None)
    if page:
        return f"[{text}]({posixpath.relpath(page, posixpath.dirname(here) or '.')}{anchor})"
    if repository:
        return f"[{text}]({repository.rstrip('/')}/blob/main/{path}{anchor})"
    named = text.strip("`").rstrip("/")
    return f"`{path}`" if path.endswith(named) else f"{text} (`{path}`)"
