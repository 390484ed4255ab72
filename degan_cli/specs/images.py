"""What images a plugin offers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSet:
    """Images in memory."""

    images: Tensor
    """uint8 (N, C, H, W), C = 1 or 3."""
    labels: Tensor | None
    """int64 (N,), indices into ``class_names``; None when the images have no labels."""
    class_names: tuple[str, ...]
    """Empty when there are no labels."""
    files: tuple[str, ...] = ()
    """Path of each image (N,), where the images are files; else empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetRequest:
    """What ``DatasetSpec.load`` is asked for."""

    split: str
    """``train`` or ``test``."""
    data_dir: Path
    """The folder of ``--data-dir``; it may be missing."""
    download: bool = False
    """Only then may anything be fetched over the network."""
    shape: tuple[int, int, int] | None = None
    """(C, H, W) to which the images will be fitted; a set that makes its images may make them so, others ignore it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetSpec:
    """A set of images that a user can name with ``--dataset``, ``--proxy`` or ``--samples``."""

    name: str
    load: Callable[[DatasetRequest], ImageSet]
    """Raises ``degan_cli.errors.BadFile`` saying which file is missing and what to type."""
    description: str = ""
    source: str = ""
