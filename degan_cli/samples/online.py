"""Samples that are made while a student learns from them: a generator that goes on learning, or a growing pool.

One idea carries DAFL, Adaptive DeepInversion, condensed data expansion and any generator's method: between two steps
of the student its source may be updated from teacher and student. What keeps earlier samples from being forgotten
wraps either kind: :mod:`degan_cli.samples.bank`, :mod:`degan_cli.samples.generative_replay`. So does the proxy, where
the student is shown some of it too: :mod:`degan_cli.samples.with_proxy`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.optim import Optimizer

from ..engine import Engine
from ..images import draw_siamese, draws, fit, to_uint8, to_unit, within
from ..specs import GeneratorNetwork, ImageSet, Inversion, Method, Network
from .inversion import STRIDE, invert
from .proxy import ProxyBatches
from .sources import network_bytes, never

CHUNK = 256


class OnlineGenerator:
    """The newest images of a generator that a method trains on.

    :param proxy: uint8 (N, C, S, S) for a method that uses one, else None.
    :param shape: (C, H, W) to fit the images to, the teacher's.
    :param every: steps of the student for one of the method.
    """

    online = True

    def __init__(
        self,
        engine: Engine,
        method: Method,
        proxy: Tensor | None,
        shape: tuple[int, int, int],
        batch_size: int,
        every: int,
    ) -> None:
        self.engine = engine
        self.device = engine.device
        self.method = method
        self.shape = shape
        self.batch_size = batch_size
        self.every = every
        self._batches = ProxyBatches(proxy, engine.device)
        self._asked = 0

    def learn(self, interrupted: Callable[[], int] = never) -> dict[str, Tensor] | None:
        """A step of the method, if it is its turn."""
        self._asked += 1
        if (self._asked - 1) % self.every:
            return {}
        return self.method.step(self._batches.take(self.batch_size))

    def draw(self, count: int) -> Tensor:
        """New noise each time; the generator stays in train mode, for its running statistics lag behind its weights."""
        return self._images(draws.randn(count, self._generator.shape.latent, device=self.engine.device))

    def held_out(self, count: int) -> Tensor:
        """Images of today's generator from noise of their own."""
        noise = torch.Generator().manual_seed(20)
        # No part of one image: BatchNorm in train mode cannot tell a mean from it.
        z = torch.randn(max(2, count), self._generator.shape.latent, generator=noise).to(self.engine.device)
        parts = torch.tensor_split(z, math.ceil(len(z) / within(CHUNK, self.shape, least=3)))
        return torch.cat([to_uint8(self._images(part)) for part in parts])[:count]

    def _images(self, z: Tensor) -> Tensor:
        with torch.no_grad(), self.engine.autocast():
            images: Tensor = self._generator(z)
        return fit(images, *self.shape)

    @property
    def _generator(self) -> GeneratorNetwork:
        return self.engine.unwrap(self.method.generator)

    def parts(self) -> dict[str, Network | Optimizer]:
        """All that the method trains."""
        return self.method.state()

    def state(self) -> dict[str, Tensor]:
        """Whose turn it is, and the place in the proxy."""
        return {"asked": torch.tensor(self._asked)} | self._batches.state()

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Take up what :meth:`state` gave."""
        self._asked = int(state["asked"])
        self._batches.load_state(state)

    @property
    def stored_bytes(self) -> int:
        """Of the generator, which is all that has to be kept."""
        return network_bytes(self._generator)


class Pool:
    """All images that an inversion has made so far, to which a batch is added now and then.

    :param condensed: images that are half of every draw, augmented alike, if there are any.
    :param steps: updates of each batch.
    :param every: steps of the student for one new batch.
    """

    online = True

    def __init__(
        self,
        engine: Engine,
        inversion: Inversion,
        condensed: ImageSet | None,
        *,
        batch_size: int,
        steps: int,
        lr: float,
        every: int,
        seed: int,
        flip: bool = False,
    ) -> None:
        self.engine = engine
        self.device = engine.device
        self.inversion = inversion
        self.condensed = None if condensed is None else condensed.images.to(engine.device)
        self.batch_size = batch_size
        self.steps = steps
        self.lr = lr
        self.every = every
        self.seed = seed
        self.flip = flip
        self._images = torch.empty((0,), dtype=torch.uint8, device=engine.device)  # later (N, C, H, W)
        self._asked = 0

    def learn(self, interrupted: Callable[[], int] = never) -> dict[str, Tensor] | None:
        """A new batch of images, if it is time for one; the first one at once. None if interrupted within one."""
        if self._asked % self.every:
            self._asked += 1
            return {}
        seed = self.seed * STRIDE + len(self._images) // self.batch_size
        made = invert(self.engine, self.inversion, self.batch_size, self.steps, self.lr, seed, interrupted)
        if made is None:
            return None
        self._asked += 1
        images, _, row = made
        self._images = torch.cat([self._images, images]) if len(self._images) else images
        return row

    def draw(self, count: int) -> Tensor:
        """Each image with equal probability; half of them condensed ones, if there are any."""
        given = 0 if self.condensed is None else count // 2
        images = self._images[draws.randint(len(self._images), (count - given,), device=self.device)]
        if self.condensed is None:
            return to_unit(images)
        chosen = self.condensed[draws.randint(len(self.condensed), (given,), device=images.device)]
        augmented = draw_siamese(flip=self.flip)(to_unit(chosen)).clamp(0, 1)
        return torch.cat([to_unit(images), augmented])

    def held_out(self, count: int) -> Tensor:
        """The newest images: the student has seen them the least."""
        return self._images[-count:]

    def parts(self) -> dict[str, Network | Optimizer]:
        """What the inversion trains beside the images."""
        return self.inversion.state()

    def state(self) -> dict[str, Tensor]:
        """Whose turn it is, and all images."""
        made = {"images": self._images} if len(self._images) else {}
        return {"asked": torch.tensor(self._asked)} | made

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Take up what :meth:`state` gave."""
        self._asked = int(state["asked"])
        if "images" in state:
            self._images = state["images"].to(self.device)

    @property
    def stored_bytes(self) -> int:
        """Of all images so far, and of the condensed ones."""
        return self._images.nbytes + (0 if self.condensed is None else self.condensed.nbytes)
