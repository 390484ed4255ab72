"""How long updates take: a few of them on copies, timed, before a run's length is decided."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable

import torch
from torch import Tensor

from ..engine import Engine
from ..images import augmentation, to_unit
from ..losses import distillation_loss
from ..models import Classifier
from .top_classes import top_classes

WARM, TIMED = 2, 8
"""Updates before the clock starts, and on the clock, at least."""
LONG_ENOUGH = 0.5
"""Seconds on the clock, at least: eight updates of a small network are over in a twentieth, and say little."""


def student_pace(
    engine: Engine, teacher: Classifier, student: Classifier, images: Tensor, batch_size: int, augment: str
) -> tuple[float, float]:
    """Seconds of one update of a student, and of its scoring on a thousand images.

    :param images: uint8 (n, C, H, W) on the device, n > 0; drawn from with repetition.
    :param augment: how they are changed, by :func:`degan_cli.images.augmentation`.
    """
    vary = augmentation(augment)
    learner = copy.deepcopy(student).train()
    optimiser = engine.optimiser("sgd", learner.parameters(), lr=0.05, weight_decay=0.0)

    def update() -> None:
        batch = to_unit(images[torch.randint(len(images), (batch_size,), device=images.device)])
        with engine.autocast():
            varied = vary(batch)
            with torch.no_grad():
                wanted = teacher(varied)
            loss = distillation_loss(learner(varied), wanted, temperature=1.0)
        engine.backward(loss)
        optimiser.step()
        optimiser.zero_grad()
        float(loss.detach())  # waits for the device

    scored = images[torch.arange(1000, device=images.device) % len(images)]
    for _ in range(WARM):
        update()
    return _seconds(update, TIMED, LONG_ENOUGH), _seconds(lambda: top_classes(engine, learner, scored))


def _seconds(work: Callable[[], object], times: int = 1, seconds: float = 0.0) -> float:
    """What one call takes, in the mean of so many and so long."""
    began, done, took = time.perf_counter(), 0, 0.0
    while done < times or took < seconds:
        work()
        done, took = done + 1, time.perf_counter() - began
    return took / done
