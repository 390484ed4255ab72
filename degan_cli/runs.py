"""What a run is: all its settings, frozen and typed; artifacts and checkpoints store them. No torch here.

The defaults are those that made the paper's numbers, where such exist.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from .errors import UsageError
from .specs import StudentRecipe

PAPER_STEPS = 5000
"""Updates of the generator behind the published numbers: 200 passes of 25 batches."""

PAPER_STUDENT = StudentRecipe(epochs=5000, steps_per_epoch=256, batch_size=64, lr=1e-3, beta1=0.5, temperature=20.0)
"""How the paper's students learn from samples that stay as they are, at most so many epochs in each of two stages."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """Settings of every training run."""

    seed: int = 0
    device: str
    """The kind of device that was used, such as ``cpu``."""
    precision: str
    """``fp32``, ``bf16`` or ``fp16``, as it was used."""
    compiled: bool = False
    """Whether the networks were compiled."""

    def to_json(self) -> dict[str, Any]:
        """All settings as plain JSON types."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class TeacherRun(Run):
    """Settings of ``degan teacher``."""

    dataset: str
    architecture: str
    optimiser: str = "adam"
    """``adam``: two learning-rate stages, the best epoch is kept. ``sgd``: a step schedule, the last one is kept."""
    epochs: int = 1000
    """With Adam at most so many in each of two stages, with SGD in all."""
    batch_size: int = 64
    """Per process."""
    lr: float = 1e-3
    """At first; a tenth in Adam's second stage, and a tenth from each milestone on with SGD."""
    patience: int = 100
    """Epochs without a better held-out score after which a stage of Adam's ends."""
    weight_decay: float = 0.0
    """Of SGD."""
    milestones: tuple[int, ...] = ()
    """Epochs after which SGD's rate falls."""
    augment: str = "none"
    """What is done to each image at random: ``none``, ``crop``, ``flip`` or ``crop-flip``."""
    outputs: str = "softmax"
    """What the outputs are trained as: one ``softmax`` over the classes, or a ``sigmoid`` for each."""
    held_out: float = 0.2
    """Share of the training images that is not trained on, in [0, 1); Adam selects the best epoch by it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrichRun(Run):
    """Settings of ``degan enrich``."""

    classifier: str
    arch: str | None = None
    """Architecture of the classifier, where its file is a plain state dict."""
    num_classes: int | None = None
    """Its number of classes, likewise."""
    proxy: str | None = None
    """None when the method uses none."""
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
    graphs: bool = False
    """Whether each update was one CUDA graph."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InvertRun(Run):
    """Settings of ``degan enrich`` with a method that optimises the images themselves."""

    classifier: str
    arch: str | None = None
    """Architecture of the classifier, where its file is a plain state dict."""
    num_classes: int | None = None
    """Its number of classes, likewise."""
    method: str
    number: int
    """Images to make."""
    batch_size: int
    """Images that are optimised together."""
    steps: int
    """Updates of each batch."""
    lr: float
    settings: Mapping[str, Any] = field(default_factory=dict)
    """The method's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveRun:
    """How samples are made while a student learns from them; what a method does not use is None."""

    method: str
    every: int
    """Steps of the student for one update of the samples."""
    proxy: str | None = None
    gan: str | None = None
    size: int | None = None
    latent: int | None = None
    width: int | None = None
    condensed: str | None = None
    batch_size: int
    """Images in an update."""
    steps: int | None = None
    """Updates of each batch of images."""
    lr: float
    """Of the generator or of the images."""
    replay: str = "none"
    """``none``, ``bank`` or ``vae``."""
    replay_share: float = 0.0
    """Of each of the student's batches."""
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
    samples: tuple[str, ...] = ()
    """Empty when a method makes them meanwhile."""
    live: LiveRun | None = None
    """How, in that case."""
    test_data: str | None = None
    """On which the student is watched."""
    optimiser: str = PAPER_STUDENT.optimiser
    epochs: int = PAPER_STUDENT.epochs
    """At most so many in each of the two learning-rate stages; with a method, in all."""
    steps_per_epoch: int = PAPER_STUDENT.steps_per_epoch
    batch_size: int = PAPER_STUDENT.batch_size
    """Per process."""
    lr: float = PAPER_STUDENT.lr
    """Of the first stage; the second has a tenth."""
    weight_decay: float = 0.0
    """Of SGD."""
    milestones: tuple[int, ...] = ()
    """Epochs after which the rate falls to a tenth, with a method."""
    beta1: float = PAPER_STUDENT.beta1
    """Of Adam; the authors take 0.5 with generated and 0.9 with stored samples."""
    loss: str = PAPER_STUDENT.loss
    """``kd``: softened predictions and the teacher's top class; ``l1``: distance of the logits."""
    augment: str = "none"
    """As in :class:`TeacherRun`, before the teacher sees an image."""
    temperature: float = PAPER_STUDENT.temperature
    ce_weight: float = 0.0
    """Share of the cross-entropy with the teacher's top class, in [0, 1]."""
    patience: int = 100
    """Epochs without a better held-out agreement after which a stage ends."""
    held_out: int = 4096
    """Images by which the student is selected, at most."""
    graphs: bool = False
    """Whether each of the student's updates was one CUDA graph."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IncrementalRun(Run):
    """Settings of ``degan incremental``."""

    classifier: str
    arch: str | None = None
    """Architecture of the classifier, where its file is a plain state dict."""
    num_classes: int | None = None
    """Its number of classes, likewise."""
    new_data: str
    strategy: str = "replay"
    samples: tuple[str, ...] = ()
    """What stands for the old data; empty when the strategy wants none."""
    optimiser: str
    epochs: int
    """Passes over the new data."""
    batch_size: int
    """New images per step and process, and as many samples."""
    lr: float
    weight_decay: float
    milestones: tuple[int, ...]
    """Epochs after which the rate falls to a tenth."""
    augment: str
    """As in :class:`TeacherRun`; it is done to samples too."""
    outputs: str = "softmax"
    """As in :class:`TeacherRun`, of the extended classifier."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """The strategy's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """What an optimiser is run with, where the user says nothing else."""

    epochs: int
    batch_size: int
    lr: float
    weight_decay: float = 0.0


RECIPES = {
    "adam": Recipe(epochs=1000, batch_size=64, lr=1e-3),
    "sgd": Recipe(epochs=250, batch_size=128, lr=0.1, weight_decay=2e-4),
}
"""Adam: the authors' teacher script. SGD: Smith et al., "Always Be Dreaming", ICCV 2021, for ResNet-32 on CIFAR-100."""
DROPS = (0.4, 0.6, 0.8)
"""Parts of the epochs after which the rate falls to a tenth, in the same source."""


def read_milestones(text: str | None, epochs: int, drops: Sequence[float] = DROPS) -> tuple[int, ...]:
    """Epochs after which the rate falls, from a text such as ``100,150,200``; None takes ``drops`` of ``epochs``.

    :raises UsageError: for anything but rising numbers.
    """
    if text is None:
        return tuple(dict.fromkeys(max(1, round(part * epochs)) for part in drops))
    try:
        steps = tuple(int(item) for item in text.split(",") if item.strip())
    except ValueError:
        steps = (0,)
    if any(after <= before for before, after in zip((0, *steps), steps, strict=False)):
        raise UsageError(f"--milestones {text}: write rising epochs, such as 100,150,200")
    return steps


def paper_batch_size(images: int) -> int:
    """Batch size with which the authors' loop would pass over so many proxy images.

    They load 2,048 of CIFAR-100's 50,000 images at a time and then keep the proxy's classes: 25 batches a
    pass, whatever the proxy's size. We filter the data set instead, and take a 25th of it: at least 64, for
    the class mean over a batch means little below that, and at most 2,048.
    """
    return max(64, min(2048, images // 25))


@dataclass(frozen=True, slots=True, kw_only=True)
class CondenseRun(Run):
    """Settings of ``degan condense``."""

    dataset: str
    per_class: int
    """Synthetic images of each class."""
    matching: str = "distribution"
    """What of the true images they match: the ``distribution`` of a network's features, or its ``gradient``."""
    augment: bool = True
    """Whether true and synthetic images are augmented alike before they are compared."""
    flip: bool = False
    """Whether that may mirror them."""
    init: str = "real"
    """What they start from: ``real`` images, drawn at random, or ``noise``."""
    steps: int
    """Updates of the synthetic images."""
    batch_size: int = 256
    """True images of each class in a step and process."""
    lr: float
    """Of the synthetic images, normalised by the data set's mean and standard deviation."""
    outer: int = 1
    """Updates for which one random network serves."""
    inner: int = 0
    """Passes over the synthetic images that train it in between."""


MATCHING_LOOPS = {1: (1, 1), 10: (10, 50), 20: (20, 25), 30: (30, 20), 40: (40, 15), 50: (50, 10)}
"""``outer`` and ``inner`` of gradient matching for so many images per class, of Zhao et al., ICLR 2021."""


def matching_loops(per_class: int) -> tuple[int, int]:
    """``MATCHING_LOOPS``, and for numbers that the source leaves out what most of its rows follow.

    That is one update per image of a class, 50 at most, and 500 passes divided by their number, from 10 to 50.
    """
    return MATCHING_LOOPS.get(per_class) or (min(per_class, 50), max(10, min(50, round(500 / per_class))))
