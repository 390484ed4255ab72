"""Single image files, of any size and mode and from anywhere, as uint8 tensors."""

from __future__ import annotations

import contextlib
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import ExifTags, Image
from torch import Tensor

from ..errors import BadFile
from ..images import fit_uint8, frame
from .listing import ImageFile, PathFile

_SUFFIXES = ".avif .bmp .gif .jfif .jp2 .jpeg .jpg .pbm .pgm .png .pnm .ppm .tga .tif .tiff .webp"
SUFFIXES = frozenset(_SUFFIXES.split())
"""Lower case; files that end otherwise are no images."""
FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TGA", "TIFF", "WEBP")
"""Pillow's readers that may see a file; some others start programs."""
MAX_PIXELS = 2**25
"""That are decoded at a time: a PNG of so many took 484 MiB with all that is made of it on the way. A photograph may
have more, for most are scaled down while they are decoded; another small file that claims more is made to fill the
memory.
"""
MOST_PIXELS = {"WEBP": 7 * 2**22, "JPEG2000": 5 * 2**22}
"""Of formats whose decoders hold a picture several times: of 2**25 pixels a WebP took 546 MiB, a JPEG 2000 784 MiB."""
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation -> what makes the image upright."""
SIDEWAYS = frozenset(TURNS[orientation] for orientation in (5, 6, 7, 8))
"""Those that exchange height and width."""
LARGE = 2**19
"""Pixels of a picture that is worth scaling down while it is decoded."""
REDUCIBLE = frozenset(("L", "RGB", "RGBA", "LA", "CMYK"))
"""Modes that can be averaged: neither palettes nor single bits, nor more than 8 bits."""
GREY_MODES = frozenset(("1", "L", "LA", "La"))


class Broken(Exception):
    """An image file that cannot be used; the text says why."""


def read_image(path: Path) -> Tensor:
    """One image, upright: uint8 (1, H, W) if it is grey, else (3, H, W); raises BadFile where it is broken."""
    try:
        return decode(PathFile(path))
    except Broken as error:
        raise BadFile(f"{path}: {error}; repair or remove it") from error


class Room:
    """Room for ``MAX_PIXELS`` that are being decoded, shared by several threads."""

    def __init__(self) -> None:
        self._left = MAX_PIXELS
        self._changed = threading.Condition()

    @contextlib.contextmanager
    def taken(self, pixels: int) -> Iterator[None]:
        """Wait until there is room for so many more, at most ``MAX_PIXELS``, and keep it."""
        with self._changed:
            self._changed.wait_for(lambda: self._left >= pixels)
            self._left -= pixels
        try:
            yield
        finally:
            with self._changed:
                self._left += pixels
                self._changed.notify_all()


def decode(file: ImageFile, enough: tuple[int, int] | None = None) -> Tensor:
    """One image, upright: uint8 (1, H, W) if it is grey, else (3, H, W).

    Alpha is dropped, of several frames the first is taken, 16 bits become 8.

    :param enough: (height, width) to which it will be scaled: a large picture may come smaller then, but never
        smaller than twice that, which takes a fraction of the time and of the memory.
    :raises Broken: when it is damaged, of an unknown format, or too large.
    """
    with _opened(file, enough) as (image, factor):
        return _decoded(image, factor)


def shape_of(file: ImageFile) -> tuple[int, int, int]:
    """(C, H, W) of what :func:`decode` gives, from the file's head alone; raises Broken as it does."""
    with _image(file) as image:
        width, height = image.size
        if not _is_draftable(image):
            _check_size(image)
        if _turn(image) in SIDEWAYS:
            width, height = height, width
        grey = image.mode in GREY_MODES or image.mode.startswith(("I", "F"))
        return 1 if grey else 3, height, width


def read_fitted(file: ImageFile, shape: tuple[int, int, int], fit: str, room: Room | None = None) -> Tensor:
    """One image uint8 (C, H, W), cropped, squashed or padded to ``shape``; raises Broken.

    :param room: what those share that decode side by side.
    """
    channels, height, width = shape
    with _opened(file, (height, width)) as (image, factor), (room or Room()).taken(_share(image)):
        picture = _decoded(image, factor).unsqueeze(0)
        return fit_uint8(frame(picture, height, width, fit), *shape)[0]


def room_for(count: int, shape: tuple[int, int, int], what: str) -> Tensor:
    """Images uint8 (count, C, H, W), not yet filled; raises BadFile naming ``what`` if there is no memory for them."""
    channels, height, width = shape
    try:
        return torch.empty((count, *shape), dtype=torch.uint8)
    except (RuntimeError, MemoryError) as error:
        size = count * channels * height * width / 2**30
        raise BadFile(
            f"{what}: {count} images of {width}x{height} would take {size:.0f} GiB of memory; scale them down"
        ) from error


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without Pillow's warnings, which name no file; process-wide, so enter it before any threads start."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="PIL")
        yield


@contextlib.contextmanager
def _image(file: ImageFile) -> Iterator[Image.Image]:
    """The opened image; whatever goes wrong inside, the file is at fault, and Broken says why."""
    Image.init()
    try:
        formats = [name for name in FORMATS if name in Image.OPEN]
        with file.open() as opened, Image.open(opened, formats=formats) as image:
            yield image
    except Broken:
        raise
    except MemoryError:
        raise Broken("does not fit into memory") from None
    except Exception as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise Broken(f"no image that can be read ({reason})") from error


@contextlib.contextmanager
def _opened(file: ImageFile, enough: tuple[int, int] | None) -> Iterator[tuple[Image.Image, int]]:
    """The image, not yet decoded, of no more than ``MAX_PIXELS``, and by how much it may be scaled down then.

    A JPEG will be scaled down while it is decoded, to an eighth at least.
    """
    with _image(file) as image:
        factor, before = _factor(image, enough), min(image.size)
        if _is_draftable(image):
            image.draft(image.mode, (image.width // factor, image.height // factor))
        _check_size(image)
        yield image, factor * min(image.size) // max(1, before)


def _is_draftable(image: Image.Image) -> bool:
    """Whether the decoder can scale down, and then takes less memory; progressive ones hold the whole picture first."""
    return image.format == "JPEG" and not image.info.get("progressive")


def _most_pixels(image: Image.Image) -> int:
    return MOST_PIXELS.get(image.format or "", MAX_PIXELS)


def _check_size(image: Image.Image) -> None:
    """Raise Broken for a picture that takes too much memory."""
    if image.width * image.height > _most_pixels(image):
        raise Broken(f"{image.width}x{image.height} pixels, more than {_most_pixels(image):,}; scale it down")


def _share(image: Image.Image) -> int:
    """The part of ``MAX_PIXELS`` that its decoding takes from those beside it."""
    return image.width * image.height * MAX_PIXELS // _most_pixels(image)


def _decoded(image: Image.Image, factor: int) -> Tensor:
    """uint8 (1 or 3, H, W)."""
    smaller = image.reduce(factor) if factor > 1 and image.mode in REDUCIBLE else image
    smaller.load()
    turn = _turn(image)  # only now: a TIFF is turned by its loading
    levels = _levels(smaller if turn is None else smaller.transpose(turn))
    return torch.from_numpy(levels if levels.ndim == 3 else levels[None])


def _factor(image: Image.Image, enough: tuple[int, int] | None) -> int:
    """By how much a large picture may be scaled down, a power of 2: at least twice what is enough remains."""
    factor = 1
    if enough is not None and image.width * image.height >= LARGE:
        least = 2 * max(enough)  # whichever way it will be turned
        while min(image.size) >= 2 * factor * least:
            factor *= 2
    return factor


def _turn(image: Image.Image) -> Image.Transpose | None:
    # Not ImageOps.exif_transpose: it writes the EXIF block anew and fails where a tag that we do not need is broken.
    return TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))


def _levels(image: Image.Image) -> npt.NDArray[np.uint8]:
    """uint8 (H, W) or (3, H, W)."""
    if image.mode.startswith("I"):  # Pillow's own conversion clips at 255
        wide = np.asarray(image)
        levels = np.empty(wide.shape, np.uint8)
        for row, values in zip(levels, wide, strict=True):  # one by one: all as floats take eight times as much
            row[:] = np.rint(values.astype(np.float64).clip(0, 65535) / 257)
        return levels
    if image.mode == "F":
        raise ValueError("its pixels are floats of unknown range")
    if image.mode in GREY_MODES:
        return np.array(image.convert("L"))
    colour = image if image.mode in ("RGB", "RGBA") else image.convert("RGB")
    levels = np.empty((3, colour.height, colour.width), np.uint8)
    for channel, plane in enumerate(levels):  # one by one: all as pixels take twice as much memory, and more time
        plane[:] = np.asarray(colour.getchannel(channel))
    return levels
