"""Many image files decoded side by side, in their order, block by block; broken ones are told apart, not raised."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from torch import Tensor

from .image_files import Broken, Room, read_fitted, shape_of
from .listing import ImageFile

THREADS = 8
"""At most, and no more than there are processors; Pillow and zlib let others run meanwhile."""
BLOCK_BYTES = 2**26
"""Of decoded images that are held at once."""
Shape = tuple[int, int, int]


def block_length(shape: Shape) -> int:
    """How many images a block has."""
    channels, height, width = shape
    return max(1, BLOCK_BYTES // (channels * height * width))


def decode_blocks(files: Sequence[ImageFile], shape: Shape, fit: str) -> Iterator[list[Tensor | Broken]]:
    """For each file its image uint8 ``shape``, or what is wrong with it, in blocks of bounded size."""
    length = block_length(shape)
    room = Room()

    def read(file: ImageFile) -> Tensor | Broken:
        try:
            return read_fitted(file, shape, fit, room)
        except Broken as error:
            return error

    with _threads() as pool:
        for start in range(0, len(files), length):
            yield list(pool.map(read, files[start : start + length]))


def find_shapes(files: Sequence[ImageFile]) -> list[Shape | None]:
    """(C, H, W) of each image, from its head; None for a broken one."""

    def look(file: ImageFile) -> Shape | None:
        try:
            return shape_of(file)
        except Broken:
            return None

    with _threads() as pool:
        return list(pool.map(look, files))


def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(min(THREADS, os.cpu_count() or 1))
