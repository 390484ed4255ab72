"""Settings of ``degan export``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from .conditions import settle
from .fields import MODELS, RUN, setting
from .groups import ForeignSettings

WITH_NETWORK = ("onnx", "torchscript")
"""Formats that hold a network, in which something can come before it and after it; the others hold weights."""
TARGETS = ("onnx", "timm", "torchscript", "state-dict")


@dataclass(frozen=True, kw_only=True)
class ExportSettings(ForeignSettings):
    """Which classifier is written for other tools, in which format, and where."""

    model: Path = setting(argument=True, panel=MODELS, help="A classifier; - is stdin.")
    target: str = setting(
        flags=("--to",),
        choices=TARGETS,
        help="An ONNX or TorchScript file, a timm folder, or plain weights.",
        panel=RUN,
    )
    softmax: bool = setting(
        False, help="Let it give probabilities instead of logits.", panel=MODELS, needs=("network",)
    )
    output: Path | None = setting(
        None,
        flags=("-o", "--output"),
        metavar="DIR|FILE",
        help="Folder for timm, else a file, - for stdout.",
        shown_default="a name made from the classifier's",
        panel=RUN,
        key=None,
    )
    force: bool = setting(False, help="Overwrite an existing result.", panel=RUN, key=None, in_file=False)
    dry_run: bool = setting(
        False, help="Check everything, show what would run, and stop.", panel=RUN, key=None, in_file=False
    )

    def resolved(self) -> Self:
        """The same, once it is sure that nothing given is without use.

        :raises UsageError: for ``--softmax`` where weights alone are written.
        """
        return settle(self, {"network"} if self.target in WITH_NETWORK else ())
