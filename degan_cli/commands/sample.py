"""``degan sample``: images out of a generator, as a folder or as a file that a student can learn from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..config import SampleSettings
from .declare import command

if TYPE_CHECKING:
    from ..runs.session import Session


def _run(settings: SampleSettings, session: Session, as_json: bool) -> None:
    from ..jobs import sample as draw

    draw(settings, session).show(as_json, session.quiet)


sample = command(
    SampleSettings,
    _run,
    """Draw images from a generator: a folder of PNG files by class, or with -o NAME.safetensors stored samples.

    A class is what the classifier takes an image for. Stored samples carry its probabilities too.
    """,
)
