"""From ``--samples`` texts to the source a student learns from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from .. import artifact
from ..artifact.parents import recorded_sha256
from ..datasets.resolve import CROPS, LISTS
from ..errors import BadFile, UsageError
from ..images import digest
from .selection import Selection
from .sources import GeneratorSource, Mixture, Source, StoredSource

if TYPE_CHECKING:
    from ..artifact import Loaded
    from ..datasets.finder import DataFinder
    from ..models import Classifier


def open_samples(
    texts: Sequence[str],
    teacher: Loaded[Classifier],
    device: torch.device,
    finder: DataFinder,
    seed: int,
    selection: Selection | None = None,
    mirror: bool = False,
    selects: bool = True,
) -> tuple[Source, list[dict[str, str]]]:
    """The source that ``texts`` name together, and its parents for the artifact's header.

    :param texts: each a generator file, a data set or a samples file, with ``@WEIGHT`` or without (then 1).
    :param selection: chooses among the images of each set; generators draw what is asked of them.
    :param mirror: whether each image is mirrored every second time that it is drawn.
    :param selects: whether some images of each set are held out to select by.
    :raises UsageError: for a weight that is no number greater than 0, and for a selection from generators alone.
    :raises BadFile: for a file that is missing, damaged, or holds a classifier.
    """
    sources: list[Source] = []
    weights: list[float] = []
    parents: list[dict[str, str]] = []
    for text in texts:
        name, weight = split_weight(text)
        source, sha256 = _open_one(name, teacher, device, finder, seed, selection, selects)
        if mirror:
            source.mirror_in_turn()
        sources.append(source)
        weights.append(weight)
        parents.append({"role": "samples", "sha256": sha256})
    if selection is not None and not selection.summaries:
        raise UsageError(
            f"--select chooses among stored images, but {texts[0]} is a generator, whose images never end; "
            "leave --select out, or store some images first: degan sample"
        )
    return (sources[0] if len(sources) == 1 else Mixture(sources, weights)), parents


def _open_one(
    name: str,
    teacher: Loaded[Classifier],
    device: torch.device,
    finder: DataFinder,
    seed: int,
    selection: Selection | None,
    selects: bool,
) -> tuple[GeneratorSource | StoredSource, str]:
    path = Path(name)
    if path.is_file() and path.suffix.lower() not in LISTS:
        kind = artifact.read_header(path).kind
        if kind == "generator":
            loaded = artifact.load_generator(path, finder.plugins)
            _warn_of_another_classifier(name, loaded, teacher, finder)
            return GeneratorSource(loaded.model.to(device), device, teacher.model.input.shape), loaded.sha256
        if kind == "classifier":
            raise BadFile(f"{name}: a classifier, but --samples takes a generator, a data set or stored samples")
    images = finder.open(name, shape=teacher.model.input.shape).images
    if selection is not None:
        images = selection.choose(images, name)
    return StoredSource(images, device, seed, name, selects), digest(images)


def _warn_of_another_classifier(
    name: str, generator: Loaded[object], teacher: Loaded[Classifier], finder: DataFinder
) -> None:
    made_for = recorded_sha256(generator)
    if made_for not in ("", teacher.sha256):
        finder.reading.warn(
            f"{name}: its samples were made for another classifier (sha256 {made_for[:12]}) than {teacher.path}"
        )


def split_weight(text: str) -> tuple[str, float]:
    """A name, and the weight that follows it after an ``@``, if one does; a path that exists is a name as it stands.

    :raises UsageError: for a weight that is no number greater than 0.
    """
    name, separator, weight = text.rpartition("@")
    if not separator or os.path.exists(text.removeprefix(CROPS)):
        return text, 1.0
    try:
        value = float(weight)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise UsageError(f"--samples {text}: the weight {weight!r} is no number greater than 0")
    return name, value
