"""Stored images, samples or a data set, as a folder of PNG files."""

from __future__ import annotations

import time
from pathlib import Path

from .. import artifact
from ..artifact.png_folder import folder_names, write_folder
from ..config import SampleSettings
from ..datasets.subset import parse_classes, subset
from ..errors import UsageError
from ..images import digest
from ..runs.result import Result
from ..specs import ImageSet


def unpack(file: artifact.Artifact, settings: SampleSettings, folder: Path) -> Result:
    """Write the images of an artifact of samples or of a data set, by class where they have labels.

    :param folder: checked already; it may be written.
    :raises UsageError: for settings that choose or draw in a way that stored images do not offer.
    :raises UnknownName: for a class that they lack.
    """
    began = time.monotonic()
    for name in ("balanced", "classifier", "seed"):
        if name in settings.given:
            flag = settings.declared()[name].flag
            raise UsageError(f"{flag}: {file.path} holds images that are drawn already; it is for a generator")
    data, _, header, _ = artifact.load_images(file)
    if settings.classes is not None:
        data = subset(data, parse_classes(settings.classes, data.class_names, str(file.path)))
    if "number" in settings.given:
        labels = None if data.labels is None else data.labels[: settings.number]
        data = ImageSet(images=data.images[: settings.number], labels=labels, class_names=data.class_names)
    about = {"images": len(data.images), "tried": len(data.images)}
    if settings.dry_run:
        plan = {"dry_run": True, "artifact": str(folder), "images": {header.kind: list(data.images.shape)}}
        return Result(artifact=folder, kind="images", plan=plan)
    names = folder_names(data.class_names)
    write_folder(folder, data.images, None if data.labels is None else [names[k] for k in data.labels.tolist()])
    seconds = time.monotonic() - began
    return Result(artifact=folder, kind="images", sha256=digest(data.images), metrics=about, seconds=seconds)
