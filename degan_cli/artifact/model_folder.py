"""A folder as timm and Hugging Face write it: ``config.json`` beside the weights of one model.

Formats: ``timm.models._hub.save_for_hf`` of timm 1.0, and its wrapper in transformers.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from ..errors import BadFile
from .pickled import read_pickled
from .safetensors_file import read_tensors

CONFIG, SAFE, PICKLED = "config.json", "model.safetensors", "pytorch_model.bin"
MAX_CONFIG = 16 * 2**20
"""Bytes."""
COVERED_ARGUMENTS = {"num_classes", "in_chans", "img_size", "global_pool", "pretrained_cfg"}
"""Of timm's ``model_args``: what follows from classes and input, and the pooling, which is looked at by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What the files of a model from elsewhere tell of it, as far as they do."""

    architecture: str | None = None
    num_classes: int | None = None
    class_names: tuple[str, ...] = ()
    size: tuple[int, int] | None = None
    """Height and width in pixels."""
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None


def is_model_folder(path: str | Path) -> bool:
    """Whether there is a ``config.json`` in this folder."""
    return (Path(path) / CONFIG).is_file()


def read_folder(folder: Path) -> tuple[dict[str, Tensor], str, Description]:
    """Its weights, their file's SHA-256, and what the configuration tells.

    :raises BadFile: when one of them is missing, damaged, or describes what cannot be built.
    """
    description = _description(folder / CONFIG)
    if (folder / SAFE).is_file():
        tensors, _, sha256 = read_tensors(folder / SAFE)
    elif (folder / PICKLED).is_file():
        pickled = read_pickled(folder / PICKLED)
        tensors, sha256 = pickled.tensors, pickled.sha256
    else:
        raise BadFile(f"{folder}: has {CONFIG}, but neither {SAFE} nor {PICKLED}; fetch the whole folder again")
    return tensors, sha256, description


def _description(path: Path) -> Description:
    try:
        if path.stat().st_size > MAX_CONFIG:
            raise ValueError("too large")
        config = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(config, dict):
            raise ValueError("no object")
        return _read(config)
    except (OSError, ValueError, TypeError, KeyError, IndexError, RecursionError) as error:
        raise BadFile(f"{path}: cannot be used ({error or type(error).__name__}); fetch or make it again") from error


def _read(config: Mapping[str, Any]) -> Description:
    """Raises one of the usual errors where a value is not of its kind."""
    # What belongs to the weights stands in an object of its own since timm 0.9, and at the top before.
    weights: Mapping[str, Any] = config.get("pretrained_cfg") or config
    architecture = config.get("architecture")
    if architecture is not None:
        if not isinstance(architecture, str):
            raise ValueError("architecture is no text")
        _check_arguments(config)
    names = _class_names(config.get("label_names") or weights.get("label_names") or config.get("id2label") or ())
    classes = config.get("num_classes", weights.get("num_classes"))
    size = weights.get("input_size")
    return Description(
        architecture=None if architecture is None else f"timm/{architecture}",
        num_classes=None if classes is None else int(classes),
        class_names=names,
        size=None if size is None else (int(size[1]), int(size[2])),
        mean=_numbers(weights.get("mean")),
        std=_numbers(weights.get("std")),
    )


def _check_arguments(config: Mapping[str, Any]) -> None:
    """Raise ValueError where the model was built in a way that its name does not tell."""
    arguments = dict(config.get("model_args") or {})
    others = [name for name in arguments if name not in COVERED_ARGUMENTS and not name.startswith("drop")]
    pooling = arguments.get("global_pool", config.get("global_pool", "avg"))
    if pooling not in ("avg", "token", "fast", ""):
        others.append(f"global_pool={pooling}")
    if others:
        raise ValueError(f"its model_args {', '.join(others)} build another network than its name tells")


def _class_names(labels: Any) -> tuple[str, ...]:
    """Names in the order of the outputs; none where they are the placeholders LABEL_0, LABEL_1, ...

    Of names that are there twice, as "crane" among ImageNet's, each gets its number: ``crane (134)``.
    """
    if isinstance(labels, Mapping):
        labels = [labels[key] for key in sorted(labels, key=int)]
    names = tuple(map(str, labels))
    counts = Counter(names)
    names = tuple(f"{name} ({index})" if counts[name] > 1 else name for index, name in enumerate(names))
    if len(set(names)) < len(names):
        raise ValueError("a class name is there twice")
    return () if all(re.fullmatch(r"LABEL_\d+", name) for name in names) else names


def _numbers(values: Any) -> tuple[float, ...] | None:
    return None if values is None else tuple(float(value) for value in values)
