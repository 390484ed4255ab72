"""Folders of images as people have them: one sub-folder per class, or just images; split or not."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from ..errors import BadFile
from ..specs import ImageSet
from .image_files import SUFFIXES, quiet, read_fitted, read_image, room_for

SPLITS = {"train": ("train", "training"), "test": ("test", "testing", "val", "valid", "validation")}
"""Names of the sub-folders that hold a split, the first that exists; case does not count."""
THREADS = 4
T = TypeVar("T")


def load_folder(folder: Path, split: str, shape: tuple[int, int, int] | None = None) -> ImageSet:
    """All images of a folder.

    Sub-folders that hold images are classes, sorted by name, with whatever is below them. Images that lie in the
    folder itself have no labels, and then neither have the others. ``train`` and ``test`` (or ``val``) folders above
    that are splits; without them every split has all images. Hidden files and files that are no images are left out.

    :param shape: (C, H, W) to fit each image to while it is read, so that memory is bounded; None keeps size and
        colour, if all images are of one size; grey stays grey if all are.
    :raises BadFile: when there are no images, one of them is damaged, or sizes differ and ``shape`` is None.
    """
    root = _split_folder(folder, split)
    below = [(entry.name, found) for entry in _folders(root) if (found := _images_below(entry, root))]
    loose = _images_in(root)
    paths = [path for _, found in below for path in found]
    if not loose and not paths:
        raise _no_image(root)
    files = tuple(path.relative_to(root).as_posix() for path in [*loose, *paths])
    with quiet():
        images = _read_all([*loose, *paths], root, shape)
    if loose:
        return ImageSet(images=images, labels=None, class_names=(), files=files)
    labels = torch.repeat_interleave(torch.arange(len(below)), torch.tensor([len(found) for _, found in below]))
    return ImageSet(images=images, labels=labels, class_names=tuple(name for name, _ in below), files=files)


def image_paths(folder: Path) -> list[Path]:
    """All image files in a folder, then those below it, sorted by name; raises BadFile where there are none."""
    found = [*_images_in(folder), *(path for entry in _folders(folder) for path in _images_below(entry, folder))]
    if not found:
        raise _no_image(folder)
    return found


def _no_image(folder: Path) -> BadFile:
    return BadFile(f"{folder}: no image in it; degan reads {', '.join(sorted(suffix[1:] for suffix in SUFFIXES))}")


def _split_folder(folder: Path, split: str) -> Path:
    """The folder of one split; ``folder`` itself when it is not split."""
    found = {entry.name.casefold(): entry for entry in _folders(folder)}
    sides = {side: [found[name] for name in names if name in found] for side, names in SPLITS.items()}
    alone = sum(map(len, sides.values())) == len(found) and not _images_in(folder)
    # A class may be called "train", so that name alone among others means nothing.
    if not (all(sides.values()) or (alone and any(sides.values()))):
        return folder
    if not sides[split]:
        there = ", ".join(sorted(entry.name for entries in sides.values() for entry in entries))
        raise BadFile(f'{folder}: has {there}, but no folder "{split}"; make one, or name the folder to read itself')
    return sides[split][0]


def _read_all(paths: Sequence[Path], root: Path, shape: tuple[int, int, int] | None) -> Tensor:
    """uint8 (N, C, H, W) in the order of ``paths``, whichever thread is faster."""
    channels, height, width = shape or _common_shape(paths, root)
    images = room_for(len(paths), (channels, height, width), str(root))

    def read(index: int) -> None:
        images[index] = read_fitted(paths[index], (channels, height, width))

    _in_threads(read, range(len(paths)))
    return images


def _common_shape(paths: Sequence[Path], root: Path) -> tuple[int, int, int]:
    shapes = _in_threads(lambda index: tuple(read_image(paths[index]).shape), range(len(paths)))
    _, height, width = shapes[0]
    for path, (_, other_height, other_width) in zip(paths, shapes, strict=True):
        if (other_height, other_width) != (height, width):
            raise BadFile(
                f"{root}: images differ in size ({paths[0].name} is {width}x{height}, {path.name} is "
                f"{other_width}x{other_height}); say which size they shall have, such as --image-size 32"
            )
    return max(shape[0] for shape in shapes), height, width


def _in_threads(task: Callable[[int], T], indices: Iterable[int]) -> list[T]:
    """The results in order; of several exceptions the first in that order, so that messages do not change."""
    with ThreadPoolExecutor(min(THREADS, os.cpu_count() or 1)) as pool:
        return list(pool.map(task, indices))


def _folders(folder: Path) -> list[Path]:
    return [entry for entry in _entries(folder) if entry.is_dir()]


def _images_in(folder: Path) -> list[Path]:
    return [entry for entry in _entries(folder) if entry.suffix.lower() in SUFFIXES and entry.is_file()]


def _images_below(folder: Path, root: Path) -> list[Path]:
    """Images of one class, in ``folder`` and all below it; links are followed, but none to what holds ``root``."""
    real_root = Path(os.path.realpath(root))
    seen = {real_root, *real_root.parents}

    def below(folder: Path) -> list[Path]:
        real = Path(os.path.realpath(folder))
        if real in seen:
            return []
        seen.add(real)
        return [*_images_in(folder), *(path for entry in _folders(folder) for path in below(entry))]

    return below(folder)


def _entries(folder: Path) -> list[Path]:
    """What lies in ``folder``, sorted by name, without hidden entries."""
    try:
        return sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError as error:
        raise BadFile(f"{folder}: cannot be read ({error.strerror}); check its permissions") from error
