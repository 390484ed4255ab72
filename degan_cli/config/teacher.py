"""Settings of ``degan teacher``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from ..errors import UsageError
from .base import Layer
from .conditions import settle
from .fields import DATA, MODELS, setting
from .groups import AUGMENTATIONS, OPTIMISERS, ZOOMS, CompileSettings, ImageSettings, InitSettings, RunSettings
from .recipes import DROPS, check_milestones, milestones_at, sgd_layer


@dataclass(frozen=True, kw_only=True)
class TeacherSettings(RunSettings, InitSettings, ImageSettings, CompileSettings):
    """How a classifier is trained on labelled data; the defaults are the authors' teacher script."""

    dataset: str = setting(help="Labelled images: a name, name:classes, a folder or a file.", panel=DATA)
    architecture: str = setting(flags=("--arch",), help="Architecture; see `degan list architectures`.", panel=MODELS)
    image_size: int | None = setting(
        None, min=1, help="Fit all images to RGB of this side first.", panel=DATA, newer=True
    )
    optimiser: str = setting(
        "adam", choices=OPTIMISERS, help="adam: two stages, the best epoch is kept; sgd: a step schedule, the last is."
    )
    epochs: int = setting(1000, min=1, help="At most, in each of adam's stages; sgd's in all: 250.")
    batch_size: int = setting(64, min=2, help="Images per step; sgd: 128.")
    lr: float = setting(1e-3, min=0, help="The rate at first, later tenths of it; sgd: 0.1.")
    patience: int = setting(100, min=0, help="Epochs without a better score that end a stage of adam's.")
    milestones: tuple[int, ...] = setting(
        (),
        metavar="E,E,...",
        help="Epochs after which sgd's rate falls to a tenth.",
        shown_default="at 40, 60 and 80 % of the epochs",
        needs=("sgd",),
    )
    weight_decay: float = setting(0.0, min=0, help="L2 penalty on the weights; with sgd 2e-4.", needs=("sgd",))
    augment: str = setting(
        "none",
        choices=(*AUGMENTATIONS, *ZOOMS),
        help="Done to each image at random; of photographs, resized-crop-flip is usual.",
    )
    outputs: str = setting(
        "softmax", choices=("softmax", "sigmoid"), help="sigmoid: one per class, as iCaRL trains them."
    )
    held_out: float = setting(0.2, min=0, max=0.9, help="Share of the training images to select by.")

    def resolved(self) -> Self:
        """Every value as it will be used.

        :raises UsageError: for settings that contradict each other or have no use.
        """
        settings = self
        if self.optimiser == "sgd":
            settings = self.filled(sgd_layer("epochs", "batch_size", "lr", "weight_decay"))
            falls = Layer("the recipe of --optimiser sgd", {"milestones": milestones_at(DROPS, settings.epochs)})
            settings = settings.filled(falls)
        elif self.held_out == 0:
            raise UsageError("--held-out 0: adam's stages end by a held-out score; add --optimiser sgd")
        check_milestones(settings.milestones)
        return settle(settings, {settings.optimiser})
