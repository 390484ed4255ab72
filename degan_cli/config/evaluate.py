"""Settings of ``degan eval``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from .conditions import settle
from .fields import DATA, MODELS, RUN, setting
from .groups import ComputeSettings, ForeignSettings, ImageSettings


@dataclass(frozen=True, kw_only=True)
class EvaluateSettings(ImageSettings, ForeignSettings, ComputeSettings):
    """What is measured on what."""

    model: Path = setting(argument=True, panel=MODELS, help="A classifier, a generator or stored samples; - is stdin.")
    dataset: str | None = setting(
        None, help="Images to measure on: a name, name:classes, a folder or a file.", panel=DATA
    )
    split: str = setting("test", choices=("train", "test"), help="Part of the data set.", panel=DATA)
    classifier: Path | None = setting(
        None,
        help="To agree with; of a generator, who looks at its samples.",
        shown_default="the one that enrich used",
        panel=MODELS,
    )
    number: int = setting(10_000, flags=("--number", "-n"), min=1, help="Samples to draw from a generator.", panel=DATA)
    predictions: Path | None = setting(
        None,
        metavar="FILE.csv",
        help="Write what a classifier says of each image as a table, - for stdout.",
        panel=RUN,
    )
    probabilities: bool = setting(
        False, help="In that table also the probability of every class.", panel=RUN, needs=("predictions",)
    )
    force: bool = setting(False, help="Overwrite an existing table.", panel=RUN, in_file=False)

    def resolved(self) -> Self:
        """Every value as it will be used; raises UsageError for settings that have no use."""
        return settle(self, set() if self.predictions is None else {"predictions"})
