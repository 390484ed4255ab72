"""LeNet-5 with ReLU and max pooling, and a student with half its feature maps.

Sources: LeCun et al., "Gradient-Based Learning Applied to Document Recognition", 1998; layers and sizes as in the
authors' code of DeGAN (AAAI 2020). The half network halves the convolutions only: its two hidden linear layers
keep 120 and 84 units, other than the LeNet5-half of DAFL (2019).
"""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn


class HalvingMaxPool(nn.MaxPool2d):
    """``nn.MaxPool2d(2)`` of images of even sides.

    Where no gradient is wanted, a CPU takes the maxima of strided views, the same numbers in a tenth of the time: the
    usual kernel notes where each maximum was found, which only a gradient needs.
    """

    def __init__(self) -> None:
        super().__init__(2)

    def forward(self, x: Tensor) -> Tensor:
        """Maps (batch, C, H, W) to (batch, C, H / 2, W / 2)."""
        traced = torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
        if traced or torch.compiler.is_compiling() or x.requires_grad or x.device.type != "cpu":
            pooled: Tensor = super().forward(x)
            return pooled
        upper, lower = x[..., ::2, :], x[..., 1::2, :]
        rows = torch.maximum(upper, lower)  # (batch, C, H / 2, W)
        return torch.maximum(rows[..., ::2], rows[..., 1::2])


class LeNet(nn.Sequential):
    """Layers by name, and which of them takes the features that DAFL excites."""

    feature_layer = "fc2"
    """Of the code of Chen et al., "Data-Free Learning of Student Networks", ICCV 2019: 120 numbers, not the last 84."""


def lenet(num_classes: int, channels: int = 1) -> nn.Sequential:
    """Images (batch, channels, 32, 32) to logits; 61 706 parameters for 1 channel and 10 classes."""
    return _lenet((6, 16), num_classes, channels)


def lenet_half(num_classes: int, channels: int = 1) -> nn.Sequential:
    """Images (batch, channels, 32, 32) to logits; 35 820 parameters for 1 channel and 10 classes."""
    return _lenet((3, 8), num_classes, channels)


def _lenet(widths: tuple[int, int], num_classes: int, channels: int) -> nn.Sequential:
    first, second = widths
    network = LeNet(
        OrderedDict(
            conv1=nn.Conv2d(channels, first, 5),  # (batch, 6, 28, 28)
            relu1=nn.ReLU(),
            pool1=HalvingMaxPool(),
            conv2=nn.Conv2d(first, second, 5),  # (batch, 16, 10, 10)
            relu2=nn.ReLU(),
            pool2=HalvingMaxPool(),
            flatten=nn.Flatten(),  # (batch, 400)
            fc1=nn.Linear(second * 5 * 5, 120),
            relu3=nn.ReLU(),
            fc2=nn.Linear(120, 84),
            relu4=nn.ReLU(),
            fc3=nn.Linear(84, num_classes),
        )
    )
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)
    return network
