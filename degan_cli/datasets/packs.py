"""Packs: whole data sets as single files, ``<set>-<split>.safetensors``, in the folder of ``--data-dir``."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from .. import __version__, artifact
from ..errors import BadFile, DeganError
from ..specs import DatasetRequest, ImageSet


def pack_path(name: str, request: DatasetRequest) -> Path:
    """Where the pack of a set would be."""
    return request.data_dir / f"{name}-{request.split}.safetensors"


def read_pack(name: str, request: DatasetRequest) -> ImageSet | None:
    """The images of a pack, or None when there is no such file.

    :raises BadFile: when it is damaged, is no data set, or says itself that it holds another one.
    """
    path = pack_path(name, request)
    if not os.path.lexists(path):
        return None
    images, _, header, _ = artifact.load_images(path)
    wanted, found = (name, request.split), (header.name or name, header.split or request.split)
    if header.kind != "dataset" or found != wanted:
        content = f"{found[0]} {found[1]}" if header.kind == "dataset" else header.kind
        raise BadFile(f"{path}: holds {content}, not {name} {request.split}; rename it to what it is")
    return images


def cache_pack(name: str, request: DatasetRequest, images: ImageSet, source: str) -> None:
    """Write a pack for the next time, if the folder lets us; nothing else depends on it.

    :param source: which reader the images come from.
    """
    with contextlib.suppress(DeganError, OSError):
        artifact.save_dataset(
            pack_path(name, request),
            images,
            name,
            request.split,
            provider=f"degan-cli {__version__}",
            run={"source": source},
        )
