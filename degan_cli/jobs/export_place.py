"""Where an export is written: free, or ours to replace; and it appears there complete or not at all."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..artifact.atomic import folder_beside, replace_folder, replacing
from ..config import ExportSettings
from ..errors import Unwritable, UsageError, unwritable, writing
from ..exports.about import CONFIG
from ..exports.timm_folder import FILES
from ..runs.output import STDOUT, check_name, make_parent, safe_name, stem


def choose_place(settings: ExportSettings, suffix: str) -> Path:
    """The file or folder to write, before any work is done; ``-`` is stdout.

    :param suffix: of the file's name; empty for a folder.
    :raises UsageError: when it exists and may not be replaced, or nothing can be written there.
    """
    path = settings.output
    if path is None:
        beside = suffix if suffix not in ("", ".safetensors") else f"-{settings.target}{suffix}"
        path = Path(safe_name(stem(settings.model)) + beside)
    if path == STDOUT and suffix:
        return path
    if path == STDOUT or not path.name:
        raise UsageError(f"-o {path}: --to {settings.target} writes a {'file' if suffix else 'folder'}; name one")
    check_name(path, "-o")
    if suffix and path.suffix != suffix:
        raise UsageError(
            f"-o {path}: --to {settings.target} writes a file that ends in {suffix}; use {path.with_suffix(suffix)}"
        )
    if path.is_dir() and suffix:
        raise UsageError(f"-o {path}: this is a folder; name a file that ends in {suffix}")
    if path.is_file() and not suffix:
        raise UsageError(f"-o {path}: this is a file, and --to {settings.target} writes a folder; name another place")
    taken = any(path.iterdir()) if path.is_dir() else path.exists()
    if taken and not settings.force:
        raise UsageError(f"{path} exists already; name another with -o, or overwrite it with --force")
    if path.is_dir():
        check_ours(path)
    make_parent(path)
    return path


def check_ours(folder: Path) -> None:
    """Raise UsageError unless a folder is empty or one that an export wrote, with nothing added."""
    foreign = next((path for path in sorted(folder.iterdir()) if path.name not in FILES or not path.is_file()), None)
    if foreign is None and any(folder.iterdir()):
        try:
            foreign = None if "degan" in json.loads((folder / CONFIG).read_text()) else folder / CONFIG
        except (OSError, ValueError):
            foreign = folder / CONFIG
    if foreign is not None:
        raise UsageError(
            f"{foreign} was not written by degan export, so --force leaves {folder} alone; name another with -o"
        )


@contextmanager
def aside(place: Path) -> Iterator[Path]:
    """A path to write and to read; what lies there takes its place when the block ends without an exception."""
    with writing(place), folder_beside(place) if place != STDOUT else _elsewhere() as folder:
        new = folder / "new"
        new.mkdir()
        path = new / ("export" if place == STDOUT else place.name)
        try:
            yield path
        except Unwritable as error:  # nobody has heard of the file aside
            raise unwritable(place, error.__cause__) if isinstance(error.__cause__, OSError) else error from error
        if path.is_dir():
            if place.exists():
                check_ours(place)  # something may have come in meanwhile
            replace_folder(place, path, folder)
        else:
            with path.open("rb") as written, replacing(place) as file:
                shutil.copyfileobj(written, file)


@contextmanager
def _elsewhere() -> Iterator[Path]:
    """A folder among the system's temporary ones, for what goes to stdout."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)
