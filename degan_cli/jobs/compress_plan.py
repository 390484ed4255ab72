"""What ``degan compress`` does with a classifier and some images, decided from a look at both and a short timing.

The rules stand in one place, :func:`make_plan`, and follow the measurements in ``docs/results.md``: which samples give
the better student depends on how near the images are, which the classifier itself can tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ..config.compress import CompressSettings
from ..config.distill import DistillSettings
from ..config.enrich import EnrichSettings
from ..metrics import Support
from ..runs.output import Output

SHARE_OF_BUDGET = 0.85
"""What is planned for; the rest is for looking, starting and writing, and for a machine that others use too."""
STEPS_PER_EPOCH = 256
EPOCHS = (10, 400)
"""At least, at most; shorter epochs rather than fewer."""
PATIENT_PART = 0.25
LEAST_PATIENCE = 10
"""The run ends after so many epochs without better agreement: a part of all, but not of a few."""
GAN_SHARE = 0.4
"""Of the time, where a generator is trained first."""
GENERATOR_STEPS = 5000
GENERATOR_BATCH = 256
"""As long as the paper's: with so many updates the samples teach a student more than far images do by themselves, with
1,500 of 64 less (``docs/results.md``)."""
BATCH_SIZE = 64
"""Of the student."""
FAR = 0.9
"""Images are far where the classifier's mean confidence is less: true and near ones come to 0.95 and more."""


def is_far(support: Support) -> bool:
    """Whether a classifier is so unsure of images that a generator between them and the student helps."""
    return support.confidence < FAR


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a look at the classifier and the images found, and a short timing."""

    classifier: str
    """In words."""
    images: str
    number: int
    support: Support
    update_seconds: float
    """Of one update of the student."""
    look_seconds: float
    """Of one scoring of the student on the held-out images."""
    generator_seconds: float
    """Of one update of a generator; 0 where none comes into question."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What will run, and why."""

    epochs: int
    steps_per_epoch: int
    generator_steps: int
    """0 for no generator."""
    seconds: float
    """That training will take, about."""
    words: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """For the run folder, so that a stopped run goes on with the same plan."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Plan:
        """Take back what :meth:`to_json` gave."""
        return cls(**{**values, "words": tuple(values["words"])})

    def generator(self, settings: CompressSettings, images: str, output: Output) -> EnrichSettings | None:
        """Settings of the generator, if there is one."""
        if not self.generator_steps:
            return None
        return EnrichSettings(
            **_shared(settings),
            classifier=settings.classifier,
            proxy=images,
            recipe="paper",
            steps=self.generator_steps,
            batch_size=GENERATOR_BATCH,
            output=output.folder / "generator.safetensors",
        )

    def distillation(self, settings: CompressSettings, images: str, output: Output) -> DistillSettings:
        """Settings of the student."""
        generator = self.generator(settings, images, output)
        samples = (images,) if generator is None else (f"{generator.output}@1", f"{images}@1")
        return DistillSettings(
            **_shared(settings),
            teacher=settings.classifier,
            student=settings.student,
            samples=samples,
            recipe="patient",
            epochs=self.epochs,
            steps_per_epoch=self.steps_per_epoch,
            patience=max(LEAST_PATIENCE, round(PATIENT_PART * self.epochs)),
            output=output.folder / "student.safetensors",
        )


def make_plan(facts: Facts, budget: float) -> Plan:
    """How long everything runs, in a budget of seconds, and whether a generator is trained first."""
    seconds = SHARE_OF_BUDGET * budget
    words = [
        facts.classifier,
        f"images: {facts.number:,} of {facts.images}; to the classifier they are {facts.support.describe()}",
    ]
    generator_steps = 0
    if not is_far(facts.support):
        words.append("the classifier is sure of them: no generator is needed, the student learns from them alone")
    elif (needed := GENERATOR_STEPS * facts.generator_seconds) <= GAN_SHARE * seconds:
        generator_steps = GENERATOR_STEPS
        seconds -= needed
        words.append(
            f"the classifier is not sure of them: a generator learns for {generator_steps:,} steps to make samples of "
            "every class, and the student learns from its samples and from the images"
        )
    else:
        enough = needed / GAN_SHARE / SHARE_OF_BUDGET
        words.append(
            "the classifier is not sure of them, but the time is too short for a generator (about "
            f"{enough / 60:.0f} minutes would do): the student learns from them alone"
        )
    steps = STEPS_PER_EPOCH
    epoch_seconds = steps * facts.update_seconds + facts.look_seconds
    if seconds < EPOCHS[0] * epoch_seconds:
        steps = max(16, int((seconds / EPOCHS[0] - facts.look_seconds) / facts.update_seconds))
        epoch_seconds = steps * facts.update_seconds + facts.look_seconds
    epochs = max(EPOCHS[0], min(EPOCHS[1], int(seconds / epoch_seconds)))
    took = epochs * epoch_seconds + generator_steps * facts.generator_seconds
    if took > budget:
        words.append(f"this is the least that makes sense, and more than the budget of {budget / 60:.1f} minutes")
    words.append(
        f"the student learns for at most {epochs} epochs of {steps} updates, every image changed anew each time before "
        f"the classifier and it see it, and stops when agreement no longer rises; about {took / 60:.1f} minutes in all"
    )
    return Plan(
        epochs=epochs,
        steps_per_epoch=steps,
        generator_steps=generator_steps,
        seconds=took,
        words=tuple(words),
    )


def _shared(settings: CompressSettings) -> dict[str, Any]:
    """What each part of the run takes over."""
    names = ("arch", "num_classes", "data_dir", "download", "device", "precision", "seed")
    return {name: getattr(settings, name) for name in names if name in settings.given}
