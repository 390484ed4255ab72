"""Decoded images in a file on disk, mapped into memory: a set of any size is decoded once, and read as it is needed.

A cache is a folder of two files. ``images.u8`` holds the pixels of one image after the other; ``about.json`` says which
files were broken, and is written when all is there.

It is built block by block, by all processes that want it at the same time, those of one run and others: each takes the
lock of a block that nobody works at. A block is accounted for once its pixels are on the disk, so that a build that was
killed goes on where it was, and so do the others when one of several is killed. Until the end each file has its place,
broken or not; then the gaps are closed.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import shutil
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock, Timeout
from torch import Tensor

from ..artifact.atomic import replacing
from ..console import note
from ..errors import UsageError
from .decoding import Shape, block_length, decode_blocks
from .image_files import Broken
from .listing import FileSet
from .progress import Counter

VERSION = 2
"""Of the way from a file to its pixels: another one makes new caches."""
PIXELS, ABOUT, LOCK = "images.u8", "about.json", "lock"
ACCOUNTS, CLAIMS = "blocks", "locks"
"""Folders of a build: for each block what is wrong with its broken files, and who works at it."""
SPARE_BYTES = 2**30
"""That a build leaves free on the disk."""


def read_through_cache(
    files: FileSet, shape: Shape, fit: str, folder: Path, quiet: bool = False
) -> tuple[Tensor, Mapping[int, str]]:
    """All images uint8 (N, C, H, W), mapped and read-only, and what is wrong with each broken file, by its number.

    Several processes decode a part each, and wait for each other.

    :param folder: that of all caches; the one of these files is in it, and is decoded if it is not complete.
    :raises UsageError: when the cache cannot be written, or the disk has no room for it.
    """
    cache = Cache(files, shape, fit, folder / f"{_safe(files.name)}-{_key(files, shape, fit)[:16]}")
    try:
        cache.place.mkdir(parents=True, exist_ok=True)
        broken = cache.broken()
        if broken is None:
            broken = cache.build(quiet)
        elif not quiet:
            note(f"{files.name}: {cache.rows(broken):,} images, decoded before, in {cache.place}")
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise cache.no_room() from error
        raise UsageError(f"--cache-dir {folder}: cannot be written ({error.strerror}); name another folder") from error
    return _mapped(cache.place / PIXELS, cache.rows(broken), shape), broken


def _key(files: FileSet, shape: Shape, fit: str) -> str:
    """Of all that decides the pixels."""
    key = hashlib.sha256(json.dumps([VERSION, shape, fit]).encode())
    for file in files.files:
        key.update(json.dumps(file.stamp).encode())
    return key.hexdigest()


def _safe(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", Path(name).name).strip("-.")[:100] or "images"


@dataclass(frozen=True)
class Cache:
    """The decoded images of some files, there or not."""

    files: FileSet
    shape: Shape
    fit: str
    place: Path

    @property
    def _row_bytes(self) -> int:
        channels, height, width = self.shape
        return channels * height * width

    def rows(self, broken: Mapping[int, str]) -> int:
        """How many images there are."""
        return len(self.files.files) - len(broken)

    def broken(self) -> dict[int, str] | None:
        """What is wrong with each broken file; None where the cache is not complete."""
        try:
            about = json.loads((self.place / ABOUT).read_text())
            broken = {int(number): str(why) for number, why in about["broken"].items()}
            there = (self.place / PIXELS).stat().st_size
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return None
        return broken if there >= self.rows(broken) * self._row_bytes else None

    def build(self, quiet: bool) -> dict[int, str]:
        """Decode what no other process does, wait for the rest, and see that it is completed; as :meth:`broken`."""
        total = len(self.files.files)
        with FileLock(self.place / LOCK):
            if (found := self.broken()) is not None:
                return found
            (self.place / CLAIMS).mkdir(exist_ok=True)
            self._discard_what_lost_its_pixels()
            before = self._seen()
        if (total - before) * self._row_bytes + SPARE_BYTES > shutil.disk_usage(self.place).free:
            raise self.no_room()
        if not quiet:
            size, so_far = total * self._row_bytes / 2**30, f", {before:,} of them before" if before else ""
            place = f"into {self.place} ({size:.1f} GiB at most)"
            note(f"{self.files.name}: {total:,} images are decoded once{so_far}, {place}")
        with Counter("decoding", total, before, quiet) as counter:
            while True:
                for waiting in (False, True):
                    for start in self._missing():
                        self._decode_unless_another_does(start, waiting)
                        counter.advance(self._seen() - counter.done)
                with FileLock(self.place / LOCK):
                    found = self.broken()
                    if found is None and not self._missing():  # else one that was closing the gaps was killed
                        found = self._completed()
                    if found is not None:
                        for folder in (ACCOUNTS, CLAIMS):
                            shutil.rmtree(self.place / folder, ignore_errors=True)
                        return found

    def no_room(self) -> UsageError:
        """To be raised where the disk is too small."""
        _, height, width = self.shape
        number, folder = len(self.files.files), self.place.parent
        size, free = number * self._row_bytes / 2**30, shutil.disk_usage(self.place).free / 2**30
        return UsageError(
            f"{self.files.name}: {number:,} images of {width}x{height} take {size:.1f} GiB, but {folder} has "
            f"{free:.1f} GiB left; name a folder on another disk with --cache-dir, or make room"
        )

    @property
    def _starts(self) -> range:
        """Where the blocks begin."""
        return range(0, len(self.files.files), block_length(self.shape))

    def _seen(self) -> int:
        """Files in blocks that are accounted for."""
        return len(self.files.files) - sum(map(self._length, self._missing()))

    def _length(self, start: int) -> int:
        """Files of the block that begins there."""
        return min(block_length(self.shape), len(self.files.files) - start)

    def _account(self, start: int) -> Path:
        return self.place / ACCOUNTS / f"{start:09d}.json"

    def _missing(self) -> list[int]:
        """Where the blocks begin that are not accounted for; none where the cache is complete."""
        try:
            there = set(os.listdir(self.place / ACCOUNTS))
        except FileNotFoundError:
            there = set()
        missing = [start for start in self._starts if self._account(start).name not in there]
        return missing if missing and self.broken() is None else []

    def _discard_what_lost_its_pixels(self) -> None:
        (self.place / ABOUT).unlink(missing_ok=True)
        pixels = self.place / PIXELS
        there = pixels.stat().st_size if pixels.exists() else 0
        missing = set(self._missing())
        for start in self._starts:
            if start not in missing and (start + self._length(start)) * self._row_bytes > there:
                self._account(start).unlink()

    def _decode_unless_another_does(self, start: int, waiting: bool) -> None:
        """:param waiting: until the other one has done it, or is gone."""
        try:
            claim = FileLock(self.place / CLAIMS / f"{start:09d}").acquire(timeout=-1 if waiting else 0)
        except (Timeout, FileNotFoundError):  # another has it, or completed the cache and took all claims away
            return
        with claim:
            if self._account(start).exists():
                return
            with FileLock(self.place / LOCK):  # whoever completes the cache takes the accounts away
                if self.broken() is not None:
                    return
            self._decode(start)

    def _decode(self, start: int) -> None:
        broken: dict[int, str] = {}
        block = self.files.files[start : start + self._length(start)]
        descriptor = os.open(self.place / PIXELS, os.O_RDWR | os.O_CREAT, 0o666)
        with os.fdopen(descriptor, "r+b") as pixels:
            pixels.seek(start * self._row_bytes)
            for images in decode_blocks(block, self.shape, self.fit):
                for number, image in enumerate(images, start):
                    if isinstance(image, Broken):
                        broken[number] = str(image)
                        pixels.write(bytes(self._row_bytes))
                    else:
                        pixels.write(image.contiguous().numpy().data)
            pixels.flush()
            os.fsync(descriptor)
        self._account(start).parent.mkdir(exist_ok=True)
        with replacing(self._account(start)) as account:
            account.write(json.dumps(broken).encode())

    def _completed(self) -> dict[int, str]:
        """Close the gaps, and say that all is there; as :meth:`broken`."""
        broken: dict[int, str] = {}
        for path in sorted((self.place / ACCOUNTS).glob("*.json")):
            broken |= {int(number): why for number, why in json.loads(path.read_text()).items()}
        if broken:
            shutil.rmtree(self.place / ACCOUNTS)  # what is killed while images move is decoded anew
        with open(self.place / PIXELS, "r+b") as pixels:
            if broken:
                rows = np.memmap(pixels, np.uint8, "r+", shape=(len(self.files.files), self._row_bytes))
                kept = (number for number in range(len(rows)) if number not in broken)
                for row, number in enumerate(kept):
                    if row != number:
                        rows[row] = rows[number]
                rows.flush()
                del rows
            pixels.truncate(self.rows(broken) * self._row_bytes)
            os.fsync(pixels.fileno())
        about = {"source": self.files.name, "shape": self.shape, "fit": self.fit, "files": len(self.files.files)}
        with replacing(self.place / ABOUT) as file:
            file.write(json.dumps(about | {"broken": broken}).encode())
        return broken


def _mapped(path: Path, rows: int, shape: Shape) -> Tensor:
    """Read-only: unlike a private mapping, it is no memory that the system has to promise."""
    if not rows:
        return torch.empty((0, *shape), dtype=torch.uint8)
    pixels = np.memmap(path, np.uint8, "r", shape=(rows, *shape))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.from_numpy(pixels)
