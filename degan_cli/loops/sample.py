"""Images out of a generator: so many, or so many of the classes that a classifier sees in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..engine import Engine
from ..images import to_uint8, within
from ..models import Classifier, Generator
from .predict import predict

BATCH = 256
"""Or fewer of large images; fixed for each size, since sums of another batch size may round otherwise: the same seed
gives the same bytes."""
PATIENCE = 20
"""A class may be this many times rarer than its share before the search for it is given up."""
LEAST_TRIES = 20_000
"""Of images up to 64x64 RGB; of larger ones fewer, so that the search takes no longer."""
LEAST_TRIED_VALUES = LEAST_TRIES * 3 * 64 * 64


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """Images from a generator, with what a classifier made of them."""

    images: Tensor
    """uint8 (N, C, H, W) on the CPU, in the order of drawing."""
    logits: Tensor | None = None
    """float32 (N, classes) on the CPU, of the rounded pixels; None without a classifier."""
    tried: int
    """Images that were generated for them."""
    short: dict[int, int] = field(default_factory=dict)
    """Class index -> how many images were found, for each class of which too few were."""


def generate(engine: Engine, generator: Generator, count: int, seed: int = 0) -> Tensor:
    """Images uint8 (count, C, H, W) on the CPU, from z ~ N(0, I) and running BatchNorm statistics.

    The first images of a longer series are those of a shorter one with the same seed.
    """
    made: list[Tensor] = []
    for batch in _batches(engine, generator, seed):
        made.append(batch[: count - sum(map(len, made))].cpu())
        if sum(map(len, made)) == count:
            break
    return torch.cat(made)


def draw(
    engine: Engine,
    generator: Generator,
    classifier: Classifier,
    count: int,
    seed: int = 0,
    classes: Sequence[int] | None = None,
    balanced: bool = False,
) -> Drawn:
    """Generate until ``count`` images are found that the classifier takes for one of ``classes``.

    :param classes: indices of the wanted classes, one at least; None wants all of them.
    :param balanced: equally many of each, the first ones one more where ``count`` leaves a rest.
    :returns: all of them, or those that the search gave before it was given up; ``short`` tells.
    """
    wanted = list(range(len(classifier.class_names)) if classes is None else classes)
    quota = torch.zeros(len(classifier.class_names), dtype=torch.int64)
    quota[wanted] = count
    if balanced:
        quota[wanted] = torch.tensor([count // len(wanted) + (i < count % len(wanted)) for i in range(len(wanted))])

    left, found, tried = count, torch.zeros_like(quota), 0
    images: list[Tensor] = []
    logits: list[Tensor] = []
    batches = _batches(engine, generator, seed)
    least = within(LEAST_TRIES, _size(generator), values=LEAST_TRIED_VALUES)
    while left and tried < max(PATIENCE * count, least):
        batch = next(batches)  # uint8 (batch, C, H, W)
        tried += len(batch)
        seen = predict(classifier, batch, engine.device, autocast=engine.autocast)  # (batch, classes)
        taken = _within(seen.argmax(dim=1), quota - found, left)
        images.append(batch.cpu()[taken])
        logits.append(seen[taken])
        found += torch.bincount(seen[taken].argmax(dim=1), minlength=len(quota))
        left -= len(taken)
    shares = quota if balanced else torch.where(quota > 0, 1, 0)
    rare = [k for k in wanted if found[k] < shares[k]] or wanted
    short = {k: int(found[k]) for k in rare} if left else {}
    return Drawn(images=torch.cat(images), logits=torch.cat(logits), tried=tried, short=short)


def _within(predicted: Tensor, quota: Tensor, left: int) -> Tensor:
    """Ascending indices of the images to keep: of each class the first ``quota``, in all the first ``left``."""
    kept = [(predicted == k).nonzero().flatten()[: int(quota[k])] for k in torch.unique(predicted).tolist()]
    return torch.cat(kept).sort().values[:left]


def _batches(engine: Engine, generator: Generator, seed: int) -> Iterator[Tensor]:
    generator = engine.place(generator).eval()
    noise = torch.Generator().manual_seed(seed)
    size = within(BATCH, _size(generator))
    while True:
        z = torch.randn(size, generator.shape.latent, generator=noise)
        with torch.no_grad(), engine.autocast():
            images = to_uint8(generator(z.to(engine.device)))
        yield images


def _size(generator: Generator) -> tuple[int, int, int]:
    """(C, H, W) of its images."""
    return generator.shape.channels, generator.shape.size, generator.shape.size
