"""Options that several subcommands share, spelt once, and the plugins that a command works with."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from ..plugins import Plugins

DATA = "Data"
MODELS = "Models"
TRAINING = "Training"
RUN = "Run"
"""Panels of ``--help``."""

Out = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        metavar="FILE",
        help="Where to write; a name made from the inputs if left out, - for stdout.",
        show_default=False,
        rich_help_panel=RUN,
    ),
]
Arch = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Architecture of a plain state dict from elsewhere.", rich_help_panel=MODELS),
]
NumClasses = Annotated[
    int | None,
    typer.Option(min=1, metavar="K", help="Number of classes of a plain state dict.", rich_help_panel=MODELS),
]
DataDir = Annotated[
    Path,
    typer.Option(metavar="DIR", envvar="DEGAN_DATA_DIR", help="Folder of the data sets.", rich_help_panel=DATA),
]
Download = Annotated[
    bool, typer.Option("--download", help="Fetch data sets that are missing from --data-dir.", rich_help_panel=DATA)
]
Device = Annotated[str, typer.Option(metavar="DEVICE", help="auto, cpu, cuda, cuda:1, mps, ...", rich_help_panel=RUN)]
Precision = Annotated[
    Literal["auto", "fp32", "bf16", "fp16"],
    typer.Option(
        help="Of the matrix products; weights stay fp32. auto is fp32 on CPUs, where bf16 is faster for large networks "
        "if the processor knows it.",
        rich_help_panel=RUN,
    ),
]
Compile = Annotated[
    bool,
    typer.Option("--compile", help="Compile the networks first; no gain on CPUs so far.", rich_help_panel=RUN),
]
CudaGraphs = Annotated[
    bool,
    typer.Option("--cuda-graphs", help="Launch each step as one CUDA graph; not measured yet.", rich_help_panel=RUN),
]
Seed = Annotated[int, typer.Option(min=0, help="Of all random numbers.", rich_help_panel=RUN)]
MaxMinutes = Annotated[
    float | None,
    typer.Option(
        min=0, metavar="M", help="Then write a checkpoint and exit with 75; see --resume.", rich_help_panel=RUN
    ),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on from the run folder's checkpoint.", rich_help_panel=RUN)]
Force = Annotated[bool, typer.Option("--force", help="Overwrite an existing result.", rich_help_panel=RUN)]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Check everything, show what would run, and stop.", rich_help_panel=RUN)
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.", rich_help_panel=RUN)]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="No progress on stderr.", rich_help_panel=RUN)]


Augment = Literal["none", "crop", "flip", "crop-flip"]
Milestones = Annotated[
    str | None,
    typer.Option(
        metavar="E,E,...",
        help="Epochs after which sgd's rate falls to a tenth.  [default: 40, 60 and 80 %]",
        show_default=False,
        rich_help_panel=TRAINING,
    ),
]
WeightDecay = Annotated[
    float | None,
    typer.Option(min=0, help="Of sgd.  [default: 2e-4]", show_default=False, rich_help_panel=TRAINING),
]


def plugins_from(context: typer.Context) -> Plugins:
    """Built-ins and installed plugins, as ``--no-plugins``, ``DEGAN_DISABLE_PLUGINS`` and
    ``DEGAN_RAISE_PLUGIN_ERRORS`` want them; loaded once per command.
    """
    from ..plugins import Plugins, load_plugins

    root = context.find_root()
    if not isinstance(root.obj, Plugins):
        disabled = frozenset(re.split(r"[,\s]+", os.environ.get("DEGAN_DISABLE_PLUGINS", ""))) - {""}
        raise_errors = os.environ.get("DEGAN_RAISE_PLUGIN_ERRORS", "") not in ("", "0")
        root.obj = load_plugins(not root.params.get("no_plugins", False), disabled, raise_errors)
    return root.obj
