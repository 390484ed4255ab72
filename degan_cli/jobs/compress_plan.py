"""What ``degan compress`` does with a classifier and some images, decided from a look at both and a short timing.

The rules stand in one place, :func:`make_plan`, and follow the measurements in ``docs/results.md``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..config.compress import CompressSettings
from ..config.distill import DistillSettings
from ..config.groups import ComputeSettings, ForeignSettings, ImageSettings
from ..metrics import Support

SHARE_OF_BUDGET = 0.85
"""What is planned for; the rest is for looking, starting and writing, and for a machine that others use too."""
STEPS_PER_EPOCH = 256
EPOCHS = (10, 400)
"""At least, at most; shorter epochs rather than fewer."""
BATCH_SIZE = 64
"""Of the student."""
MANY_PASSES = 40
"""From so many passes over colour images on, each is moved and mirrored anew: in fewer passes that costs more than it
gives (six points in 6 passes, less in 12; where it begins to pay is not measured)."""
CHANGED = {
    "outlined": "changed strongly anew each time, and some as their outlines, before the classifier and it see it",
    "crop-flip": "moved and mirrored anew each time before the classifier and it see it",
    "none": "as it is",
}
NEAR = 0.9
"""Mean confidence of the classifier, from which on images are near: true and near ones come to 0.95 and more."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a look at the classifier and the images found, and a short timing."""

    classifier: str
    """In words."""
    images: str
    number: int
    support: Support
    colour: bool
    """Whether the images have any, as photographs do."""
    update_seconds: float
    """Of one update of the student."""
    look_seconds: float
    """Of one scoring of the student on the held-out images."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What will run, and why."""

    epochs: int
    steps_per_epoch: int
    seconds: float
    """That training will take, about."""
    words: tuple[str, ...]
    recipe: Mapping[str, Any]
    """Settings of ``distill`` that say how the student learns."""

    def to_json(self) -> dict[str, Any]:
        """For the run folder, so that a stopped run goes on with the same plan."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Plan:
        """Take back what :meth:`to_json` gave."""
        return cls(**{**values, "words": tuple(values["words"])})

    def distillation(self, settings: CompressSettings, images: str, output: Path | None) -> DistillSettings:
        """Settings of the command that makes the student, and writes it to ``output``."""
        names = (*ForeignSettings.declared(), *ImageSettings.declared(), *ComputeSettings.declared())
        return DistillSettings(
            **{name: getattr(settings, name) for name in names if name in settings.given},
            teacher=settings.classifier,
            student=settings.student,
            samples=(images,),
            **self.recipe,
            epochs=self.epochs,
            steps_per_epoch=self.steps_per_epoch,
            patience=self.epochs,
            output=output,
        )


def recipe_for(colour: bool, passes: float) -> dict[str, Any]:
    """How a student learns in so many passes over the images: settings of ``distill``.

    Signs and shapes gain by strong changes; photographs that are negated, turned and masked are no photographs any
    more, and the classifier's word on them teaches little. Neither stops early: a rate that goes one way has to come
    down, for most of what a student learns it learns there.
    """
    if not colour:
        return {"recipe": "fast", "augment": "outlined"}
    return {"recipe": "photographs", "augment": "crop-flip" if passes >= MANY_PASSES else "none"}


def make_plan(facts: Facts, budget: float) -> Plan:
    """How long the student learns, in what is left of a budget, in seconds.

    No generator comes in between, however far the images are: beside grey images, strongly changed, its samples gave a
    student nothing in our measurements (``docs/results.md``). On colour photographs they gave three points more than
    the images alone, but took an hour and a half of a core to get.
    """
    seconds = SHARE_OF_BUDGET * budget
    sure = facts.support.confidence >= NEAR
    words = [
        facts.classifier,
        f"images: {facts.number:,} of {facts.images}; to the classifier they are {facts.support.describe()}",
        "the classifier is sure of them" if sure else "it is less sure of them than of its own: nearer ones give more",
    ]
    steps = STEPS_PER_EPOCH
    epoch_seconds = steps * facts.update_seconds + facts.look_seconds
    if seconds < EPOCHS[0] * epoch_seconds:
        steps = max(16, int((seconds / EPOCHS[0] - facts.look_seconds) / facts.update_seconds))
        epoch_seconds = steps * facts.update_seconds + facts.look_seconds
    epochs = max(EPOCHS[0], min(EPOCHS[1], int(seconds / epoch_seconds)))
    took = epochs * epoch_seconds
    if took > budget:
        left = max(0.0, budget) / 60
        words.append(f"this is the least that makes sense, and more than the {left:.1f} minutes left of the budget")
    recipe = recipe_for(facts.colour, passes=epochs * steps * BATCH_SIZE / facts.number)
    words.append(
        f"the student learns for {epochs} epochs of {steps} updates, every image {CHANGED[recipe['augment']]}; about "
        f"{took / 60:.1f} minutes in all"
    )
    return Plan(epochs=epochs, steps_per_epoch=steps, seconds=took, words=tuple(words), recipe=recipe)
