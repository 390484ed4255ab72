"""The contract of a set of images."""

from __future__ import annotations

from pathlib import Path

import torch

from ..errors import BadFile
from ..specs import DatasetRequest, DatasetSpec, ImageSet
from .common import Broken, naming_the_spec, require


@naming_the_spec
def check_dataset(spec: DatasetSpec, data_dir: Path) -> None:
    """Load both splits without downloading, and look at every image and label.

    :param data_dir: a folder that has what the set needs; it may be empty for a set that needs none.
    :raises AssertionError: naming the spec and what is wrong.
    """
    sets = {split: _load(spec, split, data_dir) for split in ("train", "test")}
    train, test = sets["train"], sets["test"]
    require(train.class_names == test.class_names, f"{spec.name}: train and test have different classes")
    require(train.images.shape[1:] == test.images.shape[1:], f"{spec.name}: train and test have different shapes")
    again = _load(spec, "test", data_dir)
    require(torch.equal(test.images, again.images), f"{spec.name}: loading twice gives different images")
    try:
        _load(spec, "train", data_dir / "no-such-folder")
    except BadFile as error:
        require(len(str(error)) > 0, f"{spec.name}: for a missing folder BadFile must say what is missing")
    except (OSError, RuntimeError, LookupError) as error:
        name = type(error).__name__
        raise Broken(f"{spec.name}: for a missing folder raises {name}, not BadFile with what to do") from error


def _load(spec: DatasetSpec, split: str, data_dir: Path) -> ImageSet:
    what = f"{spec.name} ({split})"
    result = spec.load(DatasetRequest(split=split, data_dir=data_dir, download=False))
    require(isinstance(result, ImageSet), f"{what}: load returned {type(result).__name__}, not ImageSet")
    images, labels, names = result.images, result.labels, result.class_names
    require(images.dtype == torch.uint8, f"{what}: images are {images.dtype}, not torch.uint8")
    require(images.ndim == 4, f"{what}: images have shape {tuple(images.shape)}, not (N, C, H, W)")
    require(images.shape[1] in (1, 3), f"{what}: images have {images.shape[1]} channels, not 1 or 3")
    require(images.numel() > 0, f"{what}: there are no images")
    require(int(images.min()) < int(images.max()), f"{what}: all pixels are {int(images.max())}")
    if labels is None:
        require(names == (), f"{what}: there are class names but no labels")
        return result
    require(labels.dtype == torch.int64, f"{what}: labels are {labels.dtype}, not torch.int64")
    require(labels.shape == images.shape[:1], f"{what}: {len(images)} images but labels {tuple(labels.shape)}")
    require(
        isinstance(names, tuple) and len(set(names)) == len(names) > 0, f"{what}: class names repeat or are missing"
    )
    require(all(isinstance(name, str) and name for name in names), f"{what}: a class has no name")
    require(
        bool(((labels >= 0) & (labels < len(names))).all()),
        f"{what}: labels {int(labels.min())} to {int(labels.max())} for {len(names)} class names",
    )
    return result
