"""When the learning rate falls and when training ends: by a held-out score, at fixed epochs, or all the way down.

:class:`Stages` is the schedule of the authors' teacher and student scripts: Adam at the full rate until
``patience`` epochs passed without a better score, then from the best network on with a tenth of it, by the same rule.
The best score is carried over, so the second stage counts only where it is as good as the first.

Of epochs with equal scores the last is kept, where the authors keep the first: on a small held-out set the top score
comes early and often, long before the student has learned all it can.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from torch.optim import Optimizer

RATE_FACTORS = (1.0, 0.1)
RISE = 0.2
"""Part of the epochs in which the rate of ``one-cycle`` rises."""


class Schedule(Protocol):
    """Where in a run's epochs it is, and which network of all epochs it keeps."""

    total: int
    """Finished epochs."""
    step: int
    """Finished steps of the running epoch."""
    best_score: float
    """Held-out score of the network that is kept."""

    @property
    def best_epoch(self) -> int:
        """After how many epochs the network was as it is kept."""

    def __iter__(self) -> Iterator[int]:
        """Numbers of the epochs that are left, from 0."""

    @property
    def factor(self) -> float:
        """What the learning rate is multiplied with now."""

    def finish_epoch(self, score: float) -> tuple[bool, bool]:
        """Note an epoch's held-out score; whether to keep its network, and whether to start anew from the best."""

    @property
    def done(self) -> bool:
        """Whether no epoch is left."""

    def to_json(self) -> dict[str, Any]:
        """All fields as plain JSON types, for a checkpoint; the class takes them back by name."""


@dataclass
class Stages:
    """Where in the schedule a run is; all of it fits into a checkpoint."""

    epochs: int
    """At most so many in each stage."""
    patience: int
    stage: int = 0
    epoch: int = 0
    """Finished epochs of this stage."""
    total: int = 0
    """Finished epochs of all stages."""
    step: int = 0
    """Finished steps of the running epoch."""
    waited: int = 0
    """Epochs since the score last rose."""
    best_score: float = -1.0
    best_epoch: int = 0
    """After how many epochs in all the best score was reached."""

    @property
    def factor(self) -> float:
        """What the learning rate is multiplied with in this stage."""
        return RATE_FACTORS[self.stage]

    def __iter__(self) -> Iterator[int]:
        """Numbers of the epochs that are left, counted over both stages from 0."""
        while self.stage < len(RATE_FACTORS):
            yield self.total

    def finish_epoch(self, score: float) -> tuple[bool, bool]:
        """Note an epoch's held-out score in [0, 1]; whether none was better so far, and whether a stage ended."""
        self.step = 0
        self.epoch += 1
        self.total += 1
        self.waited = 0 if score > self.best_score else self.waited + 1
        is_best = score >= self.best_score
        if is_best:
            self.best_score, self.best_epoch = score, self.total
        stage_over = self.epoch >= self.epochs or self.waited > self.patience
        if stage_over:
            self.stage, self.epoch, self.waited = self.stage + 1, 0, 0
        return is_best, stage_over

    @property
    def done(self) -> bool:
        """Whether both stages are over."""
        return self.stage >= len(RATE_FACTORS)

    def to_json(self) -> dict[str, Any]:
        """All fields as plain JSON types; ``Stages(**value)`` takes them back."""
        return asdict(self)


@dataclass
class Milestones:
    """A fixed number of epochs; the rate falls at each milestone, to a tenth if not said otherwise, and the last
    network is kept.

    Source: He et al., CVPR 2016, section 4.2, and the step schedules of class-incremental learning with SGD.
    """

    epochs: int
    milestones: tuple[int, ...]
    """Finished epochs after which the rate falls."""
    drop_factor: float = 10.0
    """What it is divided by each time."""
    total: int = 0
    step: int = 0
    best_score: float = -1.0

    def __post_init__(self) -> None:
        """JSON has lists only."""
        self.milestones = tuple(self.milestones)

    @property
    def factor(self) -> float:
        """What the rate is multiplied by after the milestones that have passed: 1 / drop_factor for each."""
        return float(self.drop_factor ** -sum(self.total >= milestone for milestone in self.milestones))

    def __iter__(self) -> Iterator[int]:
        """Numbers of the epochs that are left, from 0."""
        while self.total < self.epochs:
            yield self.total

    def finish_epoch(self, score: float) -> tuple[bool, bool]:
        """The network is always kept, and never put back: no score has a say."""
        self.step = 0
        self.total += 1
        self.best_score = score
        return True, False

    @property
    def best_epoch(self) -> int:
        """The last."""
        return self.total

    @property
    def done(self) -> bool:
        """Whether all epochs are over."""
        return self.total >= self.epochs

    def to_json(self) -> dict[str, Any]:
        """All fields as plain JSON types; ``Milestones(**value)`` takes them back."""
        return asdict(self) | {"milestones": list(self.milestones)}


@dataclass
class Annealed:
    """One way down over all epochs, after a rise or at once; the network with the best held-out score is kept.

    Sources: Loshchilov and Hutter, "SGDR", ICLR 2017, equation 5 without restarts; Smith and Topin,
    "Super-Convergence", 2018, for the rise, which here goes straight up and straight down. A rate stands for a whole
    epoch: that of its middle.
    """

    epochs: int
    patience: int
    """More epochs without a better score end the run early."""
    shape: str
    """``cosine`` or ``one-cycle``."""
    selects: bool = True
    """Whether a score decides: not where samples change, so that scores cannot be compared."""
    total: int = 0
    step: int = 0
    waited: int = 0
    best_score: float = -1.0
    best_epoch: int = 0

    @property
    def factor(self) -> float:
        """In (0, 1]."""
        part = (self.total + 0.5) / self.epochs
        if self.shape == "cosine":
            return 0.5 * (1 + math.cos(math.pi * part))
        return part / RISE if part < RISE else (1 - part) / (1 - RISE)

    def __iter__(self) -> Iterator[int]:
        """Numbers of the epochs that are left, from 0."""
        while not self.done:
            yield self.total

    def finish_epoch(self, score: float) -> tuple[bool, bool]:
        """Note an epoch's held-out score in [0, 1]; whether to keep its network, which is never put back."""
        self.step = 0
        self.total += 1
        self.waited = 0 if score > self.best_score else self.waited + 1
        is_best = score >= self.best_score or not self.selects
        if is_best:
            self.best_score, self.best_epoch = score, self.total
        return is_best, False

    @property
    def done(self) -> bool:
        """Whether all epochs are over, or the score has not risen for too long."""
        return self.total >= self.epochs or self.selects and self.waited > self.patience

    def to_json(self) -> dict[str, Any]:
        """All fields as plain JSON types; ``Annealed(**value)`` takes them back."""
        return asdict(self)


def set_rate(optimiser: Optimizer, lr: float) -> None:
    """Give all of the optimiser's groups one learning rate."""
    for group in optimiser.param_groups:
        group["lr"] = lr
