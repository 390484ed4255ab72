"""Every classifier of the timm library as ``timm/NAME``, never with pretrained weights: nothing is downloaded."""

from __future__ import annotations

from functools import partial
from typing import Any

import timm
from timm.models import get_pretrained_cfg, is_model_in_modules
from torch import nn

from ..specs import ArchitectureSpec, InputSpec
from .statistics import per_channel

PREFIX = "timm/"
RESIZABLE = ("vision_transformer", "deit", "beit", "eva", "swin_transformer")
"""Modules of timm whose networks are built for the size of their images, though each network is published for one."""


def find(name: str) -> ArchitectureSpec | None:
    """The spec of timm's model ``name``, perhaps with a tag as in ``resnet18.a1_in1k``; None if there is none.

    Mean and std are those that timm gives for the model and tag. The size is fixed where the model's is, and a vision
    transformer is built for the size that is wanted.
    """
    if not timm.is_model(name):
        return None
    try:
        config = get_pretrained_cfg(name)
    except RuntimeError:  # the model exists, the tag does not
        return None
    if config is None:
        return None
    side = config.input_size[-1]
    resizable = is_model_in_modules(name.partition(".")[0], RESIZABLE)
    return ArchitectureSpec(
        name=PREFIX + name,
        build=partial(_build, name, config.fixed_input_size and resizable),
        published_size=config.input_size[1:],
        size=side if config.fixed_input_size and not resizable else None,
        min_size=max([32, *(config.min_input_size or ())[1:]]),
        statistics=partial(per_channel, tuple(config.mean), tuple(config.std)),
        source=f"timm {config.paper_ids or config.origin_url or name}",
    )


def names() -> list[str]:
    """All of timm's models, without tags."""
    return timm.list_models()


def _build(name: str, sized: bool, num_classes: int, input: InputSpec) -> nn.Module:
    size: dict[str, Any] = {"img_size": (input.height, input.width)} if sized else {}
    return timm.create_model(name, pretrained=False, num_classes=num_classes, in_chans=input.channels, **size)
