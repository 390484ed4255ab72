from __future__ import annotations

import itertools
from dataclasses import dataclass, field, make_dataclass, replace

import pytest
import torch
from torch.nn import functional as F

from degan_cli.methods import degan_methods
from degan_cli.models import resting
from degan_cli.specs import MethodSpec
from degan_cli.testing import check_method


class Confident:
    """A small method without a discriminator: images of which the classifier is sure."""

    def __init__(self, parts):
        self.parts = parts
        self.engine = parts.engine
        self.generator = self.engine.prepare(parts.generator).train()
        self.optimiser = self.engine.adam(self.generator.parameters(), parts.lr)

    def loss(self, real):
        z = torch.randn(len(real), self.parts.latent)
        logits = self.parts.classifier(self.generator(z))
        return F.cross_entropy(logits, logits.argmax(1))

    def step(self, real):
        with self.engine.autocast():
            loss = self.loss(real)
        self.engine.backward(loss)
        self.optimiser.step()
        self.optimiser.zero_grad()
        return {"loss": loss.detach()}

    def state(self):
        return {"generator": self.generator, "optimiser": self.optimiser}


class Disagreeing(Confident):
    """Images on which a student is less sure than the classifier, made from nothing."""

    def loss(self, real):
        images = self.generator(torch.randn(len(real), self.parts.latent))
        with resting(self.parts.student):
            mine = self.parts.student(images).softmax(dim=1)
        return (mine * self.parts.classifier(images).softmax(dim=1)).sum(dim=1).mean()


class TeachesTheStudent(Disagreeing):
    def step(self, real):
        with torch.no_grad():
            next(self.parts.student.parameters()).add_(1)
        return super().step(real)


class ShowsTheStudent(Disagreeing):
    """Its BatchNorm statistics drift."""

    def step(self, real):
        with torch.no_grad():
            self.parts.student(torch.rand(4, 3, 32, 32))
        return super().step(real)


class PutsTheStudentToSleep(Disagreeing):
    def step(self, real):
        self.parts.student.eval()
        return super().step(real)


class FreezesTheStudent(Disagreeing):
    def step(self, real):
        self.parts.student.requires_grad_(False)
        return super().step(real)


class GradesTheStudent(Disagreeing):
    def step(self, real):
        self.parts.student.eval()(torch.rand(4, 3, 32, 32)).sum().backward()
        self.parts.student.train()
        return super().step(real)


class HooksTheStudent(Disagreeing):
    def step(self, real):
        self.parts.student.register_forward_hook(lambda *arguments: None)
        return super().step(real)


class WantsImages(Confident):
    def loss(self, real):
        return F.cross_entropy(self.parts.classifier(self.generator(torch.randn(8, 6)) + real), torch.zeros(8).long())


class Attached(Confident):
    def step(self, real):
        super().step(real)
        return {"loss": self.loss(real)}


class Idle(Confident):
    def step(self, real):
        return {"loss": torch.zeros(())}


class PerImage(Confident):
    def step(self, real):
        return {"loss": super().step(real)["loss"].expand(len(real))}


class Diverging(Confident):
    def step(self, real):
        return {"loss": super().step(real)["loss"] * torch.nan}


class Changing(Confident):
    counter = itertools.count()

    def step(self, real):
        return {f"loss{next(self.counter)}": super().step(real)["loss"]}


class TrainsTheClassifier(Confident):
    def __init__(self, parts):
        super().__init__(parts)
        parts.classifier.train()


class WantsGradients(Confident):
    def __init__(self, parts):
        super().__init__(parts)
        parts.classifier.requires_grad_(True)


class ForgetsMomentum(Confident):
    def state(self):
        return {"generator": self.generator}


class StateOfNumbers(Confident):
    def state(self):
        return {**super().state(), "step": 3}


BUILT_IN = [spec for spec in degan_methods() if isinstance(spec, MethodSpec)]


@pytest.mark.parametrize("spec", BUILT_IN, ids=lambda spec: spec.name)
def test_each_built_in_keeps_the_contract_of_a_plugin(spec):
    check_method(spec)


def test_passes_what_keeps_the_contract():
    check_method(MethodSpec(name="mine", build=Confident))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (Attached, "loss of a step's row is not detached"),
        (Idle, "three steps leave the generator as it was"),
        (PerImage, r"a step gives loss: float32 \(8,\), not a number"),
        (Diverging, "loss of a step's row: not finite"),
        (Changing, "the rows of its steps have different names"),
        (TrainsTheClassifier, "a step changes the classifier"),
        (WantsGradients, "a step computes gradients of the classifier's weights"),
        (ForgetsMomentum, "its state does not hold all that is needed to go on exactly"),
        (StateOfNumbers, r"state\(\) gives step: int, not a network or an optimiser"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_catches(build, message):
    with pytest.raises(AssertionError, match=message):
        check_method(MethodSpec(name="mine", build=build))


def test_a_method_without_a_proxy_is_given_none():
    check_method(MethodSpec(name="mine", build=Confident, uses_proxy=False))
    check_method(MethodSpec(name="mine", build=WantsImages))
    with pytest.raises(AssertionError, match="mine in bf16: a step fails on the empty images that come"):
        check_method(MethodSpec(name="mine", build=WantsImages, uses_proxy=False))


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"proxy_share": 0.95}, r"mine: proxy_share is 0.95, not in \[0, 0.9\]"),
        ({"proxy_share": 0.5, "uses_proxy": False}, "mine: a proxy_share without uses_proxy"),
    ],
)
def test_a_share_of_the_proxy_needs_a_proxy_and_leaves_room_for_samples(own, message):
    check_method(MethodSpec(name="mine", build=Confident, proxy_share=0.5))
    with pytest.raises(AssertionError, match=message):
        check_method(MethodSpec(name="mine", build=Confident, **own))


def test_a_student_comes_to_those_that_use_one_and_has_weights_of_its_own():
    seen = []

    def build(parts):
        seen.append((parts.classifier, parts.student))
        return Disagreeing(parts)

    check_method(MethodSpec(name="mine", build=build, uses_student=True))
    for classifier, student in seen:
        assert student.training
        assert all(weight.requires_grad for weight in student.parameters())
        assert student.class_names == classifier.class_names
        assert not torch.equal(next(student.parameters()), next(classifier.parameters()))
    with pytest.raises(AssertionError, match="its code raises AttributeError: .NoneType"):
        check_method(MethodSpec(name="mine", build=build))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (TeachesTheStudent, "mine in bf16: a step: changes the student's weights or buffers"),
        (ShowsTheStudent, "a step: changes the student's weights or buffers"),
        (PutsTheStudentToSleep, "a step: leaves the student in another mode"),
        (FreezesTheStudent, "a step: leaves the student's weights with another requires_grad"),
        (GradesTheStudent, "a step: computes gradients of the student's weights"),
        (HooksTheStudent, "a step: leaves hooks in the student"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_catches_what_is_done_to_a_student(build, message):
    with pytest.raises(AssertionError, match=message):
        check_method(MethodSpec(name="mine", build=build, uses_student=True, uses_proxy=False))


def settings(kind, **options):
    return make_dataclass("Mine", [("weight", kind, field(**options))], frozen=True)


@dataclass
class Thawed:
    pass


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (settings(float, metadata={"help": "h"}), "weight has no default"),
        (settings(float, default=1.0), "weight has no help"),
        (settings(float, default=1.0, metadata={"help": "h", "max": 0.5}), "the default 1.0 of weight is out of its"),
        (settings(int, default="1", metadata={"help": "h"}), "the default '1' of weight is no int"),
        (settings(list, default=(), metadata={"help": "h"}), "weight is <class 'list'>, not int, float, bool or str"),
        (Thawed, "Thawed is not frozen"),
        (int, "int is no dataclass"),
    ],
)
def test_catches_settings_that_set_cannot_reach(kind, message):
    with pytest.raises(AssertionError, match=message):
        check_method(replace(MethodSpec(name="mine", build=Confident), settings=kind))


def test_settings_reach_the_method():
    seen = []

    def build(parts):
        seen.append(parts.settings)
        return Confident(parts)

    kind = settings(float, default=1.0, metadata={"help": "h"})
    check_method(MethodSpec(name="mine", build=build, settings=kind), kind(weight=2.0))
    assert {each.weight for each in seen} == {2.0}
