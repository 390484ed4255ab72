"""From the text of ``--dataset``, ``--proxy`` or ``--samples`` to images in memory."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from .. import artifact
from ..errors import BadFile, PluginError, UnknownName, UsageError, turned_into
from ..images import digest, fit_uint8, frame
from ..specs import DatasetRequest, ImageSet
from .archives import SHARDS, list_tars, list_zip, shard_paths
from .crops import load_crops
from .folders import list_folder
from .listing import FileSet, ImageFile
from .reading import Reading, read_files
from .subset import parse_classes, subset
from .tables import list_csv

if TYPE_CHECKING:
    from ..plugins import Plugins

CROPS = "crops:"
"""What begins an expression whose images are cut out of larger pictures."""
LISTS = (".zip", ".tar", ".csv", ".tsv")
"""What the names of files end with that hold or name many images."""


def open_images(
    expression: str,
    split: str,
    *,
    plugins: Plugins,
    data_dir: Path,
    download: bool = False,
    shape: tuple[int, int, int] | None = None,
    reading: Reading | None = None,
) -> ImageSet:
    """The images that ``expression`` names.

    It is an artifact, a folder of images, a zip, tar or CSV file of them, or a registered name; each may be followed by
    ``:`` and classes by name, index or range (``cifar100:cloud,forest``, ``cifar100:0-19``), which are relabelled in
    that order. A registered name counts before a path of that name, which ``./NAME`` reaches. ``-`` is an artifact from
    stdin. ``crops:PATH`` are random crops of a picture, or of those in a folder, without labels
    (:mod:`degan_cli.datasets.crops`).

    :param split: ``train`` or ``test``; an artifact, and a folder without split folders, has the same for both.
    :param shape: (C, H, W) to fit the images to; None keeps the set's own.
    :param reading: how image files are read; None takes the defaults.
    :raises BadFile: when files are missing, damaged or empty.
    :raises UnknownName: for a data set or class that does not exist.
    :raises UsageError: for classes that make no sense.
    :raises PluginError: when a plugin's data set fails.
    """
    if shape is not None and shape[0] not in (1, 3):
        raise BadFile(f"{expression}: images have 1 or 3 channels, and cannot be fitted to a classifier of {shape[0]}")
    reading = reading or Reading()
    if expression.startswith(CROPS):
        return _crops(expression, split, shape, reading)
    is_path, name, classes = _parse(expression, plugins.datasets.names(), reading)
    files = list_files(name, split) if is_path else None
    if files is not None:
        if classes is not None:  # chosen before any is read
            files = files.of_classes(parse_classes(classes, files.class_names, name))
        return read_files(files, shape, reading)
    if is_path:
        data = artifact.load_images(Path(name))[0]
    else:
        request = DatasetRequest(split=split, data_dir=data_dir, download=download, shape=shape)
        data = _registered(name, expression, request, plugins)
    if classes is not None:
        data = subset(data, parse_classes(classes, data.class_names, name))
    if not len(data.images):
        raise BadFile(f"{expression}: holds no images; name another data set or other classes")
    try:
        return data if shape is None else _fitted(data, shape, reading.fit or "squash")
    except ValueError as error:
        raise BadFile(f"{expression}: {error}") from error


def content(expression: str, split: str, *, plugins: Plugins, data_dir: Path, reading: Reading) -> str:
    """SHA-256 of what an expression names, with its labels and class names, before it is fitted to anything.

    Of image files it is that of their bytes, so that broken ones and those of another size count too.

    :raises BadFile: where there are none, and otherwise as :func:`open_images`.
    """
    found = hashlib.sha256()
    crops = expression.startswith(CROPS)
    is_path, name, classes = (False, "", "") if crops else _parse(expression, plugins.datasets.names(), reading)
    files = list_files(name, split) if is_path else None
    if files is None:
        data = open_images(expression, split, plugins=plugins, data_dir=data_dir, reading=reading)
        found.update(digest(data.images).encode())
        labels: Sequence[int] | None = None if data.labels is None else data.labels.tolist()
        class_names = data.class_names
    else:
        for file in files.files:
            found.update(_bytes_of(file))
        labels, class_names = files.labels, files.class_names
    found.update(json.dumps([labels and list(labels), class_names, classes]).encode())
    return found.hexdigest()


def _bytes_of(file: ImageFile) -> bytes:
    """Name and SHA-256 of a file; the name alone where it cannot be read."""
    name = file.name.encode(errors="surrogateescape")
    try:
        with file.open() as stream:
            return name + hashlib.sha256(stream.read()).digest()
    except (OSError, ValueError):
        return name


def list_files(text: str, split: str) -> FileSet | None:
    """The image files that a path names: those of a folder, or of a zip, tar or CSV file; None for any other file.

    :raises BadFile: where there are no images, or it cannot be read.
    """
    path = Path(text)
    suffix = path.suffix.lower()
    if path.is_dir():
        return list_folder(path, split)
    if suffix == ".zip":
        return list_zip(path, split)
    if suffix == ".tar":
        return list_tars(text, shard_paths(text), split)
    return list_csv(path, split) if suffix in LISTS else None


def _crops(expression: str, split: str, shape: tuple[int, int, int] | None, reading: Reading) -> ImageSet:
    path = expression.removeprefix(CROPS)
    if not path:
        raise UsageError(f"{expression} names no picture; write {CROPS}FILE or {CROPS}FOLDER")
    if not _exists(path):
        raise BadFile(f"{expression}: no such file or folder; check the path")
    if _exists(head := CROPS.removesuffix(":")):
        reading.warn(f"{expression}: these are crops of {path}, not classes of {head}; write ./{expression} for those")
    return load_crops(Path(path), split, shape)


def _parse(expression: str, registered: Sequence[str], reading: Reading) -> tuple[bool, str, str | None]:
    """Whether a path is meant, the path or name, and the text after the colon if there is one."""
    head, colon, rest = expression.partition(":")
    if head in registered:
        if _exists(head):
            reading.warn(f"{head}: this is the data set, not the path of that name here; write ./{head} for the path")
        is_path, name, classes = False, head, rest if colon else None
    elif expression == "-" or _exists(expression):
        is_path, name, classes = True, expression, None
    else:
        is_path, name, classes = _exists(head), head, rest if colon else None
    if not is_path and name not in registered and _looks_like_path(expression):
        raise BadFile(f"{expression}: no such file or folder; check the path")
    return is_path, name, classes


def _exists(text: str) -> bool:
    if SHARDS.search(text) and text.endswith(".tar"):
        return True
    try:
        return bool(text) and Path(text).exists()
    except (OSError, ValueError):  # too long for a path, or with a NUL
        return False


def _looks_like_path(text: str) -> bool:
    return "/" in text or "\\" in text or text.endswith((".safetensors", *LISTS))


def _registered(name: str, expression: str, request: DatasetRequest, plugins: Plugins) -> ImageSet:
    try:
        spec = plugins.datasets.get(name)
    except UnknownName as error:
        raise UnknownName(f"{error} (no file or folder is called {expression} either)") from None
    provider = plugins.datasets.provider(name)
    failed = f'{provider} failed to load "{name}"'
    with turned_into(lambda error: PluginError(f"{failed}: {type(error).__name__}: {error}")):
        data = spec.load(request)
    if fault := _fault(data):
        who = f"plugin {plugins.datasets.plugin(name)} ({provider})"
        raise PluginError(f'{who}: dataset "{name}" gives {fault}; tell its authors')
    return data


def _fault(data: object) -> str:
    """What is wrong with what a data set's author gives; empty when nothing is."""
    if not isinstance(data, ImageSet):
        return f"{type(data).__name__}, not an ImageSet"
    images, labels, names = data.images, data.labels, data.class_names
    if not isinstance(images, torch.Tensor):
        return f"images as {type(images).__name__}, not a tensor"
    if images.dtype != torch.uint8 or images.ndim != 4 or images.shape[1] not in (1, 3):
        return f"images as {images.dtype} {tuple(images.shape)}, not uint8 (N, C, H, W) with 1 or 3 channels"
    if not images[:1].numel() and len(images):
        return f"images of {tuple(images.shape[1:])}, which have no pixels"
    if data.files and len(data.files) != len(images):
        return f"{len(data.files)} files for {len(images)} images"
    if not isinstance(names, tuple) or not all(isinstance(name, str) for name in names) or len(set(names)) < len(names):
        return "class names that are no tuple of different texts"
    if labels is None:
        return ""
    if not isinstance(labels, torch.Tensor) or labels.dtype != torch.int64 or labels.shape != images.shape[:1]:
        return f"labels that are no int64 ({len(images)},)"
    if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < len(names):
        return f"labels from {int(labels.min())} to {int(labels.max())} for {len(names)} classes"
    return ""


def _fitted(data: ImageSet, shape: tuple[int, int, int], how: str) -> ImageSet:
    return replace(data, images=fit_uint8(frame(data.images, shape[1], shape[2], how), *shape))
