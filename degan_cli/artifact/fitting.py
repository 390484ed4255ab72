"""Which architecture weights fit that do not fit the one that was named: a few known ones are tried."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from torch import Tensor

from ..errors import DeganError
from ..specs import InputSpec
from .weights import completed, mismatches, shapes

if TYPE_CHECKING:
    from ..plugins import Plugins

FAMILIES = {
    "layer1.0.conv3.weight": ("resnet50", "resnet101", "resnext50_32x4d", "wide_resnet50_2", "resnet152"),
    "layer1.0.conv2.weight": ("resnet18", "resnet34"),
    "features.denseblock1.denselayer1.conv1.weight": ("densenet121", "densenet169"),
    "features.0.0.weight": ("mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large", "efficientnet_b0"),
    "features.0.weight": (
        "vgg11",
        "vgg13",
        "vgg16",
        "vgg19",
        "vgg11_bn",
        "vgg13_bn",
        "vgg16_bn",
        "vgg19_bn",
        "alexnet",
    ),
    "conv_proj.weight": ("vit_b_16", "vit_b_32"),
}
"""The end of a key by which a family of torchvision's networks is known, and its usual members."""
NEAREST = 4
"""Names of the same family that are tried, where the named one is of a family such as ``timm/``."""


def fitting(plugins: Plugins, tensors: Mapping[str, Tensor], arch: str, classes: int, input: InputSpec) -> str:
    """The options that name an architecture whose keys and shapes these weights have; empty where none is found."""
    for name in dict.fromkeys(_candidates(plugins, tensors, arch)):
        try:
            spec = plugins.architectures.get(name)
            own = spec.input_for(*input.shape)
            wanted = shapes(lambda: spec.build(classes, own))  # noqa: B023  # called at once
        except (DeganError, ValueError):  # not for such images
            continue
        found = completed(tensors, wanted)
        number = classes_that_fit(found, wanted, classes)
        if number is not None:
            return f"--arch {name}" + ("" if number == classes else f" --num-classes {number}")
    return ""


def classes_that_fit(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor], classes: int) -> int | None:
    """The number of classes with which weights fit a network that was laid out for ``classes``; None if with none."""
    numbers = {classes}
    resized = dict(found)
    for key in found.keys() & wanted.keys():
        mine, theirs = found[key].shape, wanted[key].shape
        if mine != theirs and theirs[:1] == (classes,) and mine[1:] == theirs[1:]:
            numbers.add(mine[0])
            resized[key] = wanted[key]
    others = numbers - {classes}
    if len(others) > 1 or mismatches(resized, wanted):
        return None
    return others.pop() if others else classes


def _candidates(plugins: Plugins, tensors: Mapping[str, Tensor], arch: str) -> Iterator[str]:
    yield arch
    yield from plugins.architectures.names()
    known = next((names for key, names in FAMILIES.items() if any(one.endswith(key) for one in tensors)), ())
    yield from (f"torchvision/{name}" for name in known)
    for family in plugins.architectures.families:
        if arch.startswith(family.prefix):
            near = difflib.get_close_matches(arch.removeprefix(family.prefix), family.names(), NEAREST + 1)
            yield from (family.prefix + name for name in near)
