"""A folder that ``timm.create_model("local-dir:DIR", pretrained=True)`` opens: weights and ``config.json``.

The configuration is made here, field by field: timm's own writer copies the licence, origin and statistics of the
pretrained weights that the architecture is known for, which are not those of this classifier.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from ..artifact import write_tensors
from ..errors import UsageError
from ..models import Classifier
from .about import CARD, CONFIG, Export

PREFIX = "timm/"
"""Of the architectures that are timm's own."""
WEIGHTS = "model.safetensors"
FILES = (CONFIG, WEIGHTS, CARD)


def refuse(classifier: Classifier) -> None:
    """Raise UsageError for an architecture that is not timm's."""
    if not classifier.architecture.startswith(PREFIX):
        raise UsageError(
            f"--to timm: {classifier.architecture} is not one of timm's architectures; use --to state-dict for the "
            "weights, or --to onnx or --to torchscript for the whole network"
        )


def write(export: Export, path: Path) -> None:
    """Make the folder, with its three files."""
    path.mkdir()
    write_tensors(path / WEIGHTS, export.classifier.network.state_dict(), {})
    (path / CONFIG).write_text(json.dumps(timm_config(export), indent=1) + "\n", encoding="utf-8")
    (path / CARD).write_text(export.card, encoding="utf-8")


def timm_config(export: Export) -> dict[str, Any]:
    """What timm reads of a model folder, and under ``degan`` where the classifier comes from."""
    classifier = export.classifier
    given = classifier.input
    network: Any = classifier.network
    own: dict[str, Any] = getattr(network, "pretrained_cfg", {})
    arguments: dict[str, Any] = {"in_chans": given.channels}
    if getattr(getattr(network, "patch_embed", None), "img_size", None) is not None:
        arguments["img_size"] = [given.height, given.width]
    return {
        "architecture": classifier.architecture.removeprefix(PREFIX).partition(".")[0],
        "num_classes": len(classifier.class_names),
        "label_names": list(classifier.class_names),
        "model_args": arguments,
        "pretrained_cfg": {
            "input_size": list(given.shape),
            "fixed_input_size": own.get("fixed_input_size", False),
            "mean": list(given.mean),
            "std": list(given.std),
            # As images of other sizes are fitted to a classifier here, and with nothing cut off.
            "interpolation": "bilinear",
            "crop_mode": "squash",
            "crop_pct": 1.0,
            "num_classes": len(classifier.class_names),
            "first_conv": own.get("first_conv"),
            "classifier": own.get("classifier"),
        },
        "degan": export.config["degan"],
    }


def load(export: Export, path: Path) -> Callable[[Tensor], Tensor]:
    """Pixels to logits by timm, behind the normalisation that timm reads in the folder."""
    import timm
    from timm.data import resolve_model_data_config  # type: ignore[attr-defined]

    network: nn.Module = timm.create_model(f"local-dir:{path}", pretrained=True).eval()
    normalisation = resolve_model_data_config(network)  # type: ignore[no-untyped-call]
    mean, std = (export.classifier.mean.new_tensor(normalisation[key]).view(1, -1, 1, 1) for key in ("mean", "std"))
    return lambda images: network((images - mean) / std)
