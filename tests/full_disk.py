"""A small disk of its own, which a test fills up or makes read-only; skipped where none can be mounted."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

SIZE_KIB = 4096
FILLER = "filler"


class _Openings:
    """Tells of files below a folder that are opened to be written, by an audit hook, which Python never takes back."""

    below = ""
    see: Callable[[str], None]

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not _Openings.below or event != "open" or not isinstance(arguments[0], str | bytes):
            return
        path = os.path.abspath(os.fsdecode(arguments[0]))
        writes = arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if writes and path.startswith(_Openings.below) and not path.endswith(FILLER):
            _Openings.see(path)


sys.addaudithook(_Openings())


class Disk:
    """A tmpfs."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def with_room(self, kib: int) -> Iterator[None]:
        """No more than so much is free inside."""
        self._fill(kib)
        try:
            yield
        finally:
            (self.path / FILLER).unlink()

    def _fill(self, kib: int) -> None:
        free = os.statvfs(self.path).f_bavail * os.statvfs(self.path).f_bsize
        (self.path / FILLER).write_bytes(b"\0" * (free - 1024 * kib))

    @contextmanager
    def full_from(self, opening: int) -> Iterator[list[str]]:
        """Inside, the disk is filled just before a file on it is opened to be written for the so manyth time, counted
        from 0; -1 is never. The names of all those that are opened."""
        names: list[str] = []

        def see(path: str) -> None:
            names.append(os.path.relpath(path, self.path))
            if len(names) - 1 == opening:
                self._fill(0)

        _Openings.below, _Openings.see = str(self.path), see
        try:
            yield names
        finally:
            _Openings.below = ""
            (self.path / FILLER).unlink(missing_ok=True)

    @contextmanager
    def read_only(self) -> Iterator[None]:
        """Nothing can be written inside, by root neither."""
        self._mount("-o", "remount,ro")
        try:
            yield
        finally:
            self._mount("-o", "remount,rw")

    def _mount(self, *options: str) -> None:
        subprocess.run(["mount", *options, str(self.path)], check=True)


@contextmanager
def mounted(folder: Path) -> Iterator[Disk]:
    """A disk at ``folder``."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE_KIB}k", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        done = False
    if not done:
        pytest.skip("needs the right to mount a file system")
    home = Path.cwd()
    try:
        yield Disk(folder)
    finally:
        os.chdir(home)
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
