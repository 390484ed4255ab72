"""``degan sample``: images out of a generator, as a folder or as a file that a student can learn from."""

from __future__ import annotations

from ..config import SampleSettings
from .declare import command, shown

sample = command(
    SampleSettings,
    shown("sample"),
    """Draw images from a generator: a folder of PNG files by class, or with -o NAME.safetensors stored samples.

    A class is what the classifier takes an image for. Stored samples carry its probabilities too.
    """,
)
