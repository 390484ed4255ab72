"""The contract of a strategy that teaches a classifier new classes."""

from __future__ import annotations

import copy
from typing import Any

import torch

from ..engine import Engine, start
from ..models import widen
from ..specs import ArchitectureSpec, InputSpec, Strategy, StrategyParts, StrategySpec
from .common import equal_states, naming_the_spec, require, require_tensor, tiny_classifier
from .method import check_settings

BATCH = 8
SHAPE = (3, 16, 16)
OLD, NEW = 4, 3


@naming_the_spec
def check_strategy(spec: StrategySpec, settings: Any = None) -> None:
    """Teach a tiny classifier new classes with it for some updates on noise, on the CPU.

    :param settings: an instance of ``spec.settings`` to check with; None takes the defaults.
    :raises AssertionError: naming the spec and what is wrong.
    """
    check_settings(spec)
    with torch.random.fork_rng(devices=[]):
        for precision in ("bf16", "fp32"):
            engine = start(device="cpu", precision=precision, seed=0)
            _check(spec, engine, spec.settings() if settings is None else settings)


def _check(spec: StrategySpec, engine: Engine, settings: Any) -> None:
    what = f"{spec.name} in {engine.precision}"
    old = engine.place(tiny_classifier(SHAPE, OLD)).freeze()
    frozen = copy.deepcopy(old.state_dict())
    tiny = ArchitectureSpec(name="tiny", build=_build)
    model, head = widen(old, tiny, [f"new {index}" for index in range(NEW)])
    before = copy.deepcopy(model.state_dict())
    strategy = spec.build(StrategyParts(engine=engine, model=model, old=old, head=head, settings=settings))

    groups = strategy.parameters()
    require(bool(groups) and all("params" in group for group in groups), f"{what}: parameters() gives no groups")
    optimiser = engine.optimiser("sgd", groups, lr=0.01, weight_decay=1e-3)
    strategy.train(0.0)
    rows = []
    for _ in range(3):
        rows.append(_step(what, spec, strategy, engine))
        optimiser.step()
        optimiser.zero_grad()
    require(all(row == rows[0] for row in rows), f"{what}: the rows of its steps have different names")
    strategy.finish()

    require(equal_states(frozen, old.state_dict()), f"{what}: it changes the old classifier")
    touched = any(p.requires_grad or p.grad is not None for p in old.parameters())
    require(not touched, f"{what}: it computes gradients of the old classifier's weights")
    extended = engine.unwrap(strategy.model)
    require(not equal_states(before, extended.state_dict()), f"{what}: three steps leave the classifier as it was")
    logits = extended.eval()(torch.rand(BATCH, *SHAPE))
    require_tensor(f"{what}: its classifier's logits", logits, (BATCH, OLD + NEW))


def _build(classes: int, input: InputSpec) -> torch.nn.Module:
    return tiny_classifier(input.shape, classes).network


def _step(what: str, spec: StrategySpec, strategy: Strategy, engine: Engine) -> list[str]:
    labels = torch.randint(OLD, OLD + NEW, (BATCH,))
    samples = torch.rand(BATCH, *SHAPE) if spec.uses_samples else None
    with engine.autocast():
        loss, row = strategy.loss(torch.rand(BATCH, *SHAPE), labels, samples)
    require_tensor(f"{what}: its loss", loss, ())
    require(loss.requires_grad, f"{what}: its loss has no gradient")
    for name, value in row.items():
        require_tensor(f"{what}: {name} of a step's row", value, ())
        require(not value.requires_grad, f"{what}: {name} of a step's row is not detached")
    engine.backward(loss)
    return list(row)
