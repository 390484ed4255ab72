"""The contract of a GAN backbone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..models import parameter_count
from ..specs import GanShape, GanSpec
from .common import (
    Broken,
    built,
    independent,
    loaded,
    naming_the_spec,
    require,
    require_gradients,
    require_pixels,
    require_tensor,
)

BATCH = 4


@naming_the_spec
def check_gan(spec: GanSpec, channels: Sequence[int] = (1, 3), sizes: Sequence[int] = (32, 64)) -> None:
    """Build and train both networks, narrow ones, for each channel count at the first size and for each size.

    Both are also run in bfloat16, as ``--precision bf16`` runs them.

    :param channels: those that it supports, of 1 and 3.
    :param sizes: some of those that it supports.
    :raises AssertionError: naming the spec and what is wrong.
    """
    shapes = [GanShape(channels=count, size=sizes[0], latent=10, width=8) for count in channels]
    shapes += [GanShape(channels=channels[-1], size=size, latent=10, width=8) for size in sizes[1:]]
    with torch.random.fork_rng(devices=[]):
        for shape in shapes:
            _check(spec, shape)
        _check_options(spec, shapes[0])
        _check_refusal(spec, replace(shapes[0], size=shapes[0].size + 1))


def _check(spec: GanSpec, shape: GanShape) -> None:
    what = f"{spec.name} for {shape.channels}x{shape.size}x{shape.size}"
    images_shape = (BATCH, shape.channels, shape.size, shape.size)
    generator = built(f"generator of {what}", lambda: spec.generator(shape))
    discriminator = built(f"discriminator of {what}", lambda: spec.discriminator(shape))

    z = torch.randn(BATCH, shape.latent, requires_grad=True)
    images: Tensor = generator.train()(z)
    require_tensor(f"{what}: the generated images", images, images_shape)
    require_pixels(f"{what}: the generated images", images)
    images.retain_grad()
    logits: Tensor = discriminator.train()(images)
    require_tensor(f"{what}: the discriminator's logits", logits, (BATCH,))
    loss = F.softplus(-logits).mean()
    loss.backward()  # type: ignore[no-untyped-call]
    require_gradients(what, [("the images", images), ("z", z)], nonzero=True)
    require_gradients(f"generator of {what}", generator.named_parameters())
    require_gradients(f"discriminator of {what}", discriminator.named_parameters())
    z = z.detach()
    _check_bf16(f"{what} in bf16", generator, discriminator, z)
    generated = independent(f"generator of {what}", generator, z)
    scores = independent(f"discriminator of {what}", discriminator, generated)
    with torch.no_grad():
        other = loaded(f"generator of {what}", generator, lambda: spec.generator(shape))(z)
        reloaded = loaded(f"discriminator of {what}", discriminator, lambda: spec.discriminator(shape))
        scores_again = reloaded(generated)
    require(torch.allclose(generated, other, atol=1e-4), f"generator of {what}: its state_dict does not hold all of it")
    require(
        torch.allclose(scores, scores_again, rtol=1e-3, atol=1e-4),
        f"discriminator of {what}: its state_dict does not hold all of it",
    )


def _check_bf16(what: str, generator: nn.Module, discriminator: nn.Module, z: Tensor) -> None:
    """Both networks compute under autocast, and gradients come back."""
    generator.zero_grad()
    with torch.autocast("cpu", torch.bfloat16):
        images: Tensor = generator(z)
        logits: Tensor = discriminator(images)
    require_pixels(f"{what}: the generated images", images)
    require_tensor(f"{what}: the discriminator's logits", logits, (BATCH,))
    F.softplus(-logits.float()).mean().backward()  # type: ignore[no-untyped-call]
    require_gradients(f"generator of {what}", generator.named_parameters())


def _check_options(spec: GanSpec, shape: GanShape) -> None:
    for name, build in (("generator", spec.generator), ("discriminator", spec.discriminator)):
        narrow, wide = parameter_count(build(shape)), parameter_count(build(replace(shape, width=2 * shape.width)))
        require(narrow < wide, f"{name} of {spec.name}: ignores the width")
    try:
        images = spec.generator(replace(shape, latent=7)).eval()(torch.randn(2, 7))
    except RuntimeError as error:
        raise Broken(f"generator of {spec.name}: ignores the latent length: {error}") from error
    require_tensor(f"{spec.name}: images of a latent of 7", images, (2, shape.channels, shape.size, shape.size))


def _check_refusal(spec: GanSpec, shape: GanShape) -> None:
    """A size that it cannot make must be refused when it is built, for that is when the user is told."""
    for name, build in (("generator", spec.generator), ("discriminator", spec.discriminator)):
        try:
            network = build(shape).eval()
        except ValueError as error:
            require(str(shape.size) in str(error), f"{name} of {spec.name}: refuses {shape.size} pixels, not naming it")
            continue
        if name == "generator":
            images = network(torch.randn(2, shape.latent))
            side = tuple(images.shape[2:])
            require(
                side == (shape.size, shape.size),
                f"{spec.name}: for {shape.size} pixels raise ValueError, not make {side}",
            )
