from __future__ import annotations

import itertools
from dataclasses import dataclass, field, make_dataclass, replace

import pytest
import torch
from torch.nn import functional as F

from degan_cli.methods import degan_methods
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
        (PerImage, r"loss of a step's row: shape \(8,\), not \(\)"),
        (Diverging, "loss of a step's row: not finite"),
        (Changing, "the rows of its steps have different names"),
        (TrainsTheClassifier, "a step changes the classifier"),
        (WantsGradients, "a step computes gradients of the classifier's weights"),
        (ForgetsMomentum, "its state does not hold all that is needed to go on exactly"),
        (StateOfNumbers, "step of its state is int, not a network or an optimiser"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_catches(build, message):
    with pytest.raises(AssertionError, match=message):
        check_method(MethodSpec(name="mine", build=build))


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
