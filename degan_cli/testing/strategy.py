"""The contract of a strategy that teaches a classifier new classes."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch.optim import Optimizer

from ..engine import Engine, start
from ..models import Classifier, widen
from ..plugins.faults import parameters_fault, row_fault, state_fault
from ..specs import ArchitectureSpec, InputSpec, Network, Strategy, StrategyParts, StrategySpec
from .common import Snapshot, equal_states, naming_the_spec, require, require_tensor, tiny_classifier
from .method import check_settings

BATCH = 8
SHAPE = (3, 16, 16)
OLD, NEW = 4, 3


@naming_the_spec
def check_strategy(spec: StrategySpec, settings: Any = None) -> None:
    """Teach a tiny classifier new classes with it for some updates on noise, on the CPU; stop, and go on.

    :param settings: an instance of ``spec.settings`` to check with; None takes the defaults.
    :raises AssertionError: naming the spec and what is wrong.
    """
    check_settings(spec)
    with torch.random.fork_rng(devices=[]):
        for precision in ("bf16", "fp32"):
            engine = start(device="cpu", precision=precision, seed=0)
            _check(spec, engine, spec.settings() if settings is None else settings)
        _check_resume(spec, engine, spec.settings() if settings is None else settings)


def _check(spec: StrategySpec, engine: Engine, settings: Any) -> None:
    what = f"{spec.name} in {engine.precision}"
    old = engine.place(tiny_classifier(SHAPE, OLD)).freeze()
    kept = Snapshot.of(old)
    strategy, optimiser, before = _built(what, spec, engine, old, settings)
    strategy.train(0.0)
    rows = []
    for _ in range(3):
        rows.append(_step(what, spec, strategy, engine))
        optimiser.step()
        optimiser.zero_grad()
    require(all(row == rows[0] for row in rows), f"{what}: the rows of its steps have different names")
    strategy.finish()

    kept.require_kept(what, "old classifier")
    extended = engine.unwrap(strategy.model)
    require(not equal_states(before, extended.state_dict()), f"{what}: three steps leave the classifier as it was")
    logits = extended.eval()(torch.rand(BATCH, *SHAPE))
    require_tensor(f"{what}: its classifier's logits", logits, (BATCH, OLD + NEW))


def _built(
    what: str, spec: StrategySpec, engine: Engine, old: Classifier, settings: Any
) -> tuple[Strategy, Optimizer, dict[str, torch.Tensor]]:
    """A fresh strategy that extends ``old``, its optimiser, and the weights that it begins with."""
    tiny = ArchitectureSpec(name="tiny", build=_build)
    model, head = widen(old, tiny, [f"new {index}" for index in range(NEW)])
    before = copy.deepcopy(model.state_dict())
    strategy = spec.build(StrategyParts(engine=engine, model=model, old=old, head=head, settings=settings))
    extended = engine.unwrap(strategy.model)
    for name in ("class_names", "network"):
        require(hasattr(extended, name), f"{what}: its model lacks {name}; it is the whole classifier, not its network")
    groups = strategy.parameters()
    fault = parameters_fault(groups)
    require(not fault, f"{what}: parameters() {fault}")
    fault = state_fault(strategy.parts())
    require(not fault, f"{what}: parts() {fault}")
    return strategy, engine.optimiser("sgd", groups, lr=0.01, weight_decay=1e-3), before


def _check_resume(spec: StrategySpec, engine: Engine, settings: Any) -> None:
    """A second one, of other initial weights, that takes up what a checkpoint holds must go on exactly as the first."""
    old = engine.place(tiny_classifier(SHAPE, OLD)).freeze()

    def learns(strategy: Strategy, optimiser: Optimizer, seed: int) -> None:
        torch.manual_seed(seed)
        strategy.train(0.0)
        for _ in range(2):
            _step(spec.name, spec, strategy, engine)
            optimiser.step()
            optimiser.zero_grad()

    first, optimiser, _ = _built(spec.name, spec, engine, old, settings)
    learns(first, optimiser, 1)
    held: dict[str, Network | Optimizer] = {"model": first.model, "optimiser": optimiser, **first.parts()}
    state = {name: copy.deepcopy(part.state_dict()) for name, part in held.items()}
    other, its_optimiser, _ = _built(spec.name, spec, engine, old, settings)
    taking_up: dict[str, Network | Optimizer] = {"model": other.model, "optimiser": its_optimiser, **other.parts()}
    require(taking_up.keys() == state.keys(), f"{spec.name}: parts() has other names each time")
    for name, part in taking_up.items():
        part.load_state_dict(state[name])
    learns(first, optimiser, 2)
    learns(other, its_optimiser, 2)
    ends = [engine.unwrap(each.model).state_dict() for each in (first, other)]
    require(equal_states(*ends), f"{spec.name}: model and parts() do not hold all that is needed to go on exactly")


def _build(classes: int, input: InputSpec) -> torch.nn.Module:
    return tiny_classifier(input.shape, classes).network


def _step(what: str, spec: StrategySpec, strategy: Strategy, engine: Engine) -> list[str]:
    labels = torch.randint(OLD, OLD + NEW, (BATCH,))
    samples = torch.rand(BATCH, *SHAPE) if spec.uses_samples else None
    with engine.autocast():
        loss, row = strategy.loss(torch.rand(BATCH, *SHAPE), labels, samples)
    require_tensor(f"{what}: its loss", loss, ())
    require(loss.requires_grad, f"{what}: its loss has no gradient")
    fault = row_fault(row)
    require(not fault, f"{what}: a step {fault}")
    for name, value in row.items():
        require_tensor(f"{what}: {name} of a step's row", value, ())
        require(not value.requires_grad, f"{what}: {name} of a step's row is not detached")
    engine.backward(loss)
    return list(row)
