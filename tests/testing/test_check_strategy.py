from __future__ import annotations

import dataclasses

import pytest
import torch

from degan_cli.config.methods import SCALINGS, ReplaySettings
from degan_cli.methods import degan_methods
from degan_cli.methods.finetune import Finetune
from degan_cli.specs import StrategySpec
from degan_cli.testing import check_strategy

BUILT_IN = [spec for spec in degan_methods() if isinstance(spec, StrategySpec)]


@pytest.mark.parametrize("spec", BUILT_IN, ids=lambda spec: spec.name)
def test_the_built_in_strategies_keep_the_contract(spec):
    check_strategy(spec)


@pytest.mark.parametrize("scaling", SCALINGS)
def test_replay_keeps_it_with_every_scaling(scaling):
    replay = next(spec for spec in BUILT_IN if spec.name == "replay")
    check_strategy(replay, ReplaySettings(scaling=scaling))


class Attached(Finetune):
    def loss(self, images, labels, samples):
        loss, _ = super().loss(images, labels, samples)
        return loss, {"loss": loss}


class TeachesTheOld(Finetune):
    def loss(self, images, labels, samples):
        with torch.no_grad():
            next(self.old.parameters()).add_(1)
        return super().loss(images, labels, samples)


class Idle(Finetune):
    def loss(self, images, labels, samples):
        loss, row = super().loss(images, labels, samples)
        return loss * 0, row

    def parameters(self):
        return [{"params": list(self.model.parameters()), "weight_decay": 0.0}]

    def train(self, progress):
        self.model.eval()


class WakesTheOld(Finetune):
    def loss(self, images, labels, samples):
        self.old.train()
        return super().loss(images, labels, samples)


class Average(Finetune):
    """Pulls the classifier towards a memory that no checkpoint holds."""

    def __init__(self, parts):
        super().__init__(parts)
        self.memory = [weight.detach().clone() for weight in self.model.parameters()]

    def loss(self, images, labels, samples):
        loss, row = super().loss(images, labels, samples)
        pairs = zip(self.model.parameters(), self.memory, strict=True)
        loss = loss + sum((weight - kept).square().sum() for weight, kept in pairs)
        for weight, kept in zip(self.model.parameters(), self.memory, strict=True):
            kept.lerp_(weight.detach(), 0.5)
        return loss, row


class Numbers(Finetune):
    def parts(self):
        return {"steps": 3}


class Bare(Finetune):
    def __init__(self, parts):
        super().__init__(parts)
        self.model = self.model.network


class NoWeights(Finetune):
    def parameters(self):
        return []


class TakenName(Finetune):
    def loss(self, images, labels, samples):
        loss, _ = super().loss(images, labels, samples)
        return loss, {"step": loss.detach()}


class WantsSamples(Finetune):
    def loss(self, images, labels, samples):
        return super().loss(torch.cat([images, samples]), labels.repeat(2), None)


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        (Attached, "odd in bf16: loss of a step's row is not detached"),
        (TeachesTheOld, "odd in bf16: changes the old classifier"),
        (Idle, "odd in bf16: three steps leave the classifier as it was"),
        (WakesTheOld, "odd in bf16: leaves the old classifier in another mode"),
        (Average, r"odd: model and parts\(\) do not hold all that is needed to go on exactly"),
        (Numbers, r"odd in bf16: parts\(\) gives steps: int, not a network or an optimiser"),
        (Bare, "odd in bf16: its model lacks class_names"),
        (NoWeights, r"odd in bf16: parameters\(\) gives no weight to update"),
        (TakenName, "odd in bf16: a step gives a number named step"),
    ],
)
def test_a_strategy_that_breaks_the_contract_is_named(strategy, message):
    with pytest.raises(AssertionError, match=message):
        check_strategy(StrategySpec(name="odd", build=strategy))


def test_samples_come_only_to_those_that_want_them():
    with pytest.raises(AssertionError, match="check_strategy of odd: its code raises TypeError"):
        check_strategy(StrategySpec(name="odd", build=WantsSamples))
    check_strategy(StrategySpec(name="odd", build=WantsSamples, uses_samples=True))


@dataclasses.dataclass(frozen=True)
class OddChoice:
    norm: str = dataclasses.field(default="l3", metadata={"help": "which", "choices": ("l1", "l2")})


def test_a_default_that_is_no_choice_is_named():
    with pytest.raises(AssertionError, match="settings of odd: the default 'l3' of norm is none of its choices"):
        check_strategy(StrategySpec(name="odd", build=Finetune, settings=OddChoice))
