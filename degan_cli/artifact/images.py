"""Images as files: packs of a data set, and samples that were drawn once and stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..errors import BadFile
from ..specs import ImageSet, InputSpec
from .file import Artifact, expect, made_here, read_artifact, write_artifact
from .header import Header

Plain = Mapping[str, Any]


def save_samples(
    path: str | Path,
    images: Tensor,
    soft_labels: Tensor | None,
    labels: Tensor | None,
    class_names: Sequence[str],
    *,
    input: InputSpec | None = None,
    provider: str = "",
    run: Plain | None = None,
    metrics: Plain | None = None,
    parents: Sequence[Plain] = (),
    versions: Mapping[str, str] | None = None,
) -> str:
    """Write images uint8 (N, C, H, W) with a classifier's probabilities (N, classes) and labels int64 (N,).

    :param versions: of the plugins that took part, by their distribution.
    """
    given = {"images": images, "soft_labels": soft_labels, "labels": labels}
    header = made_here(
        kind="samples",
        class_names=tuple(class_names),
        input=input,
        provider=provider,
        run=run or {},
        metrics=metrics or {},
        parents=parents,
        versions=versions,
    )
    return _write_images(path, given, header)


def save_dataset(
    path: str | Path,
    images: ImageSet,
    name: str,
    split: str,
    *,
    provider: str = "",
    run: Plain | None = None,
    parents: Sequence[Plain] = (),
) -> str:
    """Write a set of images as a pack, such as ``digits`` ``train``; the SHA-256 of the file."""
    header = made_here(
        kind="dataset",
        name=name,
        split=split,
        class_names=images.class_names,
        provider=provider,
        run=run or {},
        parents=parents,
    )
    return _write_images(path, {"images": images.images, "labels": images.labels}, header)


def load_images(source: str | Path | Artifact) -> tuple[ImageSet, Tensor | None, Header, str]:
    """Images of a dataset or samples artifact, its soft labels (N, classes) if it has any, header and SHA-256.

    Labels may be missing; the set's class names are then empty, while the header's name the soft labels' columns.
    """
    file = source if isinstance(source, Artifact) else read_artifact(source)
    header = expect(file, file.header, "samples" if file.header and file.header.kind == "samples" else "dataset")
    fault = _image_fault(file.tensors, len(header.class_names))
    if fault:
        raise BadFile(f"{file.path}: {fault}; fetch or make the file again")
    labels = file.tensors.get("labels")
    names = header.class_names if labels is not None else ()
    images = ImageSet(images=file.tensors["images"], labels=labels, class_names=names)
    return images, file.tensors.get("soft_labels"), header, file.sha256


def _write_images(path: str | Path, given: Mapping[str, Tensor | None], header: Header) -> str:
    tensors = {key: value for key, value in given.items() if value is not None}
    fault = _image_fault(tensors, len(header.class_names))
    if fault:
        raise ValueError(fault)
    return write_artifact(path, tensors, header)


def _image_fault(tensors: Mapping[str, Tensor], classes: int) -> str:
    images, labels, soft = (tensors.get(key) for key in ("images", "labels", "soft_labels"))
    if images is None or images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] not in (1, 3):
        return "holds no images uint8 (N, 1 or 3, H, W)"
    if 0 in images.shape[2:]:
        return "holds images without pixels"
    if labels is not None:
        if labels.dtype != torch.int64 or labels.shape != images.shape[:1]:
            return f"labels must be int64 ({len(images)},), not {labels.dtype} {tuple(labels.shape)}"
        if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < classes:
            return f"labels from {int(labels.min())} to {int(labels.max())} do not fit {classes} class names"
    if soft is not None and (not soft.is_floating_point() or soft.shape != (len(images), classes)):
        return f"soft labels must be float ({len(images)}, {classes}), not {soft.dtype} {tuple(soft.shape)}"
    return ""
