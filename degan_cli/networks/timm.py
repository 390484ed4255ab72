"""Every classifier of the timm library as ``timm/NAME``, never with pretrained weights: nothing is downloaded."""

from __future__ import annotations

from functools import partial

import timm
from timm.models import get_pretrained_cfg
from torch import nn

from ..specs import ArchitectureSpec, InputSpec
from .statistics import per_channel

PREFIX = "timm/"


def find(name: str) -> ArchitectureSpec | None:
    """The spec of timm's model ``name``, perhaps with a tag as in ``resnet18.a1_in1k``; None if there is none.

    Mean and std are those that timm gives for the model and tag. The size is fixed where the model's is.
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
    return ArchitectureSpec(
        name=PREFIX + name,
        build=partial(_build, name),
        published_size=config.input_size[1:],
        size=side if config.fixed_input_size else None,
        min_size=max([32, *(config.min_input_size or ())[1:]]),
        statistics=partial(per_channel, tuple(config.mean), tuple(config.std)),
        source=f"timm {config.paper_ids or config.origin_url or name}",
    )


def names() -> list[str]:
    """All of timm's models, without tags."""
    return timm.list_models()


def _build(name: str, num_classes: int, input: InputSpec) -> nn.Module:
    return timm.create_model(name, pretrained=False, num_classes=num_classes, in_chans=input.channels)
