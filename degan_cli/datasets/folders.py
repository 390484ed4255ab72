"""Folders of images as people have them: one sub-folder per class, or just images; split or not."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ..errors import BadFile
from .image_files import SUFFIXES
from .listing import FileSet, PathFile, labelled

SPLITS = {"train": ("train", "training"), "test": ("test", "testing", "val", "valid", "validation")}
"""Names of the sub-folders that hold a split, the first that exists; case does not count."""


def list_folder(folder: Path, split: str) -> FileSet:
    """All images of a folder.

    Sub-folders that hold images are classes, sorted by name, with whatever is below them. Images that lie in the
    folder itself have no labels, and then neither have the others. ``train`` and ``test`` (or ``val``) folders above
    that are splits; without them every split has all images. Hidden files and files that are no images are left out.

    :raises BadFile: when there are no images.
    """
    root = _split_folder(folder, split)
    found = [(path, "") for path in _images_in(root)]
    found += [(path, entry.name) for entry in _folders(root) for path in _images_below(entry, root)]
    if not found:
        raise no_image(root)
    labels, class_names = labelled([name for _, name in found], numbers=False)
    files = [PathFile(path) for path, _ in found]
    return FileSet(name=str(root), files=files, labels=labels, class_names=class_names)


def image_paths(folder: Path) -> list[Path]:
    """All image files in a folder, then those below it, sorted by name; raises BadFile where there are none."""
    found = [*_images_in(folder), *(path for entry in _folders(folder) for path in _images_below(entry, folder))]
    if not found:
        raise no_image(folder)
    return found


def no_image(what: object) -> BadFile:
    """The error to raise where ``what`` holds none."""
    return BadFile(f"{what}: no image in it; degan reads {', '.join(sorted(suffix[1:] for suffix in SUFFIXES))}")


def choose_split(names: Iterable[str], loose: bool, split: str, what: object, advice: str) -> str | None:
    """Which of the folders holds a split; None where they are no splits.

    :param names: of the folders that lie side by side.
    :param loose: whether images lie beside them.
    :param what: what messages call all of it, and ``advice`` what to do where this split is missing.
    :raises BadFile: when there are splits, but not this one.
    """
    found = {name.casefold(): name for name in sorted(names)}
    sides = {side: [found[name] for name in usual if name in found] for side, usual in SPLITS.items()}
    alone = sum(map(len, sides.values())) == len(found) and not loose
    # A class may be called "train", so that name alone among others means nothing.
    if not (all(sides.values()) or (alone and any(sides.values()))):
        return None
    if not sides[split]:
        there = ", ".join(sorted(name for present in sides.values() for name in present))
        raise BadFile(f'{what}: has {there}, but no folder "{split}"; {advice}')
    return sides[split][0]


def _split_folder(folder: Path, split: str) -> Path:
    """The folder of one split; ``folder`` itself when it is not split."""
    names = [entry.name for entry in _folders(folder)]
    advice = "make one, or name the folder to read itself"
    chosen = choose_split(names, bool(_images_in(folder)), split, folder, advice)
    return folder if chosen is None else folder / chosen


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
