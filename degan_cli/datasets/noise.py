"""Images of pure noise, the hardest proxy: the same bytes on every machine."""

from __future__ import annotations

import hashlib

import torch

from ..specs import ImageSet

SHAPE = (3, 32, 32)
COUNTS = {"train": 50_000, "test": 10_000}


def load_noise(split: str) -> ImageSet:
    """Levels drawn evenly from 0 ... 255, each pixel and channel alone; no labels.

    SHAKE-256 (FIPS 202) makes them, since no random generator of torch or Python promises equal bytes for ever.

    Source: random noise as proxy, Addepalli et al., AAAI 2020, Table 2. It gives neither seed, number nor size; these
    are those of CIFAR-10.
    """
    channels, height, width = SHAPE
    length = COUNTS[split] * channels * height * width
    content = bytearray(hashlib.shake_256(f"degan noise {split}".encode()).digest(length))
    images = torch.frombuffer(content, dtype=torch.uint8).view(-1, *SHAPE)
    return ImageSet(images=images, labels=None, class_names=())
