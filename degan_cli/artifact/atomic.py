"""Files and folders that appear complete or not at all, whatever happens while they are written."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import re
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from ..errors import writing
from ..streams import all_of_stdout

OLD = "old"
"""In a folder beside a folder: what it replaces, for a moment."""


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[BinaryIO]:
    """A file to write that takes the place of ``path`` when the block ends without an exception.

    It is written aside in the same folder, which is made if need be, synced, and renamed. Its mode follows the
    umask, or stays as it was; a link keeps pointing to the file it names; a device or pipe is written straight.
    What a killed process left beside the same target is cleaned up. ``-`` is stdout.

    :raises Unwritable: when it cannot be; a UsageError, too, when another path would help.
    """
    with writing(path):
        if str(path) == "-":
            with all_of_stdout() as stdout:
                yield stdout
            return
        given = Path(path)
        if given.exists() and not given.is_file() and not given.is_dir():
            with given.open("wb") as device:
                yield device
            return
        target = Path(os.path.realpath(given))
        target.parent.mkdir(parents=True, exist_ok=True)
        yield from _aside(target)


@contextlib.contextmanager
def folder_beside(target: Path) -> Iterator[Path]:
    """A folder for this process alone beside the folder ``target``, which is gone after the block.

    One that a killed process left is cleaned up, and what it had moved to ``OLD`` there comes back where the target is
    missing.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = _clean_up(target)
    temporary.mkdir(mode=0o700)
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def replace_folder(target: Path, new: Path, beside: Path) -> None:
    """Put the folder ``new`` in the place of ``target``; what is there stays where that fails.

    :param beside: what :func:`folder_beside` gave.
    """
    old = beside / OLD
    if target.exists():
        target.rename(old)
    try:
        new.rename(target)
    except OSError:
        if old.exists():
            old.rename(target)
        raise


def _aside(target: Path) -> Iterator[BinaryIO]:
    temporary = _clean_up(target)
    mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else None
    try:
        # O_EXCL: in a folder that others may write to, a planted link must not lead the bytes elsewhere.
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), "wb") as file:
            if mode is not None:
                os.chmod(temporary, mode)
            yield cast(BinaryIO, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(target.parent)


def _clean_up(target: Path) -> Path:
    """Remove what dead processes of this machine left beside ``target``; the name for this one's own."""
    host = re.sub(r"[^A-Za-z0-9]", "", platform.node())[:32] or "host"
    stem = f".degan-{hashlib.sha256(os.fsencode(target.name)).hexdigest()[:16]}-{host}-"
    for left in target.parent.glob(f"{stem}*.tmp"):
        process = left.name[len(stem) : -len(".tmp")]
        if process.isdecimal() and (int(process) == os.getpid() or not _is_running(int(process))):
            with contextlib.suppress(OSError):
                _remove(left, target)
    return target.parent / f"{stem}{os.getpid()}.tmp"


def _remove(left: Path, target: Path) -> None:
    if left.is_symlink() or not left.is_dir():
        left.unlink()
        return
    if (left / OLD).exists() and not target.exists():
        (left / OLD).rename(target)
    shutil.rmtree(left)


def _is_running(process: int) -> bool:
    if os.name != "posix":
        return True  # there, signal 0 would end it
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return  # a folder cannot be opened there
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
