"""``degan enrich``: make samples that stand for a classifier's lost data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..config import EnrichSettings
from .declare import command

if TYPE_CHECKING:
    from ..runs.session import Session


def _resolve(settings: EnrichSettings, session: Session) -> EnrichSettings:
    from ..jobs.enrich import resolve_enrich

    return resolve_enrich(settings, session)


def _run(settings: EnrichSettings, session: Session, as_json: bool) -> None:
    from ..jobs import enrich

    enrich(settings, session).show(as_json, session.quiet)


enrich = command(
    EnrichSettings,
    _run,
    _resolve,
    """Train a generator whose samples stand for the classifier's lost data, from the proxy images.

    Some methods need no proxy (dafl), or make the images themselves instead of a generator (zskd, deepinversion).
    """,
)
