"""One batch of images, optimised until a frozen classifier takes them for what is wanted.

Sources: Nayak et al., ICML 2019, section 3.3; Yin et al., CVPR 2020, section 3.2. Adam begins anew with each batch,
and each batch draws from a noise of its own, so that one that is interrupted can be made again, the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from ..engine import Engine
from ..errors import Diverged, PluginError
from ..images import to_uint8, to_unit
from ..specs import Inversion

STRIDE = 1_000_003
"""Between the seeds of two runs; batches of one run follow one another."""
ROUNDING = 1e-3
"""By which a pixel may lie outside [0, 1]."""


def invert(
    engine: Engine,
    inversion: Inversion,
    count: int,
    steps: int,
    lr: float,
    seed: int,
    interrupted: Callable[[], int] = lambda: 0,
    see: Callable[[Mapping[str, Tensor], int], object] = lambda row, step: None,
    check: Callable[[], object] = lambda: None,
) -> tuple[Tensor, Tensor, dict[str, Tensor]] | None:
    """One batch: images uint8 (count, C, H, W) on the device, their targets, and the last rows; None if interrupted.

    :param seed: of all noise in it.
    :param interrupted: asked after each step; anything but 0 ends it.
    :param see: is given the row and the number of each step.
    :param check: is called after the last step, before the images are looked at: a loss says more of what went wrong.
    :raises Diverged: when the images are not finite.
    :raises PluginError: when the method's pixels are not in [0, 1].
    """
    noise = torch.Generator().manual_seed(seed)
    values, targets = inversion.begin(count, noise)
    values.requires_grad_()
    optimiser = torch.optim.Adam([values], lr=lr)
    row: dict[str, Tensor] = {}
    for step in range(1, steps + 1):
        with engine.autocast():
            loss, row = inversion.loss(values, targets, noise)
        row = {"loss": loss.detach(), **row}
        see(row, step)
        (values.grad,) = torch.autograd.grad(loss, values)
        optimiser.step()
        inversion.pixels(values)
        if interrupted() and step < steps:
            return None
    pixels = inversion.pixels(values).detach()
    check()
    _check_pixels(pixels)
    images = to_uint8(pixels)
    return images, targets, row | inversion.learn(to_unit(images), targets)


def _check_pixels(pixels: Tensor) -> None:
    """Raise Diverged for what is no number, and PluginError for what is no pixel: uint8 would hide both."""
    least, most = float(pixels.min()), float(pixels.max())
    if not math.isfinite(least + most):
        raise Diverged("the images hold NaN or infinity; try a smaller --lr, or --precision fp32")
    if least < -ROUNDING or most > 1 + ROUNDING:
        raise PluginError(f"the method makes pixels from {least:.3g} to {most:.3g}, not in [0, 1]; tell its authors")
