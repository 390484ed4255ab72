"""Which image files a set consists of, wherever they lie, before any of them is read."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol


class ImageFile(Protocol):
    """One image file, in a folder or in an archive."""

    @property
    def name(self) -> str:
        """What messages call it."""

    @property
    def stamp(self) -> tuple[str, int, int]:
        """Where it is, its bytes, and when it was last changed: while these stay, so does the image."""

    def open(self) -> BinaryIO:
        """Its bytes; raises OSError or ValueError where they cannot be read."""


@dataclass(frozen=True, slots=True)
class PathFile:
    """A file of its own."""

    path: Path

    @property
    def name(self) -> str:
        """Its path."""
        return str(self.path)

    @property
    def stamp(self) -> tuple[str, int, int]:
        """Absolute path, size and time of the last change in nanoseconds; zeros where there is no such file."""
        try:
            found = self.path.stat()
        except (OSError, ValueError):  # a name with a null byte is no file's
            return os.path.abspath(self.path), 0, 0
        return os.path.abspath(self.path), found.st_size, found.st_mtime_ns

    def open(self) -> BinaryIO:
        """The file."""
        return self.path.open("rb")


@dataclass(frozen=True, kw_only=True)
class FileSet:
    """Image files in their order."""

    name: str
    """What messages call all of them."""
    files: Sequence[ImageFile]
    """One at least."""
    labels: Sequence[int] | None
    """For each file an index into ``class_names``; None when the images have no labels."""
    class_names: tuple[str, ...]

    def of_classes(self, classes: Sequence[int]) -> FileSet:
        """The files of some classes, in their old order, relabelled 0 ... n-1 in the order of ``classes``."""
        if self.labels is None:
            raise ValueError("files without labels have no classes")
        places = {label: place for place, label in enumerate(classes)}
        kept = [index for index, label in enumerate(self.labels) if label in places]
        return FileSet(
            name=self.name,
            files=[self.files[index] for index in kept],
            labels=[places[self.labels[index]] for index in kept],
            class_names=tuple(self.class_names[label] for label in classes),
        )


def labelled(names: Sequence[str], numbers: bool = True) -> tuple[list[int] | None, tuple[str, ...]]:
    """The class of each file as an index, and the class names, sorted.

    :param names: the class of each file; where one is empty, none of them has a label.
    :param numbers: whether names that are all whole numbers are sorted by their size.
    """
    if "" in names:
        return None, ()
    if numbers and all(name.isdecimal() for name in names):
        names = [str(int(name)) for name in names]
        classes = sorted(set(names), key=int)
    else:
        classes = sorted(set(names))
    places = {name: place for place, name in enumerate(classes)}
    return [places[name] for name in names], tuple(classes)
