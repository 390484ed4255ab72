from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
import torch
from torch.nn import functional as F

from degan_cli.methods import degan_methods
from degan_cli.models import resting
from degan_cli.specs import InversionSpec
from degan_cli.testing import check_inversion

BUILT_IN = [spec for spec in degan_methods() if isinstance(spec, InversionSpec)]


class Wanted:
    """Images of the classes in turn, in the space of logits of pixels; a scale is learned beside them."""

    def __init__(self, parts):
        self.parts = parts
        self.scale = torch.nn.Linear(1, 1)
        self.optimiser = torch.optim.Adam(self.scale.parameters(), 0.01)

    def begin(self, count, noise):
        values = torch.randn(count, *self.parts.classifier.input.shape, generator=noise)
        return values, torch.arange(count) % len(self.parts.classifier.class_names)

    def loss(self, values, targets, noise):
        images = torch.sigmoid(values + 0.1 * torch.randn(values.shape, generator=noise))
        loss = F.cross_entropy(self.parts.classifier(images), targets) + self.scale.weight.detach().sum().exp()
        return loss, {"loss": loss.detach()}

    def pixels(self, values):
        return torch.sigmoid(values)

    def learn(self, images, targets):
        loss = self.scale(images.mean().view(1)).square().sum()
        loss.backward()
        self.optimiser.step()
        self.optimiser.zero_grad()
        return {"scale": loss.detach()}

    def state(self):
        return {"scale": self.scale, "optimiser": self.optimiser}


class WithStudent(Wanted):
    def loss(self, values, targets, noise):
        loss, row = super().loss(values, targets, noise)
        with resting(self.parts.student):
            return loss - self.parts.student(torch.sigmoid(values)).std(), row


def begins(change):
    """What begins otherwise."""

    class Begins(Wanted):
        def begin(self, count, noise):
            return change(*super().begin(count, noise))

    return Begins


def loses(change):
    class Loses(Wanted):
        def loss(self, values, targets, noise):
            return change(values, *super().loss(values, targets, noise))

    return Loses


class Globally(Wanted):
    def begin(self, count, noise):
        values, targets = super().begin(count, noise)
        return torch.randn_like(values), targets


class GlobalLoss(Wanted):
    def loss(self, values, targets, noise):
        loss, row = super().loss(values, targets, noise)
        return loss + torch.rand(()), row


class MovesValues(Wanted):
    def loss(self, values, targets, noise):
        with torch.no_grad():
            values.add_(0.01)
        return super().loss(values, targets, noise)


class Unbounded(Wanted):
    def pixels(self, values):
        return values


class InPlace(Wanted):
    def pixels(self, values):
        return values.clamp_(0, 1)


class Fading(Wanted):
    def pixels(self, values):
        with torch.no_grad():
            return torch.sigmoid(values.mul_(0.5))


class Small(Wanted):
    def pixels(self, values):
        return torch.sigmoid(values)[:, :, ::2, ::2]


class TrainsTheClassifier(Wanted):
    def __init__(self, parts):
        super().__init__(parts)
        parts.classifier.train()


class WantsGradients(Wanted):
    def __init__(self, parts):
        super().__init__(parts)
        parts.classifier.requires_grad_(True)


class LeavesAHook(Wanted):
    def loss(self, values, targets, noise):
        self.parts.classifier.network.register_forward_pre_hook(lambda *arguments: None)
        return super().loss(values, targets, noise)


class ChangesImages(Wanted):
    def learn(self, images, targets):
        row = super().learn(images, targets)
        images.zero_()
        return row


class AttachedRow(Wanted):
    def learn(self, images, targets):
        super().learn(images, targets)
        return {"scale": self.scale.weight.sum()}


class ForgetsWhatItLearned(Wanted):
    def state(self):
        return {"optimiser": self.optimiser}


class ForgetsMomentum(Wanted):
    """Adam's, which shows in the next loss only after another update."""

    def state(self):
        return {"scale": self.scale}


class StateOfNumbers(Wanted):
    def state(self):
        return {**super().state(), "batches": 3}


def check(build, **options):
    check_inversion(InversionSpec(name="mine", build=build, **options))


@pytest.mark.parametrize("spec", BUILT_IN, ids=lambda spec: spec.name)
def test_each_built_in_keeps_the_contract_of_a_plugin(spec):
    check_inversion(spec)


def test_passes_what_keeps_the_contract():
    check(Wanted)
    check(WithStudent, uses_student=True)


@pytest.mark.parametrize("kind", [torch.float64, torch.float16])
def test_passes_probabilities_as_targets(kind):
    class Soft(Wanted):
        def begin(self, count, noise):
            values, targets = super().begin(count, noise)
            return values, (0.9 * F.one_hot(targets, 4) + 0.025).to(kind)

        def loss(self, values, targets, noise):
            return super().loss(values, targets.float(), noise)

    check(Soft)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (Globally, "mine in bf16: begin gives other values or targets for the same noise"),
        (begins(lambda v, t: (torch.zeros_like(v), t)), "begin gives the same values for another noise"),
        (begins(lambda v, t: (v[:3], t)), r"its first values: shape \(3, 3, 16, 16\), not \(8, 3, 16, 16\)"),
        (begins(lambda v, t: (v.requires_grad_(), t)), "its first values take gradients already"),
        (begins(lambda v, t: (v, t.tolist())), "its targets: list, not a tensor"),
        (begins(lambda v, t: (v, t.int())), "its targets: torch.int32, not torch.int64"),
        (begins(lambda v, t: (v, t[:3])), r"its targets: shape \(3,\), not \(8,\)"),
        (begins(lambda v, t: (v, t + 1)), "its targets: classes from 1 to 4 for 4 classes"),
        (begins(lambda v, t: (v, t.float())), r"its targets: shape \(8,\), not \(8, 4\)"),
        (begins(lambda v, t: (v, torch.full((8, 4), 0.5))), "its targets: rows that are no probabilities, with sums"),
        (loses(lambda v, loss, row: (loss.expand(8), row)), r"its loss: shape \(8,\), not \(\)"),
        (loses(lambda v, loss, row: (loss * torch.nan, row)), "its loss: not finite"),
        (loses(lambda v, loss, row: (loss.detach(), row)), "its loss has no gradient"),
        (loses(lambda v, loss, row: (loss * 0, row)), "the gradient of the values is 0"),
        (loses(lambda v, loss, row: (torch.ones(()).requires_grad_(), row)), "no gradient reaches the values"),
        (loses(lambda v, loss, row: (loss, {"loss": loss})), "loss of its row is not detached"),
        (loses(lambda v, loss, row: (loss, {"values": v.detach()})), "values of its row: shape"),
        (loses(lambda v, loss, row: (loss, {str(v.requires_grad)[:4] + str(torch.rand(())): loss.detach()})), "names"),
        (GlobalLoss, "another loss for the same values and noise; draw from the noise alone"),
        (MovesValues, "its loss changes the values; pixels may"),
        (Unbounded, "its images: pixels from -"),
        (InPlace, "pixels fails: a leaf Variable that requires grad"),
        (Fading, "pixels gives other images each time for the same values"),
        (Small, r"its images: shape \(8, 3, 8, 8\), not \(8, 3, 16, 16\)"),
        (loses(lambda v, loss, row: (2 * loss.detach() - loss, row)), "25 steps at its lr of 0.05 take its loss from"),
        (TrainsTheClassifier, "changes the classifier's weights or buffers"),
        (WantsGradients, "leaves the classifier's weights with another requires_grad"),
        (LeavesAHook, "leaves hooks in the classifier"),
        (ChangesImages, "learn changes the images or the targets"),
        (AttachedRow, "learn: scale of its row is not detached"),
        (ForgetsWhatItLearned, "its state does not hold all that is needed to go on exactly"),
        (ForgetsMomentum, "its state does not hold all that is needed to go on exactly"),
        (StateOfNumbers, "batches of its state is int, not a network or an optimiser"),
    ],
)
def test_catches(build, message):
    with pytest.raises(AssertionError, match=message):
        check(build)


def before_each_loss(act):
    class Acts(WithStudent):
        def loss(self, values, targets, noise):
            act(self.parts.student)
            return super().loss(values, targets, noise)

    return Acts


def grade(student):
    student.eval()(torch.rand(4, 3, 16, 16)).sum().backward()
    student.train()


def show(student):
    with torch.no_grad():
        student(torch.rand(4, 3, 16, 16))


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (show, "mine in bf16: changes the student's weights or buffers"),
        (lambda student: student.eval(), "leaves the student in another mode"),
        (lambda student: student.requires_grad_(False), "leaves the student's weights with another requires_grad"),
        (grade, "computes gradients of the student's weights"),
    ],
)
def test_catches_what_is_done_to_a_student(act, message):
    with pytest.raises(AssertionError, match=message):
        check(before_each_loss(act), uses_student=True)


def test_condensed_images_and_a_student_come_to_those_that_use_them():
    seen = []

    def build(parts):
        seen.append(parts)
        return Wanted(parts)

    check(build)
    assert all(parts.condensed is None and parts.student is None for parts in seen)
    seen.clear()
    check(build, uses_condensed=True, uses_student=True)
    for parts in seen:
        assert parts.condensed.images.shape == (8, 3, 16, 16)
        assert parts.condensed.labels.bincount().tolist() == [2, 2, 2, 2]
        assert parts.condensed.class_names == parts.classifier.class_names
        assert parts.student.training
        assert not torch.equal(next(parts.student.parameters()), next(parts.classifier.parameters()))


@pytest.mark.parametrize("name", ["batch_size", "steps", "lr", "every", "number"])
def test_catches_numbers_that_make_nothing(name):
    with pytest.raises(AssertionError, match=f"mine: {name} is 0, not positive"):
        check_inversion(replace(InversionSpec(name="mine", build=Wanted), **{name: 0}))


@dataclass(frozen=True)
class Mine:
    weight: float = 1.0


@dataclass(frozen=True)
class Helpful:
    weight: float = field(default=1.0, metadata={"help": "h"})


def test_settings_are_checked_and_reach_the_inversion():
    with pytest.raises(AssertionError, match="settings of mine: weight has no help"):
        check(Wanted, settings=Mine)
    seen = []

    def build(parts):
        seen.append(parts.settings.weight)
        return Wanted(parts)

    check_inversion(InversionSpec(name="mine", build=build, settings=Helpful), Helpful(weight=3.0))
    assert set(seen) == {3.0}


def test_it_leaves_the_callers_random_numbers_alone():
    before = torch.get_rng_state()
    check(Wanted)
    assert torch.equal(torch.get_rng_state(), before)
