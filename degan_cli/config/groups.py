"""Groups of settings that several commands share."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .base import Settings
from .fields import DATA, MODELS, RUN, setting

AUGMENTATIONS = ("none", "crop", "flip", "crop-flip")
OPTIMISERS = ("adam", "sgd")


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

    seed: int = setting(0, min=0, help="Of all random numbers.", panel=RUN)


@dataclass(frozen=True, kw_only=True)
class CompileSettings(ComputeSettings):
    """Whether networks are compiled."""

    compiled: bool = setting(
        False, flags=("--compile",), help="Compile the networks first; no gain on CPUs so far.", panel=RUN
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
    """What must be said of a classifier that is a plain state dict."""

    arch: str | None = setting(
        None, metavar="NAME", help="Architecture of a plain state dict from elsewhere.", panel=MODELS
    )
    num_classes: int | None = setting(
        None, min=1, metavar="K", help="Number of classes of a plain state dict.", panel=MODELS
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
