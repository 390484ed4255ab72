"""Images in zip and tar archives, which are read where they are: nothing is unpacked, and no name becomes a path."""

from __future__ import annotations

import io
import re
import tarfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from ..errors import BadFile
from .folders import choose_split, no_image
from .image_files import SUFFIXES
from .listing import FileSet, labelled

MAX_BYTES = 2**26
"""Of one image in an archive; a larger one is made to fill the memory."""
CLASS_FILE = ".cls"
"""What the names of files end with that hold a class."""
MAX_CLASS_NAME = 1000
"""Bytes that are read of them."""
SHARDS = re.compile(r"\{(\d+)\.\.(\d+)\}")


@dataclass(frozen=True, slots=True)
class ZipMember:
    """One file of an open zip archive, which several threads may read."""

    archive: zipfile.ZipFile
    info: zipfile.ZipInfo
    changed: int
    """When the archive was last changed, in nanoseconds."""

    @property
    def path(self) -> Path:
        """Of the archive."""
        return Path(str(self.archive.filename))

    @property
    def member(self) -> str:
        """Its name in the archive."""
        return self.info.filename

    @property
    def name(self) -> str:
        """Archive and member."""
        return f"{self.path}/{self.member}"

    @property
    def stamp(self) -> tuple[str, int, int]:
        """See :class:`~degan_cli.datasets.listing.ImageFile`."""
        return f"{self.path.absolute()}/{self.member}", self.info.file_size, self.changed

    def open(self) -> BinaryIO:
        """What was packed, in memory."""
        if self.info.file_size > MAX_BYTES:
            raise ValueError(f"{self.info.file_size:,} bytes unpacked, more than {MAX_BYTES:,}")
        return io.BytesIO(self.archive.read(self.info))


@dataclass(frozen=True, slots=True)
class TarMember:
    """One file of a tar archive: so many bytes of it."""

    path: Path
    """Of the archive."""
    member: str
    """Its name in the archive."""
    start: int
    size: int
    changed: int
    """When the archive was last changed, in nanoseconds."""

    @property
    def name(self) -> str:
        """Archive and member."""
        return f"{self.path}/{self.member}"

    @property
    def stamp(self) -> tuple[str, int, int]:
        """See :class:`~degan_cli.datasets.listing.ImageFile`."""
        return f"{self.path.absolute()}/{self.member}", self.size, self.changed

    def open(self) -> BinaryIO:
        """These bytes, in memory."""
        if self.size > MAX_BYTES:
            raise ValueError(f"{self.size:,} bytes, more than {MAX_BYTES:,}")
        with self.path.open("rb") as file:
            file.seek(self.start)
            return io.BytesIO(file.read(self.size))


Placed = tuple[ZipMember | TarMember, tuple[str, ...]]
"""A member, and the parts of its path from some folder on."""


def list_zip(path: Path, split: str) -> FileSet:
    """All images of a zip archive, with classes and splits as :func:`list_tars` finds them.

    :raises BadFile: when it is damaged or holds no images.
    """
    try:
        archive = zipfile.ZipFile(path)
        changed = path.stat().st_mtime_ns
    except Exception as error:  # whatever the library trips over, the file is at fault
        raise BadFile(f"{path}: no zip that can be read ({error}); fetch it again") from error
    return _arranged(str(path), [ZipMember(archive, info, changed) for info in archive.infolist()], split)


def list_tars(name: str, paths: Sequence[Path], split: str) -> FileSet:
    """All images of one or more tar archives that are not compressed.

    In WebDatasets an image ``0001.jpg`` is of the class that ``0001.cls`` beside it holds, a number or a name. Without
    such files folders are classes or splits, as they are outside of archives; a folder around all others is neither.
    Only plain files count: neither links nor devices.

    :param name: what messages call all of them.
    :raises BadFile: when one is missing, damaged or compressed, or they hold no images.
    """
    members: list[TarMember] = []
    for path in paths:
        try:
            changed = path.stat().st_mtime_ns
            with tarfile.open(path, "r:") as archive:
                members += [
                    TarMember(path, info.name, info.offset_data, info.size, changed)
                    for info in archive
                    if info.isreg() and not info.issparse()
                ]
        except FileNotFoundError as error:
            raise BadFile(f"{path}: no such file; check the path") from error
        except Exception as error:  # whatever the library trips over, the file is at fault
            advice = "fetch it again, or unpack it with gunzip if it is compressed"
            raise BadFile(f"{path}: no tar that can be read ({error}); {advice}") from error
    return _arranged(name, members, split)


def shard_paths(text: str) -> list[Path]:
    """The files that ``shard-{0000..0003}.tar`` names; the file itself where there is no such range.

    :raises BadFile: for a range that runs backwards.
    """
    found = SHARDS.search(text)
    if found is None:
        return [Path(text)]
    first, last = int(found[1]), int(found[2])
    if first > last:
        raise BadFile(f"{text}: {found[0]} runs backwards; write {{{found[2]}..{found[1]}}}")
    numbers = (str(number).zfill(len(found[1])) for number in range(first, last + 1))
    return [path for number in numbers for path in shard_paths(text[: found.start()] + number + text[found.end() :])]


def _arranged(name: str, members: Sequence[ZipMember] | Sequence[TarMember], split: str) -> FileSet:
    """The images among the members, in their order, with labels if there are any."""
    images = [(member, parts) for member in members if _is_image(parts := _parts(member.member))]
    if not images:
        raise no_image(name)
    classes = _class_files(members)
    found = _of_split(name, images, split)
    labels = [classes.get(_sample(member), "") for member, _ in found]
    numbers = "" not in labels
    if not numbers:
        labels = [parts[0] if len(parts) > 1 else "" for _, parts in found]
    indices, class_names = labelled(labels, numbers)
    return FileSet(name=name, files=[member for member, _ in found], labels=indices, class_names=class_names)


def _parts(name: str) -> tuple[str, ...]:
    """Folders and file of a member, without those that lead out of the archive."""
    return tuple(part for part in PurePosixPath(name).parts if part not in ("/", ".."))


def _is_image(parts: tuple[str, ...]) -> bool:
    """Neither hidden nor what macOS adds to each file."""
    hidden = any(part.startswith(".") for part in parts) or "__MACOSX" in parts
    return bool(parts) and not hidden and PurePosixPath(parts[-1]).suffix.lower() in SUFFIXES


def _class_files(members: Sequence[ZipMember] | Sequence[TarMember]) -> dict[tuple[Path, str], str]:
    """What the ``.cls`` files say, by archive and sample."""
    files = [member for member in members if member.member.endswith(CLASS_FILE)]
    return {_sample(file): _class_name(file) for file in files}


def _class_name(file: ZipMember | TarMember) -> str:
    try:
        return file.open().read(MAX_CLASS_NAME).decode(errors="replace").strip()
    except Exception as error:  # whatever the library trips over, the file is at fault
        raise BadFile(f"{file.name}: cannot be read ({error}); fetch {file.path} again") from error


def _sample(member: ZipMember | TarMember) -> tuple[Path, str]:
    """Archive and name up to the first dot, which all files of one sample share."""
    path = PurePosixPath(member.member)
    return member.path, str(path.parent / path.name.partition(".")[0])


def _of_split(name: str, images: list[Placed], split: str) -> list[Placed]:
    """The images of one split, their paths counted from its folder."""
    tops = {parts[0] for _, parts in images if len(parts) > 1}
    loose = any(len(parts) == 1 for _, parts in images)
    chosen = choose_split(tops, loose, split, name, "there are no images of this split")
    if chosen is not None:
        return [(member, parts[1:]) for member, parts in images if len(parts) > 1 and parts[0] == chosen]
    if len(tops) == 1 and not loose:
        return _of_split(name, [(member, parts[1:]) for member, parts in images], split)
    return images
