"""Settings of ``degan report``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .fields import DATA, MODELS, RUN, setting
from .groups import ComputeSettings, ForeignSettings, ImageSettings


@dataclass(frozen=True, kw_only=True)
class ReportSettings(ImageSettings, ForeignSettings, ComputeSettings):
    """What a page shows, and where it is written."""

    runs: tuple[str, ...] = setting(
        argument=True, panel=MODELS, help="Artifacts, or run folders; several are compared with each other."
    )
    classifier: Path | None = setting(
        None,
        help="Who looks at samples, and with whom classifiers are to agree.",
        shown_default="the one that enrich used",
        panel=MODELS,
    )
    number: int | None = setting(
        None,
        flags=("--number", "-n"),
        min=1,
        help="Samples to look at.",
        shown_default="500, fewer of large images",
        panel=DATA,
    )
    proxy: str | None = setting(
        None, help="Images that samples may be copies of: a folder, a file, a name, name:classes.", panel=DATA
    )
    dataset: str | None = setting(
        None,
        help="Labelled images that classifiers are measured on: a name, name:classes, a folder or a file.",
        panel=DATA,
    )
    split: str = setting("test", choices=("train", "test"), help="Part of --dataset.", panel=DATA)
    output: Path = setting(
        Path("report.html"),
        flags=("-o", "--output"),
        metavar="FILE",
        help="The page, - for stdout.",
        panel=RUN,
        key=None,
    )
    plots: Path | None = setting(
        None, metavar="DIR", help="Also write the curves there, as PNG files.", panel=RUN, key=None
    )
    force: bool = setting(False, help="Overwrite an existing page and pictures.", panel=RUN, key=None, in_file=False)
