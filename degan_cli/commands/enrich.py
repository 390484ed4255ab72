"""``degan enrich``: make samples that stand for a classifier's lost data."""

from __future__ import annotations

from ..config import EnrichSettings
from .declare import command, shown

enrich = command(
    EnrichSettings,
    shown("enrich"),
    """Train a generator whose samples stand for the classifier's lost data, from the proxy images.

    Some methods need no proxy (dafl), or make the images themselves instead of a generator (zskd, deepinversion).
    """,
)
