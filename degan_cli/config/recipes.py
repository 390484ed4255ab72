"""What a run is trained with where the user says nothing else: an optimiser's values, and a generator's, by its size.

The recipe of a generator follows the size of its run:

| recipe | for | what it presets |
|---|---|---|
| paper | 5,000 proxy images and 2,000 updates at least | nothing: the methods' own presets are the authors' values |
| few | fewer images, or fewer updates | :data:`FEW`, and a moving average that suits the length |

Beyond it, ``--tune`` chooses the weights by the classifier's own view of the samples.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import UsageError
from .base import Layer

SGD = {"epochs": 250, "batch_size": 128, "lr": 0.1, "weight_decay": 2e-4}
"""Smith et al., "Always Be Dreaming", ICCV 2021, for ResNet-32 on CIFAR-100; Adam's are the defaults of ``teacher``."""
DROPS = (0.4, 0.6, 0.8)
"""Parts of the epochs after which the rate falls to a tenth, in the same source."""

SCHEDULES = ("stages", "cosine", "one-cycle")
"""How a student's rate changes."""
MIXES = ("none", "mixup", "cutmix", "both")
"""How images of a batch are put together."""
LOGIT_WEIGHT = 3.0
"""Ours, chosen on the training images of MNIST and Fashion-MNIST, which no student saw; see ``docs/results.md``."""
CLIP = 1.0
"""Without it a small network without BatchNorm is on the edge at the recipes' rate, and may end with the same answer to
every image; see ``docs/results.md`` too."""
STUDENT_RECIPES: Mapping[str, Mapping[str, Any]] = {
    "paper": {},
    "patient": {
        "optimiser": "sgd",
        "schedule": "cosine",
        "epochs": 400,
        "lr": 0.05,
        "temperature": 1.0,
        "logit_weight": LOGIT_WEIGHT,
        "clip": CLIP,
        "augment": "strong",
        "mix": "mixup",
    },
    "fast": {
        "optimiser": "sgd",
        "schedule": "one-cycle",
        "epochs": 20,
        "lr": 0.05,
        "temperature": 1.0,
        "logit_weight": LOGIT_WEIGHT,
        "clip": CLIP,
        "ema": 0.99,
        "augment": "outlined",
    },
    "photographs": {"schedule": "one-cycle", "epochs": 100, "lr": 0.002, "ema": 0.99},
}
"""Settings of ``distill`` that ``--recipe`` names. The last is ``paper`` with one way up and down and an average, for
images that strong changes spoil; chosen on CIFAR-10's training images, which no student saw."""


def student_layer(name: str) -> Layer:
    """The settings of one of :data:`STUDENT_RECIPES`."""
    return Layer(f"the recipe {name}", STUDENT_RECIPES[name])


def sgd_layer(*names: str) -> Layer:
    """The values of :data:`SGD` for these settings."""
    return Layer("the recipe of --optimiser sgd", {name: SGD[name] for name in names})


def milestones_at(drops: Sequence[float], epochs: int) -> tuple[int, ...]:
    """Epochs after which the rate falls, each once and 1 at least; ``drops`` are parts of all epochs."""
    return tuple(dict.fromkeys(max(1, round(part * epochs)) for part in drops))


def check_milestones(milestones: Sequence[int]) -> None:
    """Raise UsageError unless the epochs rise from 1 on."""
    if any(after <= before for before, after in zip((0, *milestones), milestones, strict=False)):
        text = ",".join(map(str, milestones))
        raise UsageError(f"--milestones {text}: write rising epochs, such as 100,150,200")


def paper_batch_size(images: int) -> int:
    """Batch size with which the authors' loop would pass over so many proxy images.

    They load 2,048 of CIFAR-100's 50,000 images at a time and then keep the proxy's classes: 25 batches a
    pass, whatever the proxy's size. We filter the data set instead, and take a 25th of it: at least 64, for
    the class mean over a batch means little below that, and at most 2,048.
    """
    return max(64, min(2048, images // 25))


PAPER_GAN: Mapping[str, Any] = {"lr": 2e-4, "lambda_e": 0.0, "lambda_d": 5.0}
"""The authors' values, which the recipe ``few`` replaces; those that a method presets otherwise stay."""
FEW: Mapping[str, Any] = {"lr": 1e-3, "lambda_e": 1.0, "lambda_d": 10.0, "d_augment": "color-translation-cutout"}
"""For few images or updates; measured on digits and on Fashion-MNIST by the accuracy of students on training images.
Rate and weights make most of the difference to the paper's values, and with 100 images the augmentation does."""
FEW_IMAGES = 5000
"""Fewer proxy images are few, which is ours: the paper has smaller proxies, but always 5,000 updates."""
FEW_STEPS = 2000
"""Fewer updates are few; the paper has 5,000."""
AVERAGED_PART = 10
"""The moving average goes back over about the last of so many parts of the run,"""
SLOWEST_DECAY = 0.999
"""but over a thousand updates at most."""


def choose_recipe(images: int, steps: int) -> tuple[str, str]:
    """The recipe of a generator's run by its size, and why, for people."""
    if images < FEW_IMAGES:
        return "few", f"{images:,} proxy images are fewer than {FEW_IMAGES:,}"
    if steps < FEW_STEPS:
        return "few", f"{steps:,} updates are fewer than {FEW_STEPS:,}"
    return "paper", f"{images:,} proxy images and {steps:,} updates are enough for the paper's values"


def few_layer(steps: int) -> Layer:
    """The values of the recipe ``few`` for a run of so many updates."""
    decay = min(SLOWEST_DECAY, max(0.0, 1 - AVERAGED_PART / steps))
    return Layer("the recipe few", {**FEW, "ema": round(decay, 5)})


MATCHING_LOOPS = {1: (1, 1), 10: (10, 50), 20: (20, 25), 30: (30, 20), 40: (40, 15), 50: (50, 10)}
"""``outer`` and ``inner`` of gradient matching for so many images per class, of Zhao et al., ICLR 2021."""


def matching_loops(per_class: int) -> tuple[int, int]:
    """``MATCHING_LOOPS``, and for numbers that the source leaves out what most of its rows follow.

    That is one update per image of a class, 50 at most, and 500 passes divided by their number, from 10 to 50.
    """
    return MATCHING_LOOPS.get(per_class) or (min(per_class, 50), max(10, min(50, round(500 / per_class))))
