"""Every classifier of torchvision as ``torchvision/NAME``, never with its weights: nothing is downloaded."""

from __future__ import annotations

from functools import partial
from typing import Any, cast

from torch import nn
from torchvision import models

from ..specs import ArchitectureSpec, InputSpec
from .statistics import per_channel

PREFIX = "torchvision/"
FIXED = ("vit_", "maxvit_")
"""Beginnings of the names of networks that take images of one size only."""
WITH_AUXILIARY = ("googlenet", "inception_v3")
"""Networks with more heads while they train; they are built without. With published weights torchvision has them turn
its usual statistics into (x - 0.5) / 0.5 first, so that these are their statistics."""

HALF = (0.5, 0.5, 0.5)


def find(name: str) -> ArchitectureSpec | None:
    """The spec of torchvision's classifier ``name``; None if there is none.

    Mean, std and size are those of the preprocessing that comes with its published weights, as the network sees them.
    """
    if name not in names():
        return None
    weights = models.get_model_weights(name).DEFAULT
    transforms = weights.transforms()
    (side,) = transforms.crop_size
    mean, std = (HALF, HALF) if name in WITH_AUXILIARY else (tuple(transforms.mean), tuple(transforms.std))
    return ArchitectureSpec(
        name=PREFIX + name,
        build=partial(_build, name),
        size=side if name.startswith(FIXED) else None,
        min_size=32 if name.startswith("swin") else max(32, *weights.meta["min_size"]),  # swin's meta says 224, it pads
        statistics=partial(per_channel, mean, std),
        published_size=(side, side),
        source=f"torchvision, {weights.meta.get('recipe', name)}",
    )


def names() -> list[str]:
    """All of torchvision's classifiers, but for detectors and the like."""
    return list(models.list_models(module=models))


def _build(name: str, num_classes: int, input: InputSpec) -> nn.Module:
    options: dict[str, Any] = {"num_classes": num_classes}
    if name in WITH_AUXILIARY:
        options |= {"aux_logits": False, "init_weights": True}
    if name.startswith("vit_"):
        options["image_size"] = input.height
    network = cast(nn.Module, models.get_model(name, weights=None, **options))
    return network if input.channels == 3 else _with_channels(network, input.channels)


def _with_channels(network: nn.Module, channels: int) -> nn.Module:
    """With another first convolution, for images of so many channels."""
    path, first = next((path, module) for path, module in network.named_modules() if isinstance(module, nn.Conv2d))
    parent, _, name = path.rpartition(".")
    options = {key: getattr(first, key) for key in ("kernel_size", "stride", "padding", "dilation", "padding_mode")}
    new = nn.Conv2d(channels, first.out_channels, **options, bias=first.bias is not None)
    network.get_submodule(parent).register_module(name, new)
    return network
