"""The built-in classifiers; the modules that need torch are imported when a network is built."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, cast

from .. import hookimpl
from ..specs import ArchitectureFamily, ArchitectureSpec, InputSpec

if TYPE_CHECKING:
    from torch import nn

_DEGAN = "Addepalli et al., DeGAN, AAAI 2020, and the authors' code"


@hookimpl
def degan_architectures() -> list[ArchitectureSpec | ArchitectureFamily]:
    """The paper's networks, residual networks for small images, and all of timm's and torchvision's."""
    return [
        _spec("lenet", "lenet:lenet", size=32, source=f"LeCun et al. 1998; {_DEGAN}"),
        _spec("lenet-half", "lenet:lenet_half", size=32, source=_DEGAN),
        _spec("alexnet", "alexnet:alexnet", size=32, source=_DEGAN),
        _spec("alexnet-half", "alexnet:alexnet_half", size=32, source=_DEGAN),
        _spec("resnet18", "resnet:resnet18", source="He et al., CVPR 2016, with a 3x3 stem for small images"),
        _spec("resnet34", "resnet:resnet34", source="He et al., CVPR 2016, with a 3x3 stem for small images"),
        _spec("resnet32", "resnet:resnet32", source="Rebuffi et al., iCaRL, CVPR 2017; He et al. 2016, section 4.2"),
        _spec(
            "inception-v3", "inception:inception_v3", source=f"Szegedy et al., CVPR 2016, for small images; {_DEGAN}"
        ),
        ArchitectureSpec(
            name="convnet",
            build=_convnet,
            min_size=8,  # three poolings leave one pixel
            source="Zhao et al., Dataset Condensation with Gradient Matching, ICLR 2021",
        ),
        ArchitectureFamily(prefix="timm/", find=_find_timm, names=_timm_names, source="https://timm.fast.ai"),
        ArchitectureFamily(
            prefix="torchvision/",
            find=_find_torchvision,
            names=_torchvision_names,
            source="https://docs.pytorch.org/vision/stable/models.html",
        ),
    ]


def _spec(name: str, function: str, source: str, size: int | None = None) -> ArchitectureSpec:
    return ArchitectureSpec(name=name, build=partial(_build, name, function, size), size=size, source=source)


def _build(name: str, function: str, size: int | None, num_classes: int, input: InputSpec) -> nn.Module:
    """Import ``module:function`` of this package and call it."""
    if size is not None and (input.height, input.width) != (size, size):
        raise ValueError(f"{name} takes images of {size}x{size} pixels, not {input.height}x{input.width}")
    module, attribute = function.split(":")
    network = getattr(import_module(f".{module}", __package__), attribute)(num_classes, input.channels)
    return cast("nn.Module", network)


def _convnet(num_classes: int, input: InputSpec) -> nn.Module:
    from .convnet import ConvNet

    return ConvNet(num_classes, *input.shape)


def _find_timm(name: str) -> ArchitectureSpec | None:
    from .timm import find

    return find(name)


def _timm_names() -> Sequence[str]:
    from .timm import names

    return names()


def _find_torchvision(name: str) -> ArchitectureSpec | None:
    from .torchvision import find

    return find(name)


def _torchvision_names() -> Sequence[str]:
    from .torchvision import names

    return names()
