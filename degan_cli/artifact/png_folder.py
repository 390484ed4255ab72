"""Writes images as a folder of PNG files, whole or not at all, and never at the cost of somebody else's files."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError, writing
from .atomic import folder_beside, replace_folder

if TYPE_CHECKING:
    from torch import Tensor

MARK = ("Software", "degan")
"""PNG text by which a later ``--force`` tells our files from others."""
_RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}


def folder_names(class_names: Sequence[str]) -> list[str]:
    """A folder name for each class, safe on every system and different also where case does not count."""
    names: list[str] = []
    taken: set[str] = set()
    for index, name in enumerate(class_names):
        # 100 bytes at most, and no half of a character, which file systems refuse.
        text = name.encode(errors="replace")[:100].decode(errors="ignore")
        safe = re.sub(r'[\x00-\x1f\x7f/\\:*?"<>|]+', "_", text).strip(" .") or "_"
        if safe.split(".")[0].lower() in _RESERVED:
            safe = f"_{safe}"
        while safe.lower() in taken:
            safe = f"{safe}-{index}"
        taken.add(safe.lower())
        names.append(safe)
    return names


def check_folder(folder: Path, *, force: bool) -> None:
    """Check, before any work is done, that ``folder`` may be written.

    :raises UsageError: when it is a file; when it holds anything and ``force`` is not set; when it holds anything
        but images that this tool wrote.
    """
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"-o {folder}: this is a file; name a folder, or a file that ends in .safetensors")
    if not folder.exists() or not any(folder.iterdir()):
        return
    if not force:
        raise UsageError(f"{folder} is not empty; name another folder with -o, or replace its images with --force")
    foreign = next((path for path in sorted(folder.rglob("*")) if not _ours(path)), None)
    if foreign is not None:
        raise UsageError(f"{foreign} was not written by degan, so --force leaves {folder} alone; name another with -o")


def write_folder(folder: Path, images: Tensor, classes: Sequence[str] | None = None) -> None:
    """Write images uint8 (N, C, H, W) as ``00000.png``, ..., each in the sub-folder that ``classes`` names for it.

    The folder is written aside and renamed, so it appears complete; one that :func:`check_folder` let pass is
    replaced. Equal images give equal bytes.

    :raises Unwritable: when it cannot be written.
    """
    with writing(folder):
        _write_aside(Path(os.path.abspath(folder)), images, classes)


def _write_aside(folder: Path, images: Tensor, classes: Sequence[str] | None) -> None:
    with folder_beside(folder) as aside:
        new = aside / "new"
        new.mkdir()  # its mode follows the umask, unlike that around it
        digits = max(5, len(str(len(images) - 1)))
        for index, image in enumerate(images):
            place = new / classes[index] if classes is not None else new
            place.mkdir(exist_ok=True)
            _write_png(place / f"{index:0{digits}}.png", image)
        if folder.exists():
            check_folder(folder, force=True)  # something may have come in while the images were made
        replace_folder(folder, new, aside)


def _write_png(path: Path, image: Tensor) -> None:
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    about = PngInfo()
    about.add_text(*MARK)
    array = image.permute(1, 2, 0).contiguous().numpy()
    Image.fromarray(array[..., 0] if array.shape[2] == 1 else array).save(path, format="PNG", pnginfo=about)


def _ours(path: Path) -> bool:
    if path.is_symlink():
        return False
    if path.is_dir():
        return True
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            return image.format == "PNG" and image.info.get(MARK[0]) == MARK[1]
    except (OSError, UnidentifiedImageError, SyntaxError):
        return False
