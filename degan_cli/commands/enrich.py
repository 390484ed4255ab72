"""``degan enrich``: make samples that stand for a classifier's lost data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..config import EnrichSettings
from .declare import command

if TYPE_CHECKING:
    from ..runs.session import Session


def _run(settings: EnrichSettings, session: Session, as_json: bool) -> None:
    from ..jobs import enrich

    enrich(settings, session).show(as_json, session.quiet)


enrich = command(
    EnrichSettings,
    _run,
    """Train a generator whose samples stand for the classifier's lost data, from the proxy images.

    Some methods need no proxy (dafl), or make the images themselves instead of a generator (zskd, deepinversion).
    """,
)
