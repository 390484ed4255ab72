"""``degan report``: a page about artifacts and runs that a browser shows anywhere."""

from __future__ import annotations

from ..config import ReportSettings
from .declare import command, shown

report = command(
    ReportSettings,
    shown("report"),
    """Write one HTML page about artifacts and run folders: pictures, curves, settings and where they come from.

    The page needs no network and no other file. Several runs are compared: a line for each in every chart. --proxy
    asks whether samples are copies of those images, --dataset measures classifiers on labelled images.
    """,
)
