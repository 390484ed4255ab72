"""Groups of settings that several commands share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from .base import Layer, Settings
from .fields import DATA, MODELS, RUN, setting

AUGMENTATIONS = ("none", "crop", "flip", "crop-flip")
ZOOMS = ("resized-crop", "resized-crop-flip")
OPTIMISERS = ("adam", "sgd")
FITS = ("crop", "squash", "pad")


@dataclass(frozen=True, kw_only=True)
class DeviceSettings(Settings):
    """Where to compute, and in which precision."""

    device: str = setting("auto", metavar="DEVICE", help="auto, cpu, cuda, cuda:1, mps, ...", panel=RUN)
    precision: str = setting(
        "auto",
        choices=("auto", "fp32", "bf16", "fp16"),
        help="Of the matrix products; weights stay fp32. auto is fp32 on CPUs, where bf16 is faster for large networks "
        "if the processor knows it.",
        panel=RUN,
    )


@dataclass(frozen=True, kw_only=True)
class ComputeSettings(DeviceSettings):
    """Where and how to compute, and with which random numbers."""

    seed: int = setting(0, min=0, max=2**43 - 1, help="Of all random numbers.", panel=RUN)


@dataclass(frozen=True, kw_only=True)
class CompileSettings(ComputeSettings):
    """Whether networks are compiled."""

    compiled: bool = setting(
        False, flags=("--compile",), help="Compile the networks first; no gain on CPUs so far.", panel=RUN
    )
    own_batch_norm: bool = setting(
        False,
        help="Under torchrun: let each process normalise by its own images, not by the whole batch's.",
        panel=RUN,
        newer=True,
    )


@dataclass(frozen=True, kw_only=True)
class GraphSettings(CompileSettings):
    """Whether steps are recorded."""

    graphs: bool = setting(
        False,
        flags=("--cuda-graphs",),
        help="Launch each step as one CUDA graph; not measured yet.",
        panel=RUN,
    )


@dataclass(frozen=True, kw_only=True)
class DataSettings(Settings):
    """Where data sets are looked for."""

    data_dir: Path = setting(
        Path("data"), metavar="DIR", env="DEGAN_DATA_DIR", help="Folder of the data sets.", panel=DATA, key=None
    )
    download: bool = setting(False, help="Fetch data sets that are missing from --data-dir.", panel=DATA, key=None)


@dataclass(frozen=True, kw_only=True)
class ImageSettings(DataSettings):
    """Where images are looked for, and how their files are read."""

    fit: str | None = setting(
        None,
        choices=FITS,
        help="How images of another aspect ratio are fitted: the middle, all of it stretched, or black beside it.",
        shown_default="as the classifier's own images; else crop, and squash for data sets of one size",
        panel=DATA,
        newer=True,
    )
    skip_broken: float = setting(
        0.0,
        min=0,
        max=1,
        metavar="SHARE",
        help="Leave out image files that cannot be read, up to this share of a set.",
        shown_default="none: all are named, and refused",
        panel=DATA,
        newer=True,
    )
    cache_dir: Path = setting(
        Path("~/.cache/degan"),
        metavar="DIR",
        env="DEGAN_CACHE_DIR",
        help="Where the images of large folders and archives are kept decoded.",
        panel=DATA,
        key=None,
    )

    def fitting_like(self, run: Mapping[str, Any]) -> Self:
        """With the fit of the images that a classifier knows, unless one is given.

        :param run: of the classifier's artifact.
        """
        return self.filled(Layer("the classifier", {"fit": run["fit"]})) if "fit" in run else self


@dataclass(frozen=True, kw_only=True)
class SelectionSettings(Settings):
    """Which of the images at hand are used."""

    select: int | None = setting(
        None,
        min=2,
        help="Use only the N images at hand of which the classifier is most certain.",
        shown_default="all images",
        panel=DATA,
        only_for="selected",
    )
    balanced: bool = setting(
        False,
        help="With --select: equally many of each class, as far as there are.",
        panel=DATA,
        key="select_balanced",
        only_for="selected",
        needs=("select",),
    )

    def selecting(self, at_hand: bool) -> set[str]:
        """The conditions that ``--select`` makes hold, in a run with images at hand or without."""
        if self.select is None:
            return set()
        return {"select", "selected"} if at_hand else {"select"}


@dataclass(frozen=True, kw_only=True)
class OutputSettings(Settings):
    """Where a run writes, and how it begins and ends."""

    output: Path | None = setting(
        None,
        flags=("-o", "--output"),
        metavar="FILE",
        help="Where to write, - for stdout.",
        shown_default="a name made from the inputs",
        panel=RUN,
        key=None,
    )
    max_minutes: float | None = setting(
        None, min=0, metavar="M", help="Then write a checkpoint and exit with 75; see --resume.", panel=RUN, key=None
    )
    log: str | None = setting(
        None,
        choices=("csv", "tensorboard"),
        help="Also write the numbers of metrics.jsonl as a table, or as TensorBoard's event files.",
        panel=RUN,
        key=None,
    )
    checkpoint_every: float = setting(
        300.0, min=0, metavar="SECONDS", help="Between two checkpoints of a run that goes on.", panel=RUN, key=None
    )
    resume: bool = setting(False, help="Go on from the run folder's checkpoint.", panel=RUN, key=None, in_file=False)
    force: bool = setting(False, help="Overwrite an existing result.", panel=RUN, key=None, in_file=False)
    dry_run: bool = setting(
        False, help="Check everything, show what would run, and stop.", panel=RUN, key=None, in_file=False
    )


@dataclass(frozen=True, kw_only=True)
class RunSettings(OutputSettings, ComputeSettings):
    """What every run needs that makes an artifact."""


@dataclass(frozen=True, kw_only=True)
class ForeignSettings(Settings):
    """What must be said of a classifier from elsewhere, which has no header that tells."""

    arch: str | None = setting(
        None, metavar="NAME", help="Architecture of a plain state dict from elsewhere.", panel=MODELS
    )
    num_classes: int | None = setting(
        None, min=1, metavar="K", help="Number of classes of a plain state dict.", panel=MODELS
    )
    image_size: int | None = setting(
        None,
        min=1,
        help="Side in pixels of the images that a plain state dict takes.",
        shown_default="that of the architecture's published weights",
        panel=MODELS,
        newer=True,
    )
    mean: tuple[float, ...] | None = setting(
        None,
        min=0,
        max=1,
        metavar="X,X,...",
        help="What a plain state dict wants subtracted from pixels in [0, 1]: one number, or one per channel.",
        shown_default="that of the architecture's published weights",
        panel=MODELS,
        newer=True,
    )
    std: tuple[float, ...] | None = setting(
        None,
        min=0,
        metavar="X,X,...",
        help="What it wants the difference divided by.",
        shown_default="that of the architecture's published weights",
        panel=MODELS,
        newer=True,
    )
    class_names: str | None = setting(
        None,
        metavar="FILE|A,B,...",
        help="Class names of a plain state dict in the order of its outputs: a file with one a line, or a list.",
        shown_default="0,1,2,...",
        panel=MODELS,
        newer=True,
    )


@dataclass(frozen=True, kw_only=True)
class InitSettings(Settings):
    """What a network's weights are before the first update."""

    init: Path | None = setting(
        None,
        help="Begin with the weights of this classifier, of the same architecture; the head is new for other classes.",
        shown_default="random weights",
        panel=MODELS,
        newer=True,
    )
