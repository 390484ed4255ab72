"""What a run is: all its settings, frozen and typed; artifacts and checkpoints store them. No torch here.

The defaults are those that made the paper's numbers, where such exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

PAPER_STEPS = 5000
"""Updates of the generator behind the published numbers: 200 passes of 25 batches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Settings of every training run."""

    seed: int = 0
    device: str
    """The kind of device that was used, such as ``cpu``."""
    precision: str
    """``fp32``, ``bf16`` or ``fp16``, as it was used."""

    def to_json(self) -> dict[str, Any]:
        """All settings as plain JSON types."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class TeacherRun(Run):
    """Settings of ``degan teacher``."""

    dataset: str
    architecture: str
    epochs: int = 1000
    """At most so many in each of the two learning-rate stages."""
    batch_size: int = 64
    """Per process."""
    lr: float = 1e-3
    """Of the first stage; the second has a tenth."""
    patience: int = 100
    """Epochs without a better held-out score after which a stage ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrichRun(Run):
    """Settings of ``degan enrich``."""

    classifier: str
    arch: str | None = None
    """Architecture of the classifier, where its file is a plain state dict."""
    num_classes: int | None = None
    """Its number of classes, likewise."""
    proxy: str
    method: str = "degan"
    gan: str = "dcgan"
    size: int
    """Side of the generated images in pixels."""
    latent: int = 100
    width: int = 64
    steps: int
    """Updates of the generator."""
    batch_size: int
    """Per process."""
    lr: float = 2e-4
    ema: float = 0.0
    """Decay of the generator's moving average that is stored; 0 stores the last weights."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """The method's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DistillRun(Run):
    """Settings of ``degan distill``."""

    teacher: str
    arch: str | None = None
    """Architecture of the teacher, where its file is a plain state dict."""
    num_classes: int | None = None
    """Its number of classes, likewise."""
    student: str
    samples: tuple[str, ...]
    epochs: int = 5000
    """At most so many in each of the two learning-rate stages."""
    steps_per_epoch: int = 256
    batch_size: int = 64
    """Per process."""
    lr: float = 1e-3
    """Of the first stage; the second has a tenth."""
    beta1: float = 0.5
    """Of Adam; the authors take 0.5 with generated and 0.9 with stored samples."""
    temperature: float = 20.0
    ce_weight: float = 0.0
    """Share of the cross-entropy with the teacher's top class, in [0, 1]."""
    patience: int = 100
    """Epochs without a better held-out agreement after which a stage ends."""
    held_out: int = 4096
    """Images by which the student is selected, at most."""


def paper_batch_size(images: int) -> int:
    """Batch size with which the authors' loop would pass over so many proxy images.

    They load 2,048 of CIFAR-100's 50,000 images at a time and then keep the proxy's classes: 25 batches a
    pass, whatever the proxy's size. We filter the data set instead, and take a 25th of it: at least 64, for
    the class mean over a batch means little below that, and at most 2,048.
    """
    return max(64, min(2048, images // 25))
