"""TorchScript: one file with the network, its normalisation, and its description as extra files."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import cast

import torch
from torch import Tensor

from ..errors import UsageError, turned_into
from .about import Export
from .from_pixels import FromPixels, example


def write(export: Export, path: Path) -> None:
    """Write the network as it was traced with two images.

    :raises UsageError: when the network does something that cannot be traced.
    """
    network = FromPixels(export.classifier, export.softmax).eval()

    def untraced(error: Exception) -> UsageError:
        return UsageError(
            f"--to torchscript: torch cannot trace {export.classifier.architecture} "
            f"({type(error).__name__}: {str(error)[:200]}); use --to onnx or --to state-dict"
        )

    # Of tracing there are warnings about each size that Python reads; the comparison tells whether one mattered.
    with turned_into(untraced), warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(  # type: ignore[no-untyped-call]
            network, example(export.classifier), check_trace=False
        )
        # Not into the file: on a full disk torch ends the process.
        held = io.BytesIO()
        torch.jit.save(traced, held, _extra_files=export.texts)
    path.write_bytes(held.getvalue())


def load(export: Export, path: Path) -> Callable[[Tensor], Tensor]:
    """Pixels to outputs by ``torch.jit.load``."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch calls TorchScript deprecated
        loaded = torch.jit.load(path, map_location="cpu")  # type: ignore[no-untyped-call]
    return cast(Callable[[Tensor], Tensor], loaded)
