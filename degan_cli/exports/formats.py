"""The formats by the names that ``--to`` takes, each with what writes it and what loads it again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from ..models import Classifier
from . import onnx_file, state_dict, timm_folder, torchscript_file
from .about import Export


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One way to write a classifier for other tools."""

    title: str
    """As people call it."""
    suffix: str
    """Of the file's name; empty for a folder."""
    inside: bool
    """Whether it holds the normalisation, so that its input is pixels in [0, 1]."""
    libraries: tuple[str, ...]
    """What writes it and loads it again: distributions, the loading one first."""
    refuse: Callable[[Classifier], None]
    """Raises UsageError for a classifier that the format cannot hold, PluginError when a library is missing."""
    write: Callable[[Export, Path], None]
    """Writes a file, or a folder that is not there yet."""
    load: Callable[[Export, Path], Callable[[Tensor], Tensor]]
    """What a user of the written file has: pixels in [0, 1] (batch, C, H, W) to outputs (batch, classes)."""


def _takes_all(classifier: Classifier) -> None:
    """Any classifier fits."""


FORMATS: Mapping[str, Format] = {
    "onnx": Format(
        title="an ONNX file",
        suffix=".onnx",
        inside=True,
        libraries=("onnxruntime", "onnx", "torch"),
        refuse=onnx_file.refuse,
        write=onnx_file.write,
        load=onnx_file.load,
    ),
    "timm": Format(
        title="a folder for timm",
        suffix="",
        inside=False,
        libraries=("timm", "torch"),
        refuse=timm_folder.refuse,
        write=timm_folder.write,
        load=timm_folder.load,
    ),
    "torchscript": Format(
        title="a TorchScript file",
        suffix=".pt",
        inside=True,
        libraries=("torch",),
        refuse=_takes_all,
        write=torchscript_file.write,
        load=torchscript_file.load,
    ),
    "state-dict": Format(
        title="a safetensors state dict",
        suffix=".safetensors",
        inside=False,
        libraries=("safetensors", "torch"),
        refuse=_takes_all,
        write=state_dict.write,
        load=state_dict.load,
    ),
}
"""By the value of ``--to``."""
