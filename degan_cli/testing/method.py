"""The contract of a method that trains a generator."""

from __future__ import annotations

import copy
import dataclasses
import math
from typing import Any, get_type_hints

import torch
from torch import Tensor, nn

from ..engine import Engine, start
from ..models import Generator
from ..plugins.faults import row_fault, state_fault
from ..specs import GanShape, InversionSpec, Method, MethodParts, MethodSpec, StrategySpec
from .common import (
    Broken,
    Snapshot,
    equal_states,
    naming_the_spec,
    require,
    require_pixels,
    require_tensor,
    tiny_classifier,
)

BATCH = 8
CLASSES = 4
LATENT = 6
SHAPE = (3, 32, 32)


@naming_the_spec
def check_method(spec: MethodSpec, settings: Any = None) -> None:
    """Train tiny networks with it on noise for some updates on the CPU, stop, and go on.

    A method that uses no proxy is given empty images, and one that uses a student a tiny one, in train mode.

    :param settings: an instance of ``spec.settings`` to check with; None takes the defaults.
    :raises AssertionError: naming the spec and what is wrong.
    """
    check_settings(spec)
    require(0 <= spec.proxy_share <= 0.9, f"{spec.name}: proxy_share is {spec.proxy_share}, not in [0, 0.9]")
    require(spec.uses_proxy or not spec.proxy_share, f"{spec.name}: a proxy_share without uses_proxy")
    with torch.random.fork_rng(devices=[]):
        for precision in ("bf16", "fp32"):
            engine = start(device="cpu", precision=precision, seed=0)
            parts = _parts(spec, engine, spec.settings() if settings is None else settings)
            method = _check_steps(spec, parts, engine)
        _check_resume(spec, method, parts, engine)


def check_settings(spec: MethodSpec | InversionSpec | StrategySpec) -> None:
    """A frozen dataclass of numbers, flags and texts, whose defaults are within their bounds."""
    what = f"settings of {spec.name}"
    kind: Any = spec.settings
    require(dataclasses.is_dataclass(kind), f"{what}: {kind.__name__} is no dataclass")
    require(kind.__dataclass_params__.frozen, f"{what}: {kind.__name__} is not frozen")
    types = get_type_hints(kind)
    for field in dataclasses.fields(kind):
        default, wanted = field.default, types[field.name]
        require(wanted in (int, float, bool, str), f"{what}: {field.name} is {wanted}, not int, float, bool or str")
        require(default is not dataclasses.MISSING, f"{what}: {field.name} has no default")
        fits = isinstance(default, (int, float) if wanted is float else wanted)
        require(fits, f"{what}: the default {default!r} of {field.name} is no {wanted.__name__}")
        require("help" in field.metadata, f"{what}: {field.name} has no help in its metadata")
        choices = field.metadata.get("choices")
        known = choices is None or default in choices
        require(known, f"{what}: the default {default!r} of {field.name} is none of its choices")
        if isinstance(default, int | float):
            least, most = field.metadata.get("min", -math.inf), field.metadata.get("max", math.inf)
            require(least <= default <= most, f"{what}: the default {default} of {field.name} is out of its bounds")


def _parts(spec: MethodSpec, engine: Engine, settings: Any) -> MethodParts:
    channels, side, _ = SHAPE
    network = nn.Sequential(
        nn.Linear(LATENT, 8 * 4 * 4),
        nn.Unflatten(1, (8, 4, 4)),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Upsample(scale_factor=side // 4),
        nn.Conv2d(8, channels, 3, padding=1),
        nn.Sigmoid(),
    )
    generator = Generator(network, "tiny", GanShape(channels=channels, size=side, latent=LATENT, width=8))
    discriminator = nn.Sequential(nn.Conv2d(channels, 8, 4, 4), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(512, 1))
    return MethodParts(
        engine=engine,
        generator=generator,
        discriminator=nn.Sequential(discriminator, nn.Flatten(0)),
        classifier=engine.place(tiny_classifier(SHAPE, CLASSES).freeze()),
        student=engine.place(tiny_classifier(SHAPE, CLASSES)).train() if spec.uses_student else None,
        latent=LATENT,
        lr=2e-3,
        settings=settings,
    )


def _check_steps(spec: MethodSpec, parts: MethodParts, engine: Engine) -> Method:
    what = f"{spec.name} in {engine.precision}"
    frozen = copy.deepcopy(parts.classifier.state_dict())
    student = None if parts.student is None else Snapshot.of(parts.student)
    method = spec.build(parts)
    for name in ("shape", "network"):
        whole = hasattr(engine.unwrap(method.generator), name)
        require(whole, f"{what}: its generator lacks {name}; it is the whole generator, not its network")
    before = copy.deepcopy(engine.unwrap(method.generator).state_dict())
    rows = [_step(what, spec, method) for _ in range(3)]
    require(all(row.keys() == rows[0].keys() for row in rows), f"{what}: the rows of its steps have different names")
    after = engine.unwrap(method.generator).state_dict()
    require(not equal_states(before, after), f"{what}: three steps leave the generator as it was")
    require(equal_states(frozen, parts.classifier.state_dict()), f"{what}: a step changes the classifier")
    require(not parts.classifier.training, f"{what}: a step puts the classifier into train mode")
    touched = any(p.requires_grad or p.grad is not None for p in parts.classifier.parameters())
    require(not touched, f"{what}: a step computes gradients of the classifier's weights")
    if student is not None:
        student.require_kept(f"{what}: a step", "student")
    images = method.generator(torch.randn(BATCH, LATENT))
    require_tensor(f"{what}: its generator's images", images, (BATCH, *SHAPE))
    require_pixels(f"{what}: its generator's images", images)
    return method


def _step(what: str, spec: MethodSpec, method: Method) -> dict[str, Tensor]:
    try:
        row = method.step(torch.rand(BATCH, *SHAPE) if spec.uses_proxy else torch.empty((BATCH, 0, 0, 0)))
    except RuntimeError as error:
        given = "images" if spec.uses_proxy else "the empty images that come where uses_proxy is False"
        raise Broken(f"{what}: a step fails on {given}: {error}") from error
    fault = row_fault(row)
    require(not fault, f"{what}: a step {fault}")
    for name, value in row.items():
        require_tensor(f"{what}: {name} of a step's row", value, ())
        require(not value.requires_grad, f"{what}: {name} of a step's row is not detached")
    return row


def _check_resume(spec: MethodSpec, method: Method, parts: MethodParts, engine: Engine) -> None:
    """A second method, of other initial networks, that takes up the state must go on exactly as the first."""
    state = method.state()
    fault = state_fault(state)
    require(not fault, f"{spec.name}: state() {fault}")
    fresh = _parts(spec, engine, parts.settings)
    other = spec.build(dataclasses.replace(fresh, classifier=parts.classifier, student=parts.student))
    require(other.state().keys() == state.keys(), f"{spec.name}: its state has other names each time")
    for name, part in other.state().items():
        part.load_state_dict(copy.deepcopy(state[name].state_dict()))
    ends = []
    for each in (method, other):
        torch.manual_seed(2)
        for _ in range(2):
            _step(spec.name, spec, each)
        ends.append(engine.unwrap(each.generator).state_dict())
    require(equal_states(*ends), f"{spec.name}: its state does not hold all that is needed to go on exactly")
