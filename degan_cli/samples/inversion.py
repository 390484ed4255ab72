"""One batch of images, optimised until a frozen classifier takes them for what is wanted.

Sources: Nayak et al., ICML 2019, section 3.3; Yin et al., CVPR 2020, section 3.2. Adam begins anew with each batch,
and each batch draws from a noise of its own, so that one that is interrupted can be made again, the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from ..engine import Engine
from ..images import to_uint8, to_unit
from ..specs import Inversion

STRIDE = 1_000_003
"""Between the seeds of two runs; batches of one run follow one another."""


def invert(
    engine: Engine,
    inversion: Inversion,
    count: int,
    steps: int,
    lr: float,
    seed: int,
    interrupted: Callable[[], int] = lambda: 0,
    see: Callable[[Mapping[str, Tensor], int], object] = lambda row, step: None,
) -> tuple[Tensor, Tensor, dict[str, Tensor]] | None:
    """One batch: images uint8 (count, C, H, W) on the device, their targets, and the last rows; None if interrupted.

    :param seed: of all noise in it.
    :param interrupted: asked after each step; anything but 0 ends it.
    :param see: is given the row and the number of each step.
    """
    noise = torch.Generator().manual_seed(seed)
    values, targets = inversion.begin(count, noise)
    values.requires_grad_()
    optimiser = torch.optim.Adam([values], lr=lr)
    row: dict[str, Tensor] = {}
    for step in range(1, steps + 1):
        with engine.autocast():
            loss, row = inversion.loss(values, targets, noise)
        see(row, step)
        (values.grad,) = torch.autograd.grad(loss, values)
        optimiser.step()
        inversion.pixels(values)
        if interrupted() and step < steps:
            return None
    images = to_uint8(inversion.pixels(values).detach())
    return images, targets, row | inversion.learn(to_unit(images), targets)
