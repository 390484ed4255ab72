"""Decoded images in a file on disk, mapped into memory: a set of any size is decoded once, and read as it is needed.

A cache is a folder of two files. ``images.u8`` holds the pixels of one image after the other; ``about.json`` says how
many of the files were seen, and which were broken. It is written after each block, once the pixels are on the disk, so
that a build that was killed goes on where it was.
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
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock
from torch import Tensor

from ..artifact.atomic import replacing
from ..console import note
from ..errors import UsageError
from .decoding import Shape, decode_blocks
from .image_files import Broken
from .listing import FileSet
from .progress import Counter

VERSION = 1
"""Of the way from a file to its pixels: another one makes new caches."""
PIXELS, ABOUT, LOCK = "images.u8", "about.json", "lock"
SPARE_BYTES = 2**30
"""That a build leaves free on the disk."""


@dataclass
class Progress:
    """How far a cache is; all of ``about.json``."""

    source: str
    shape: tuple[int, ...]
    """(C, H, W)"""
    fit: str
    files: int
    seen: int = 0
    """Files that were decoded or found broken."""
    broken: dict[str, str] = field(default_factory=dict)
    """Number of a file, as JSON has texts for keys, and what is wrong with it."""

    @property
    def rows(self) -> int:
        """Images so far."""
        return self.seen - len(self.broken)


def read_through_cache(
    files: FileSet, shape: Shape, fit: str, folder: Path, quiet: bool = False
) -> tuple[Tensor, Mapping[int, str]]:
    """All images uint8 (N, C, H, W), mapped and read-only, and what is wrong with each broken file, by its number.

    Of several processes one decodes, and the others wait for it.

    :param folder: that of all caches; the one of these files is in it, and is decoded if it is not complete.
    :raises UsageError: when the cache cannot be written, or the disk has no room for it.
    """
    place = folder / f"{_safe(files.name)}-{_key(files, shape, fit)[:16]}"
    row_bytes = shape[0] * shape[1] * shape[2]
    try:
        place.mkdir(parents=True, exist_ok=True)
        with FileLock(place / LOCK):
            done = _progress(place, files, shape, fit)
            if done.seen < done.files:
                _check_room(files, shape, (done.files - done.seen) * row_bytes, place)
                _build(files, shape, fit, done, place, quiet)
            elif not quiet:
                note(f"{files.name}: {done.rows:,} images, decoded before, in {place}")
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise _no_room(files, shape, place) from error
        raise UsageError(f"--cache-dir {folder}: cannot be written ({error.strerror}); name another folder") from error
    return _mapped(place / PIXELS, done.rows, shape), {int(index): why for index, why in done.broken.items()}


def _key(files: FileSet, shape: Shape, fit: str) -> str:
    """Of all that decides the pixels."""
    key = hashlib.sha256(json.dumps([VERSION, shape, fit]).encode())
    for file in files.files:
        key.update(json.dumps(file.stamp).encode())
    return key.hexdigest()


def _safe(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", Path(name).name).strip("-.")[:100] or "images"


def _progress(place: Path, files: FileSet, shape: Shape, fit: str) -> Progress:
    """What is there of a cache; nothing, where it cannot be read or some of its pixels are missing."""
    fresh = Progress(source=files.name, shape=shape, fit=fit, files=len(files.files))
    try:
        found = Progress(**json.loads((place / ABOUT).read_text()))
        there = (place / PIXELS).stat().st_size
    except (OSError, ValueError, TypeError):
        return fresh
    whole = there >= found.rows * shape[0] * shape[1] * shape[2]
    return found if whole and found.files == fresh.files and 0 <= found.seen <= found.files else fresh


def _check_room(files: FileSet, shape: Shape, needed: int, place: Path) -> None:
    if needed + SPARE_BYTES > shutil.disk_usage(place).free:
        raise _no_room(files, shape, place)


def _no_room(files: FileSet, shape: Shape, place: Path) -> UsageError:
    channels, height, width = shape
    size, free = len(files.files) * channels * height * width / 2**30, shutil.disk_usage(place).free / 2**30
    return UsageError(
        f"{files.name}: {len(files.files):,} images of {width}x{height} take {size:.1f} GiB, but {place.parent} has "
        f"{free:.1f} GiB left; name a folder on another disk with --cache-dir, or make room"
    )


def _build(files: FileSet, shape: Shape, fit: str, done: Progress, place: Path, quiet: bool) -> None:
    """Decode what is missing, and keep account in ``done``."""
    row_bytes = shape[0] * shape[1] * shape[2]
    size = done.files * row_bytes / 2**30
    if not quiet:
        so_far = f", {done.seen:,} of them before" if done.seen else ""
        note(f"{files.name}: {done.files:,} images are decoded once{so_far}, into {place} ({size:.1f} GiB at most)")
    descriptor = os.open(place / PIXELS, os.O_RDWR | os.O_CREAT, 0o666)
    with os.fdopen(descriptor, "r+b") as pixels, Counter("decoding", done.files, done.seen, quiet) as counter:
        pixels.seek(done.rows * row_bytes)
        for block in decode_blocks(files.files[done.seen :], shape, fit):
            for number, image in enumerate(block, done.seen):
                if isinstance(image, Broken):
                    done.broken[str(number)] = str(image)
                else:
                    pixels.write(image.contiguous().numpy().data)
            done.seen += len(block)
            pixels.flush()
            os.fsync(pixels.fileno())
            with replacing(place / ABOUT) as about:
                about.write(json.dumps(asdict(done)).encode())
            counter.advance(len(block))
        pixels.truncate(done.rows * row_bytes)  # of what a killed build wrote beyond its account


def _mapped(path: Path, rows: int, shape: Shape) -> Tensor:
    """Read-only: unlike a private mapping, it is no memory that the system has to promise."""
    if not rows:
        return torch.empty((0, *shape), dtype=torch.uint8)
    pixels = np.memmap(path, np.uint8, "r", shape=(rows, *shape))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")
        return torch.from_numpy(pixels)
