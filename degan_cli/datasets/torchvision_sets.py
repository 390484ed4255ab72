"""The standard sets: from packs, else from the files that torchvision knows, and only then from the network."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ..errors import BadFile, turned_into
from ..specs import DatasetRequest, ImageSet
from .class_names import CIFAR10, CIFAR100, FASHION_MNIST, NUMERALS
from .packs import cache_pack, pack_path, read_pack


@dataclass(frozen=True, slots=True)
class Layout:
    """How torchvision keeps a set on disk."""

    reader: str
    """Its class in ``torchvision.datasets``."""
    class_names: tuple[str, ...]
    files: Mapping[str, tuple[str, ...]]
    """Split -> all files, under the data folder, that the reader needs for it."""


def _mnist(folder: str) -> dict[str, tuple[str, ...]]:
    stems = {"train": "train", "test": "t10k"}
    own = {
        split: (f"{folder}/raw/{stem}-images-idx3-ubyte", f"{folder}/raw/{stem}-labels-idx1-ubyte")
        for split, stem in stems.items()
    }
    # The reader refuses either split unless the files of both are there.
    return {"train": (*own["train"], *own["test"]), "test": (*own["test"], *own["train"])}


def _cifar(folder: str, *names: str) -> dict[str, tuple[str, ...]]:
    files = tuple(f"{folder}/{name}" for name in names)
    return {"train": files, "test": files}


LAYOUTS = {
    "mnist": Layout("MNIST", NUMERALS, _mnist("MNIST")),
    "fashion-mnist": Layout("FashionMNIST", FASHION_MNIST, _mnist("FashionMNIST")),
    "cifar10": Layout(
        "CIFAR10",
        CIFAR10,
        _cifar("cifar-10-batches-py", *(f"data_batch_{n}" for n in range(1, 6)), "test_batch", "batches.meta"),
    ),
    "cifar100": Layout("CIFAR100", CIFAR100, _cifar("cifar-100-python", "train", "test", "meta")),
    "svhn": Layout("SVHN", NUMERALS, {split: (f"{split}_32x32.mat",) for split in ("train", "test")}),
}


def load_standard(name: str, request: DatasetRequest) -> ImageSet:
    """One split of a standard set, as many images as its file holds; a first read is kept as a pack.

    :raises BadFile: when the files are missing or damaged, or a download fails.
    """
    layout = LAYOUTS[name]
    pack = read_pack(name, request)
    if pack is not None:
        return pack
    missing = [file for file in layout.files[request.split] if not (request.data_dir / file).is_file()]
    if missing and not request.download:
        raise BadFile(
            f"{name}: neither {pack_path(name, request)} nor {missing[0]} is in {request.data_dir}; "
            "put one there, name another folder with --data-dir, or add --download"
        )
    images, labels = _read(name, layout, request)
    fault = _fault(images, labels, len(layout.class_names))
    if fault:
        raise BadFile(f"{name}: {request.data_dir / layout.files[request.split][0]}: {fault}; fetch it again")
    found = ImageSet(images=images, labels=labels, class_names=layout.class_names)
    cache_pack(name, request, found, f"torchvision.datasets.{layout.reader}")
    return found


def _read(name: str, layout: Layout, request: DatasetRequest) -> tuple[Tensor, Tensor]:
    """Images uint8 (N, C, H, W) and labels int64 (N,), as the reader gives them."""
    import torchvision.datasets

    reader = getattr(torchvision.datasets, layout.reader)
    which = {"split": request.split} if layout.reader == "SVHN" else {"train": request.split == "train"}

    def unread(error: Exception) -> BadFile:
        """Whatever the reader finds wrong, the files or the network are at fault."""
        reason = " ".join(str(error).split()) or type(error).__name__
        what = "could be fetched or read" if request.download else "can be read"
        return BadFile(
            f"{name}: not all of its files in {request.data_dir} {what} ({reason}); "
            f"fetch {layout.files[request.split][0]} again, or put {pack_path(name, request).name} there"
        )

    with turned_into(unread), contextlib.redirect_stdout(sys.stderr):  # stdout is for the result alone
        data = reader(root=request.data_dir, download=request.download, **which)
    return _channels_first(data.data), torch.as_tensor(_labels(data), dtype=torch.int64)


def _labels(data: Any) -> Any:
    return data.labels if hasattr(data, "labels") else data.targets


def _channels_first(content: Any) -> Tensor:
    """(N, H, W), (N, H, W, 3) or (N, 3, H, W) to (N, C, H, W)."""
    images = torch.as_tensor(content)
    if images.ndim == 3:
        images = images.unsqueeze(1)
    elif images.shape[1] not in (1, 3):
        images = images.permute(0, 3, 1, 2)
    return images.contiguous()


def _fault(images: Tensor, labels: Tensor, classes: int) -> str:
    if len(images) != len(labels):
        return f"{len(images)} images, but {len(labels)} labels"
    if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < classes:
        return f"labels from {int(labels.min())} to {int(labels.max())}, but {classes} classes"
    return ""
