"""Single image files, of any size and mode and from anywhere, as uint8 tensors."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from PIL import ExifTags, Image
from torch import Tensor

from ..errors import BadFile
from ..images import fit_uint8

_SUFFIXES = ".avif .bmp .gif .jfif .jp2 .jpeg .jpg .pbm .pgm .png .pnm .ppm .tga .tif .tiff .webp"
SUFFIXES = frozenset(_SUFFIXES.split())
"""Lower case; files that end otherwise are no images."""
FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TGA", "TIFF", "WEBP")
"""Pillow's readers that may see a file; some others start programs."""
MAX_PIXELS = 2**27
"""More than any camera gives; a small file that claims more is made to fill the memory."""
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
GREY_MODES = frozenset(("1", "L", "LA", "La"))


def read_image(path: Path) -> Tensor:
    """One image, upright: uint8 (1, H, W) if it is grey, else (3, H, W).

    Alpha is dropped, of several frames the first is taken, 16 bits become 8.

    :raises BadFile: when it is damaged, of an unknown format, or too large.
    """
    try:
        with _opened(path) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise BadFile(f"{path}: {width}x{height} pixels, more than {MAX_PIXELS:,}; scale it down or remove it")
            image.load()
            levels = _levels(_upright(image))
    except BadFile:
        raise
    except MemoryError:
        raise BadFile(f"{path}: does not fit into memory; scale it down or remove it") from None
    except Exception as error:  # whatever Pillow finds wrong, the file is at fault
        reason = " ".join(str(error).split()) or type(error).__name__
        raise BadFile(f"{path}: no image that can be read ({reason}); repair or remove it") from error
    return torch.from_numpy(levels if levels.ndim == 3 else levels[None])


def read_fitted(path: Path, shape: tuple[int, int, int]) -> Tensor:
    """One image fitted to (C, H, W) as :func:`degan_cli.images.pixels.fit` does it; raises BadFile as above."""
    return fit_uint8(read_image(path).unsqueeze(0), *shape)[0]


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


def _opened(path: Path) -> Image.Image:
    Image.init()
    return Image.open(path, formats=[name for name in FORMATS if name in Image.OPEN])


def _upright(image: Image.Image) -> Image.Image:
    # Not ImageOps.exif_transpose: it writes the EXIF block anew and fails where a tag that we do not need is broken.
    turn = TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    return image if turn is None else image.transpose(turn)


def _levels(image: Image.Image) -> npt.NDArray[np.uint8]:
    """uint8 (H, W) or (3, H, W)."""
    if image.mode.startswith("I"):  # Pillow's own conversion clips at 255
        wide = np.asarray(image).astype(np.float64).clip(0, 65535)
        return np.rint(wide / 257).astype(np.uint8)
    if image.mode == "F":
        raise ValueError("its pixels are floats of unknown range")
    if image.mode in GREY_MODES:
        return np.array(image.convert("L"))
    return np.ascontiguousarray(np.asarray(image.convert("RGB")).transpose(2, 0, 1))
