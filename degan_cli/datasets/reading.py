"""From a list of image files to images: in memory where they are few, else mapped from a cache on disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from ..console import warn
from ..errors import BadFile
from ..specs import ImageSet
from .decoding import Shape, decode_blocks, find_shapes
from .image_cache import read_through_cache
from .image_files import Broken, quiet, room_for
from .listing import FileSet

SMALL_BYTES = 2**28
"""Of files, and of pixels, up to which a set is decoded anew each time: that takes seconds."""
NAMED = 3
"""Broken files that a message names."""


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How image files are read."""

    fit: str | None = None
    """``crop``, ``squash`` or ``pad`` to a shape of another aspect ratio; None crops files and squashes stored sets."""
    skip_broken: float = 0.0
    """Share of a set's files that may be broken and are left out, in [0, 1]."""
    cache_dir: Path = Path("~/.cache/degan")
    quiet: bool = False
    warn: Callable[[str], None] = warn
    """Takes what is odd about a set that can be used all the same."""
    small_bytes: int = SMALL_BYTES
    skipped: dict[str, int] = field(default_factory=dict)
    """Filled in: name of a set -> how many broken files were left out of it."""


def read_files(files: FileSet, shape: Shape | None, reading: Reading) -> ImageSet:
    """All images of the files.

    :param shape: (C, H, W) to fit each image to; None keeps size and colour, if all images are of one size; grey stays
        grey if all are.
    :raises BadFile: when more files are broken than may be, all of which are counted, or when sizes differ and
        ``shape`` is None.
    :raises UsageError: when the cache has no room.
    """
    with quiet():
        wanted = shape or _common_shape(files)
        fit = reading.fit or "crop"
        if _is_small(files, wanted, reading.small_bytes):
            images, broken = _read_into_memory(files, wanted, fit)
        else:
            images, broken = read_through_cache(files, wanted, fit, reading.cache_dir.expanduser(), reading.quiet)
    _judge(files, broken, reading)
    kept = [number for number in range(len(files.files)) if number not in broken]
    names = tuple(files.files[number].name.removeprefix(f"{files.name}/") for number in kept)
    if files.labels is None:
        return ImageSet(images=images, labels=None, class_names=(), files=names)
    labels = torch.tensor([files.labels[number] for number in kept], dtype=torch.int64)
    return ImageSet(images=images, labels=labels, class_names=files.class_names, files=names)


def _is_small(files: FileSet, shape: Shape, limit: int) -> bool:
    channels, height, width = shape
    if len(files.files) * channels * height * width > limit:
        return False
    return sum(file.stamp[1] for file in files.files) <= limit


def _read_into_memory(files: FileSet, shape: Shape, fit: str) -> tuple[Tensor, Mapping[int, str]]:
    images = room_for(len(files.files), shape, files.name)
    broken: dict[int, str] = {}
    seen = 0
    for block in decode_blocks(files.files, shape, fit):
        for number, image in enumerate(block, seen):
            if isinstance(image, Broken):
                broken[number] = str(image)
            else:
                images[number - len(broken)] = image
        seen += len(block)
    return images[: seen - len(broken)], broken


def _common_shape(files: FileSet) -> Shape:
    """The size of all images; broken ones are told of later."""
    found = [(file, shape) for file, shape in zip(files.files, find_shapes(files.files), strict=True) if shape]
    if not found:
        return 1, 1, 1  # as good as any other: none can be read
    first, (_, height, width) = found[0]
    for file, (_, other_height, other_width) in found:
        if (other_height, other_width) != (height, width):
            raise BadFile(
                f"{files.name}: images differ in size ({Path(first.name).name} is {width}x{height}, "
                f"{Path(file.name).name} is {other_width}x{other_height}); say which size they shall have, such as "
                "--image-size 32"
            )
    return max(channels for _, (channels, _, _) in found), height, width


def _judge(files: FileSet, broken: Mapping[int, str], reading: Reading) -> None:
    """Refuse broken files, or say that they are left out."""
    if not broken:
        return
    if len(broken) > reading.skip_broken * len(files.files) or len(broken) == len(files.files):
        raise _refusal(files, broken, reading.skip_broken)
    reading.skipped[files.name] = len(broken)
    reading.warn(f"{_described(files, broken)}; they are left out")


def _refusal(files: FileSet, broken: Mapping[int, str], allowed: float) -> BadFile:
    share = len(broken) / len(files.files)
    more = f"; --skip-broken {allowed:g} allows fewer" if allowed else ""
    leave_out = f", or leave them out with --skip-broken {_rounded_up(share)}" if share < 1 else ""
    return BadFile(f"{_described(files, broken)}{more}; repair or remove them{leave_out}")


def _described(files: FileSet, broken: Mapping[int, str]) -> str:
    """How many are broken; the first ones with what is wrong with them, and how many more there are."""
    numbers = sorted(broken)
    named = [f"{files.files[number].name}: {broken[number]}" for number in numbers[:NAMED]]
    named += [f"and {len(numbers) - NAMED:,} more"] if len(numbers) > NAMED else []
    return f"{files.name}: {len(broken):,} of {len(files.files):,} images broken: {'; '.join(named)}"


def _rounded_up(share: float) -> str:
    """A share that is easily typed, and large enough."""
    return next((f"{step:g}" for step in (0.001, 0.01, 0.05, 0.1, 0.2, 0.5) if share <= step), "1")
