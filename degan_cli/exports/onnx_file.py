"""ONNX: one file with the network, its normalisation, and its description as metadata.

Source: https://onnx.ai/onnx/repo-docs/IR.html; written by ``torch.onnx``, which needs onnxscript.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor

from ..errors import PluginError, UsageError, turned_into
from ..models import Classifier
from .about import Export
from .from_pixels import FromPixels, example

PACKAGES = ("onnx", "onnxscript", "onnxruntime")
INPUT = "pixels"


def refuse(classifier: Classifier) -> None:
    """Raise PluginError when a package is missing that writes or reads such files."""
    missing = [name for name in PACKAGES if find_spec(name) is None]
    if missing:
        raise PluginError(f"--to onnx needs {', '.join(missing)}, not installed here: pip install 'degan-cli[onnx]'")


def write(export: Export, path: Path) -> None:
    """Write the network from ``pixels`` to ``logits`` or ``probabilities``, both with any number of images.

    :raises UsageError: when the network does something that torch cannot translate.
    """
    network = FromPixels(export.classifier, export.softmax).eval()

    def untranslated(error: Exception) -> UsageError:
        return UsageError(
            f"--to onnx: torch cannot translate {export.classifier.architecture} "
            f"({type(error).__name__}: {str(error)[:200]}); use --to torchscript or --to state-dict"
        )

    with turned_into(untranslated), warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            network,
            (example(export.classifier),),
            dynamo=True,
            input_names=[INPUT],
            output_names=[str(export.config["output"])],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            verbose=False,
        )
        assert program is not None
    # Left to itself the file names the source files of this machine that each operation came from.
    for node in program.model.graph.all_nodes():
        node.metadata_props.clear()
        node.doc_string = None
    for value in program.model.graph.inputs:
        value.metadata_props.clear()
    program.model.metadata_props.update(export.texts)
    program.save(path, external_data=False)


def load(export: Export, path: Path) -> Callable[[Tensor], Tensor]:
    """Pixels to outputs by onnxruntime on the CPU."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda images: torch.from_numpy(session.run(None, {INPUT: images.numpy()})[0])
