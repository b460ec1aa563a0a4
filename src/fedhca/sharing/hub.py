"""A model's folder on the Hugging Face hub; who may do what there is the hub's business, and its library's."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fedhca.errors import FedhcaError, ModelFolderError, one_line
from fedhca.extras import require_extra
from fedhca.sharing import model_description, weights
from fedhca.sharing.model_folder import CARD, GRAPH

NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*"
"""OWNER/NAME."""

SHARED = (weights.FILE, model_description.FILE, CARD, GRAPH)
"""All that is ever put there: what else lies in a folder stays."""


def found_or_fetched(source: str | Path, revision: str | None = None) -> Path:
    """Return the folder of a model: itself where it is there, else that of OWNER/NAME from the hub.

    Raises:
        ModelFolderError: it is neither, or the hub cannot be reached, has none of that name, or does not let one.

    """
    folder = Path(source)
    if folder.is_dir() or isinstance(source, Path) or not re.fullmatch(NAME, source):
        return folder
    with _said(f"Cannot get '{source}' from the hub"):
        hub = _library()
        files = [model_description.FILE, weights.FILE]
        return Path(hub.snapshot_download(source, revision=revision, allow_patterns=files))


def push(folder: Path, name: str, *, public: bool = False) -> str:
    """Put a model's folder on the hub as OWNER/NAME, private unless it is to be public; return its address.

    The token is that of the hub's own login, or of its variable HF_TOKEN.

    Raises:
        ModelFolderError: the name is none, the hub does not let one, or a public one of that name is there already.

    """
    require_name(name)
    with _said(f"Cannot put '{name}' on the hub"):
        api = _library().HfApi()
        api.create_repo(name, private=not public, exist_ok=True)
        if not public and not api.repo_info(name).private:
            mend = "Choose another name, or say --public."
            raise ModelFolderError(f"'{name}' should be private. Found it there, and open to everybody. {mend}")
        done = api.upload_folder(
            repo_id=name, folder_path=folder, allow_patterns=[*SHARED], commit_message="Model exported by fedhca"
        )
    return str(done.repo_url)


def shared(folder: Path) -> list[Path]:
    """Return the files of a model's folder that are ever put there, in their order."""
    return [folder / name for name in SHARED if (folder / name).is_file()]


def require_name(name: str) -> None:
    """Raise ModelFolderError if this could not be a name on the hub."""
    if not re.fullmatch(NAME, name):
        raise ModelFolderError(f"A name on the hub should be OWNER/NAME. Found '{name}'.")


def _library() -> Any:
    require_extra("hub", "The hub")
    import huggingface_hub  # noqa: PLC0415  only where the hub is asked

    return huggingface_hub


@contextmanager
def _said(what: str) -> Iterator[None]:
    """Make one line of whatever the library raises."""
    try:
        yield
    except FedhcaError:
        raise
    except Exception as error:  # of the network, of the hub, of the disk
        mend = "Look at the name, the network, and who is logged in (hf auth whoami)."
        cause = one_line(str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__, 300)
        raise ModelFolderError(f"{what}: {cause.rstrip('.')}. {mend}") from error
