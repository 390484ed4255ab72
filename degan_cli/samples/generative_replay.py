"""Generative pseudo replay: a small VAE remembers earlier samples, and no image is stored.

Source: Binici et al., "Robust and Resource-Efficient Data-Free Knowledge Distillation by Generative Pseudo Replay",
AAAI 2022. The VAE learns what the classifier sees in an image, not its pixels alone: its loss is the distance of the
pixels and of the classifier's logits. It learns from new samples and from its own memories, so that it forgets no
more than the student. Before memories are replayed, to the student or to the VAE, their codes are moved a step towards
even, certain classes. Departures from the authors' code: replay begins after the first update of the VAE; codes of 128
and the generator's width make it as small as the paper says; no normalisation over the height of the encoder's input;
what moves the codes leaves no gradient in the decoder (there it adds to that of the VAE's loss).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import Optimizer

from ..engine import Engine
from ..gans.dafl import EPSILON, DaflGenerator
from ..images import draws, fit
from ..losses import code_loss, information_loss, one_hot_loss
from ..models import Classifier
from ..specs import GanShape, Network
from .sources import Source, network_bytes, never
from .wrapper import Wrapper

LATENT = 128
LR = 5e-4
"""Of encoder and decoder, a fortieth of the generator's."""
TUNING_LR = 0.02
"""Of the step on the codes."""
INFORMATION_WEIGHT = 5.0
CODE_WEIGHT = 1e-5
CYCLE, BUSY = 10, 4
"""In each cycle of the student's steps the VAE learns in the first few."""
NOVEL, REMEMBERED = 4, 1
"""New samples and memories in a step of the VAE, in these parts (512 and 128 in the code)."""


class Encoder(nn.Module):
    """Images (batch, C, S, S) in [0, 1] to mean and log-variance of their codes, (batch, LATENT) each."""

    def __init__(self, shape: GanShape) -> None:
        super().__init__()
        narrow, wide = shape.width, 2 * shape.width
        self.layers = nn.Sequential(
            nn.Conv2d(shape.channels, narrow, 3, padding=1),
            nn.BatchNorm2d(narrow, EPSILON),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(narrow, wide, 3, padding=1),
            nn.BatchNorm2d(wide, EPSILON),
            nn.LeakyReLU(0.2, inplace=True),
            nn.AvgPool2d(2),
            nn.Conv2d(wide, wide, 3, stride=2, padding=1),
            nn.BatchNorm2d(wide),
            nn.AvgPool2d(2),
            nn.Flatten(),
        )
        features = wide * (shape.size // 8) ** 2
        self.mean = nn.Linear(features, LATENT)
        self.log_variance = nn.Linear(features, LATENT)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance."""
        x = self.layers(images * 2 - 1)
        return self.mean(x).float(), self.log_variance(x).float()


class GenerativeReplay(Wrapper):
    """A VAE that dreams up images like the earlier ones.

    :param shape: of the images that the VAE makes; they are fitted to the classifier's.
    :param batch_size: images in a step of the VAE.
    """

    def __init__(
        self, engine: Engine, source: Source, classifier: Classifier, shape: GanShape, share: float, batch_size: int
    ) -> None:
        super().__init__(source, share)
        self.engine = engine
        self.classifier = classifier
        self.shape = shape
        self.batch_size = batch_size
        self.decoder = engine.prepare(DaflGenerator(replace(shape, latent=LATENT))).train()
        self.encoder = engine.prepare(Encoder(shape)).train()
        weights = [*self.encoder.parameters(), *self.decoder.parameters()]
        self.optimiser = engine.adam(weights, LR)
        self._asked = 0
        self._updates = 0

    def learn(self, interrupted: Callable[[], int] = never) -> dict[str, Tensor] | None:
        """The wrapped source learns, then the VAE if it is its turn."""
        row = super().learn(interrupted)
        if row is None:
            return None
        turn = self._asked % CYCLE < BUSY
        self._asked += 1
        return row | self._remember() if turn else row

    def _remember(self) -> dict[str, Tensor]:
        """An update of the VAE on new samples and, but for the first time, on memories of its own."""
        remembered = self.batch_size * REMEMBERED // (NOVEL + REMEMBERED) if self._updates else 0
        images = fit(self.source.draw(self.batch_size - remembered), *self._own)  # (batch, C, S, S) in [0, 1]
        if remembered:
            images = torch.cat([images, self._recall(remembered)])
        with self.engine.autocast():
            mean, log_variance = self.encoder(images)
            z = mean + (log_variance / 2).exp() * draws.randn_like(mean)
            again = self.decoder(z)
            with torch.no_grad():
                wanted = self.classifier(images).float()
            pixels = F.l1_loss(again, images)
            responses = F.l1_loss(self.classifier(again).float(), wanted)
        self.engine.backward(pixels + responses + CODE_WEIGHT * code_loss(mean, log_variance))
        self.optimiser.step()
        self.optimiser.zero_grad()
        self._updates += 1
        return {"vae_pixels": pixels.detach(), "vae_responses": responses.detach()}

    @property
    def _own(self) -> tuple[int, int, int]:
        return self.shape.channels, self.shape.size, self.shape.size

    def draw(self, count: int) -> Tensor:
        """New images, then memories."""
        replayed = round(self.share * count) if self._updates else 0
        new = self.source.draw(count - replayed)
        if not replayed:
            return new
        return torch.cat([new, fit(self._recall(replayed), *new.shape[1:])])

    def _recall(self, count: int) -> Tensor:
        """Memories (count, C, S, S) in [0, 1] whose codes were moved a step towards even and certain classes.

        The codes are also to be those of a standard normal distribution, in each of their dimensions.
        """
        z = draws.randn(count, LATENT, device=self.device).requires_grad_()
        decoder = self.engine.unwrap(self.decoder)
        with self.engine.autocast():
            logits = self.classifier(decoder(z))
            wanted = INFORMATION_WEIGHT * information_loss(logits, self.engine.mean_over_processes) + one_hot_loss(
                logits
            )
        over_all, codes = self.engine.mean_over_processes, count * self.engine.processes
        mean = over_all(z.mean(dim=0))  # (LATENT,)
        variance = over_all((z - mean).square().mean(dim=0)) * codes / max(1, codes - 1)  # of a single code it is 0
        normal = (variance - 1).square().mean() + mean.square().mean()
        (gradient,) = torch.autograd.grad(wanted + normal, z)
        with torch.no_grad(), self.engine.autocast():
            images: Tensor = decoder(z - TUNING_LR * gradient.sign())  # Adam's first step is one by the sign
        return images

    def parts(self) -> dict[str, Network | Optimizer]:
        """The VAE, its optimiser, and all that the wrapped source trains."""
        own: dict[str, Network | Optimizer] = {"encoder": self.encoder, "decoder": self.decoder}
        return own | {"vae_optimiser": self.optimiser} | super().parts()

    def state(self) -> dict[str, Tensor]:
        """The counters, and the wrapped source's state."""
        return super().state() | {"asked": torch.tensor(self._asked), "updates": torch.tensor(self._updates)}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Take up what :meth:`state` gave."""
        super().load_state(state)
        self._asked, self._updates = int(state["asked"]), int(state["updates"])

    @property
    def stored_bytes(self) -> int:
        """The wrapped source's, and the decoder, which is all that memories need."""
        return self.source.stored_bytes + network_bytes(self.decoder)
