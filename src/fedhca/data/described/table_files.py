"""Tables of the datasets library, from a folder or the Hugging Face hub; nothing that comes with them is run."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fedhca.errors import DataError, one_line
from fedhca.extras import require_extra

DICTIONARY, STATE = "dataset_dict.json", "state.json"
PARQUET = "*.parquet"
CONVERTED = "refs/convert/parquet"
"""Where the hub keeps its own copy, as Parquet, of data sets that come in another form."""


def open_table(path: str, split: str, revision: str | None = None) -> Any:
    """Return a split as the library's `Dataset`.

    Only Arrow and Parquet files are opened: no loading script, no other builder. Parquet is converted once, into the
    library's cache.

    Args:
        path: a folder that `save_to_disk` wrote, a folder with Parquet files, or OWNER/NAME of the hub.
        split: such as `train`.
        revision: of the hub's data set.

    Raises:
        FedhcaError: the library is not installed.
        DataError: there is no such data set or split, or the hub cannot be reached.

    """
    require_extra("hub", f"Data set '{path}'")
    folder = Path(path).expanduser()
    if not folder.is_dir():
        folder = _fetched(path, revision)
    try:
        return _saved(folder, split) or _parquet(folder, split)
    except DataError:
        raise
    except Exception as cause:  # the library raises whatever its readers raise
        found = f"files that cannot be read ({_short(cause)})"
        raise DataError(f"{folder}: expected Arrow or Parquet; found {found}. Save the data set again.") from cause


def _saved(folder: Path, split: str) -> Any:
    """Return a split that `save_to_disk` wrote; nothing where it wrote none."""
    import datasets  # noqa: PLC0415  an extra

    if (folder / STATE).is_file():
        if split != "train":
            raise DataError(f"{folder}: expected split '{split}'; found one split alone, train. Set `val` to a share.")
        return datasets.Dataset.load_from_disk(str(_plain(folder)))
    if not (folder / DICTIONARY).is_file():
        return None
    known = json.loads((folder / DICTIONARY).read_bytes())["splits"]
    if split not in known or not (folder / split / STATE).is_file():
        found = ", ".join(map(str, known))
        raise DataError(f"{folder}: expected split '{split}'; found {found}. Correct `train` or `val`.")
    return datasets.Dataset.load_from_disk(str(_plain(folder / split)))


def _plain(folder: Path) -> Path:
    """Return a folder whose list of files names none elsewhere; DataError where it does."""
    for each in json.loads((folder / STATE).read_bytes())["_data_files"]:
        name = each["filename"]
        if name != Path(name).name or "\\" in name or (folder / name).resolve().parent != folder.resolve():
            raise DataError(f"{folder / STATE}: expected names of files beside it; found '{name}'. Save it again.")
    return folder


def _parquet(folder: Path, split: str) -> Any:
    """Return a split of a folder of Parquet files: those called by its name, or in a folder of that name."""
    import datasets  # noqa: PLC0415  an extra

    splits: dict[str, list[str]] = {}
    for path in sorted(folder.rglob(f"[!.]{PARQUET}")):
        inside = path.resolve().is_relative_to(folder.resolve()) or folder.is_relative_to(_cache())
        name = path.stem.split("-")[0] if "-" in path.stem or path.parent == folder else path.parent.name
        if inside:
            splits.setdefault(name, []).append(str(path))
    if split not in splits:
        found = ", ".join(splits) or f"no dataset_dict.json, {STATE} or {PARQUET}"
        raise DataError(f"{folder}: expected split '{split}'; found {found}. Correct `path`, `train` or `val`.")
    return datasets.Dataset.from_parquet(splits[split])


def _fetched(name: str, revision: str | None) -> Path:
    """Return the folder in which the hub's client keeps a data set; DataError where it cannot be had."""
    import huggingface_hub  # noqa: PLC0415  an extra

    problem: Exception | None = None
    for each in [revision] if revision else [None, CONVERTED]:
        try:
            place = huggingface_hub.snapshot_download(name, repo_type="dataset", revision=each, allow_patterns=PARQUET)
        except Exception as cause:  # names that are none, no network, no such data set, no permission
            problem = cause
            continue
        if any(Path(place).rglob(PARQUET)):
            return Path(place)
    why = f"the hub did not answer with one ({_short(problem)})" if problem else "no Parquet files"
    raise DataError(f"Data set '{name}': expected a folder, or OWNER/NAME of the hub; found {why}. Correct `path`.")


def _cache() -> Path:
    """Return where the hub's client keeps files: there they are links to where their content lies."""
    from huggingface_hub.constants import HF_HUB_CACHE  # noqa: PLC0415  an extra

    return Path(HF_HUB_CACHE)


def _short(cause: BaseException | None) -> str:
    return one_line(str(cause).split("\n")[0] or type(cause).__name__, 160)


def columns_of(table: Any) -> Mapping[str, Any]:
    """Return what each column holds, by name."""
    return dict(table.features)
