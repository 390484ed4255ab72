"""Settings of ``degan condense``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from .base import Layer
from .conditions import settle
from .fields import DATA, setting
from .groups import ImageSettings, RunSettings
from .recipes import matching_loops


@dataclass(frozen=True, kw_only=True)
class CondenseSettings(RunSettings, ImageSettings):
    """How labelled data is condensed into a few synthetic images of each class."""

    dataset: str = setting(help="Labelled images: a name, name:classes, a folder or a file.", panel=DATA)
    per_class: int = setting(10, min=1, metavar="N", help="Images to make of each class.", panel=DATA)
    image_size: int | None = setting(
        None, min=1, help="Fit all images to RGB of this side first.", panel=DATA, newer=True
    )
    matching: str = setting(
        "distribution",
        choices=("distribution", "gradient"),
        help="What to match of true images: the mean features, or the gradient, which is far slower.",
    )
    steps: int = setting(20_000, min=1, help="Updates of the images; with --matching gradient 1,000 networks' worth.")
    batch_size: int = setting(256, min=1, help="True images per class and step.")
    lr: float = setting(1.0, min=0, help="Of the images; with --matching gradient 0.1.")
    augment: bool = setting(True, help="Change true and made images alike at random.")
    flip: bool | None = setting(
        None,
        help="Whether that may mirror them.",
        shown_default="yes, unless the classes are digits",
        needs=("augmented",),
    )
    init: str = setting(
        "real",
        choices=("real", "noise"),
        help="Start from random true images, or from noise, as with --matching gradient --no-augment.",
    )
    outer: int = setting(
        1, min=1, help="Updates for which one random network serves.", shown_default="as published", needs=("gradient",)
    )
    inner: int = setting(
        0,
        min=0,
        help="Passes over the made images that train it in between.",
        shown_default="as published",
        needs=("gradient",),
    )

    def resolved(self) -> Self:
        """Every value as it will be used, but for ``flip``, which follows the classes.

        :raises UsageError: for settings that have no use.
        """
        settings = settle(self, {self.matching} | ({"augmented"} if self.augment else set()))
        if self.matching != "gradient":
            return settings
        outer, inner = matching_loops(self.per_class)
        layer = "--matching gradient"
        settings = settings.filled(Layer(layer, {"outer": outer, "inner": inner, "lr": 0.1}))
        more: dict[str, Any] = {"steps": 1000 * settings.outer} | ({} if self.augment else {"init": "noise"})
        return settings.filled(Layer(layer, more))

    def with_classes(self, digits: bool) -> Self:
        """With ``flip`` decided: digits bear no mirror."""
        return self.filled(Layer("the classes", {"flip": self.augment and not digits}))
