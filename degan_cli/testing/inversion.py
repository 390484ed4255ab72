"""The contract of a method that optimises the images themselves."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ..engine import Engine, start
from ..images import to_uint8, to_unit
from ..specs import ImageSet, Inversion, InversionParts, InversionSpec
from .common import (
    Broken,
    Snapshot,
    equal_states,
    naming_the_spec,
    require,
    require_pixels,
    require_rows,
    require_tensor,
    tiny_classifier,
)
from .method import check_settings

BATCH = 8
CLASSES = 4
SHAPE = (3, 16, 16)
STEPS = 25
LOOKS = 8
"""Draws of noise over which a loss is averaged before it is compared."""


@naming_the_spec
def check_inversion(spec: InversionSpec, settings: Any = None) -> None:
    """Optimise some images with it for a tiny classifier on the CPU, let it learn from them, stop, and go on.

    The classifier has BatchNorm and a linear layer. An inversion that uses a student is given a tiny one, in train
    mode, and one that uses condensed images two of each class.

    :param settings: an instance of ``spec.settings`` to check with; None takes the defaults.
    :raises AssertionError: naming the spec and what is wrong.
    """
    check_settings(spec)
    for name in ("batch_size", "steps", "lr", "every", "number"):
        require(getattr(spec, name) > 0, f"{spec.name}: {name} is {getattr(spec, name)}, not positive")
    with torch.random.fork_rng(devices=[]):
        for precision in ("bf16", "fp32"):
            engine = start(device="cpu", precision=precision, seed=0)
            parts = _parts(spec, engine, spec.settings() if settings is None else settings)
            inversion = _check(spec, parts, engine)
        _check_resume(spec, inversion, parts, engine)


def _parts(spec: InversionSpec, engine: Engine, settings: Any) -> InversionParts:
    classifier = engine.place(tiny_classifier(SHAPE, CLASSES).freeze())
    images = torch.randint(0, 256, (2 * CLASSES, *SHAPE), dtype=torch.uint8)
    labels = torch.arange(2 * CLASSES) % CLASSES
    condensed = ImageSet(images=images, labels=labels, class_names=classifier.class_names)
    return InversionParts(
        engine=engine,
        classifier=classifier,
        student=engine.place(tiny_classifier(SHAPE, CLASSES)).train() if spec.uses_student else None,
        condensed=condensed if spec.uses_condensed else None,
        settings=settings,
    )


def _check(spec: InversionSpec, parts: InversionParts, engine: Engine) -> Inversion:
    what = f"{spec.name} in {engine.precision}"
    others = [(parts.classifier, "classifier"), (parts.student, "student")]
    snapshots = [(Snapshot.of(network), whose) for network, whose in others if network is not None]

    def require_kept() -> None:
        for snapshot, whose in snapshots:
            snapshot.require_kept(what, whose)

    inversion = spec.build(parts)
    values, targets = _check_begin(what, inversion)
    _check_loss(what, inversion, values, targets, engine, require_kept)
    images = _check_optimisation(what, spec, inversion, values, targets, engine)
    _check_learn(what, inversion, images, targets)
    require_kept()
    return inversion


def _noise(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _check_begin(what: str, inversion: Inversion) -> tuple[Tensor, Tensor]:
    torch.manual_seed(1)
    values, targets = inversion.begin(BATCH, _noise(0))
    require_tensor(f"{what}: its first values", values, (BATCH, *SHAPE))
    require(not values.requires_grad, f"{what}: its first values take gradients already; the loop sees to that")
    _check_targets(f"{what}: its targets", targets)
    torch.manual_seed(2)
    again, same = inversion.begin(BATCH, _noise(0))
    drawn_alike = torch.equal(values, again) and torch.equal(targets, same)
    require(drawn_alike, f"{what}: begin gives other values or targets for the same noise; draw from the noise alone")
    other, _ = inversion.begin(BATCH, _noise(1))
    require(not torch.equal(values, other), f"{what}: begin gives the same values for another noise")
    return values, targets


def _check_targets(what: str, targets: object) -> None:
    if not isinstance(targets, Tensor):
        raise Broken(f"{what}: {type(targets).__name__}, not a tensor")
    if targets.is_floating_point():
        require_tensor(what, targets, (BATCH, CLASSES))
        sums = targets.float().sum(dim=1)
        fits = bool((targets >= 0).all()) and torch.allclose(sums, torch.ones(BATCH), atol=1e-3)
        require(fits, f"{what}: rows that are no probabilities, with sums from {sums.min():.3f} to {sums.max():.3f}")
        return
    require(targets.dtype == torch.int64, f"{what}: {targets.dtype}, not torch.int64 classes or probabilities")
    require(targets.shape == (BATCH,), f"{what}: shape {tuple(targets.shape)}, not ({BATCH},)")
    least, most = int(targets.min()), int(targets.max())
    require(least >= 0 and most < CLASSES, f"{what}: classes from {least} to {most} for {CLASSES} classes")


def _loss(
    what: str, inversion: Inversion, values: Tensor, targets: Tensor, engine: Engine, seed: int
) -> tuple[Tensor, dict[str, Tensor]]:
    with engine.autocast():
        loss, row = inversion.loss(values, targets, _noise(seed))
    require_tensor(f"{what}: its loss", loss, ())
    require_rows(f"{what}: the loss", row)
    return loss, row


def _check_loss(
    what: str, inversion: Inversion, values: Tensor, targets: Tensor, engine: Engine, require_kept: Callable[[], None]
) -> None:
    values = values.clone().requires_grad_()
    before = values.detach().clone()
    torch.manual_seed(1)
    loss, row = _loss(what, inversion, values, targets, engine, seed=3)
    require(loss.requires_grad, f"{what}: its loss has no gradient")
    (values.grad,) = torch.autograd.grad(loss, values, allow_unused=True)
    if values.grad is None:
        raise Broken(f"{what}: no gradient reaches the values")
    require(bool(torch.isfinite(values.grad).all()), f"{what}: the gradient of the values is not finite")
    require(bool(values.grad.any()), f"{what}: the gradient of the values is 0")
    require(torch.equal(values.detach(), before), f"{what}: its loss changes the values; pixels may")
    require_kept()  # before two losses are compared: with what has changed, they differ
    torch.manual_seed(2)
    again, names = _loss(what, inversion, values, targets, engine, seed=3)
    require(row.keys() == names.keys(), f"{what}: the rows of its losses have different names")
    require(
        torch.allclose(loss.detach(), again.detach()),
        f"{what}: another loss for the same values and noise; draw from the noise alone",
    )


def _pixels(what: str, inversion: Inversion, values: Tensor) -> Tensor:
    try:
        images = inversion.pixels(values)
    except RuntimeError as error:  # such as an update in place of what takes gradients
        raise Broken(f"{what}: pixels fails: {error}") from error
    require_tensor(f"{what}: its images", images, (BATCH, *SHAPE))
    require_pixels(f"{what}: its images", images)
    return images.detach().clone()


def _check_optimisation(
    what: str, spec: InversionSpec, inversion: Inversion, values: Tensor, targets: Tensor, engine: Engine
) -> Tensor:
    """As the loop does it; a loss that is drawn anew each time is compared under the same draws."""

    def look() -> float:
        losses = [float(_loss(what, inversion, values, targets, engine, seed)[0].detach()) for seed in range(LOOKS)]
        return math.fsum(losses) / LOOKS

    values = values.clone().requires_grad_()
    _pixels(what, inversion, values)
    first, noise = look(), _noise(4)
    optimiser = torch.optim.Adam([values], lr=spec.lr)
    for _ in range(STEPS):
        with engine.autocast():
            loss, _ = inversion.loss(values, targets, noise)
        (values.grad,) = torch.autograd.grad(loss, values)
        optimiser.step()
        _pixels(what, inversion, values)
    last = look()
    require(last < first, f"{what}: {STEPS} steps at its lr of {spec.lr} take its loss from {first:.4g} to {last:.4g}")
    images = _pixels(what, inversion, values)
    settled = torch.allclose(images, _pixels(what, inversion, values), atol=1e-3)
    require(settled, f"{what}: pixels gives other images each time for the same values")
    return to_unit(to_uint8(images))


def _check_learn(what: str, inversion: Inversion, images: Tensor, targets: Tensor) -> dict[str, Tensor]:
    before, wanted = images.clone(), targets.clone()
    row = inversion.learn(images, targets)
    require_rows(f"{what}: learn", row)
    kept = torch.equal(images, before) and torch.equal(targets, wanted)
    require(kept, f"{what}: learn changes the images or the targets")
    return row


def _check_resume(spec: InversionSpec, inversion: Inversion, parts: InversionParts, engine: Engine) -> None:
    """A second inversion, of other initial networks, that takes up the state must go on exactly as the first."""
    state = inversion.state()
    for name, part in state.items():
        wanted = isinstance(part, nn.Module | Optimizer)
        require(wanted, f"{spec.name}: {name} of its state is {type(part).__name__}, not a network or an optimiser")
    torch.manual_seed(5)
    other = spec.build(parts)
    require(other.state().keys() == state.keys(), f"{spec.name}: its state has other names each time")
    for name, part in other.state().items():
        part.load_state_dict(copy.deepcopy(state[name].state_dict()))
    ends = []
    for each in (inversion, other):
        torch.manual_seed(6)
        values, targets = each.begin(BATCH, _noise(7))
        row = _check_learn(spec.name, each, torch.rand(BATCH, *SHAPE), targets)
        loss, terms = _loss(spec.name, each, values.requires_grad_(), targets, engine, seed=8)
        ends.append({"loss": loss.detach(), **terms, **{f"learned {name}": value for name, value in row.items()}})
    require(equal_states(*ends), f"{spec.name}: its state does not hold all that is needed to go on exactly")
