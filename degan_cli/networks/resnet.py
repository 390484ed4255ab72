"""Residual networks for small images: ResNet-18 and -34 with a 3x3 stem, and the slim ResNet-32 of iCaRL.

Sources: He et al., "Deep Residual Learning for Image Recognition", CVPR 2016, section 4.2 for the slim one; Rebuffi
et al., "iCaRL", CVPR 2017, whose last block has no final ReLU, so that features may be negative: kept here. Weighted
layers have torchvision's names, so that its state dicts of ResNet-18 and -34 fit once their stem is 3x3.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def resnet18(num_classes: int, channels: int = 3) -> nn.Sequential:
    """Four stages of 2 blocks, 64 to 512 wide; 11 220 132 parameters for 3 channels and 100 classes."""
    return _resnet((2, 2, 2, 2), 64, projection, num_classes, channels)


def resnet34(num_classes: int, channels: int = 3) -> nn.Sequential:
    """Stages of 3, 4, 6 and 3 blocks, 64 to 512 wide; 21 328 292 parameters for 3 channels and 100 classes."""
    return _resnet((3, 4, 6, 3), 64, projection, num_classes, channels)


def resnet32(num_classes: int, channels: int = 3) -> nn.Sequential:
    """Three stages of 5 blocks, 16 to 64 wide, shortcuts without weights, no ReLU after the last block (iCaRL).

    470 004 parameters for 3 channels and 100 classes. Convolutions start from He's normal distribution.
    """
    network = _resnet((5, 5, 5), 16, ZeroPadded, num_classes, channels, last_relu=False)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
    return network


def _resnet(
    depths: tuple[int, ...],
    width: int,
    shortcut: Callable[[int, int], nn.Module],
    num_classes: int,
    channels: int,
    last_relu: bool = True,
) -> nn.Sequential:
    """Normalised images (batch, channels, H, W) of any size to logits (batch, classes).

    :param depths: blocks of each stage; each stage after the first halves the sides and doubles the width.
    :param shortcut: (inputs, outputs) -> the module beside a block that halves the sides.
    :param last_relu: whether the very last block ends with a ReLU, as all others do.
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    layers["conv1"] = nn.Conv2d(channels, width, 3, padding=1, bias=False)
    layers["bn1"] = nn.BatchNorm2d(width)
    layers["relu"] = nn.ReLU(inplace=True)
    inputs = width
    for stage, depth in enumerate(depths, start=1):
        outputs = width << (stage - 1)
        blocks = []
        for index in range(depth):
            halves = stage > 1 and index == 0
            relu = last_relu or (stage, index) != (len(depths), depth - 1)
            blocks.append(BasicBlock(inputs, outputs, shortcut(inputs, outputs) if halves else None, relu))
            inputs = outputs
        layers[f"layer{stage}"] = nn.Sequential(*blocks)
    layers["avgpool"] = nn.AdaptiveAvgPool2d(1)
    layers["flatten"] = nn.Flatten()
    layers["fc"] = nn.Linear(inputs, num_classes)
    return nn.Sequential(layers)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut; a shortcut module means that the first has stride 2."""

    def __init__(self, inputs: int, outputs: int, shortcut: nn.Module | None, relu: bool) -> None:
        super().__init__()
        stride = 1 if shortcut is None else 2
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = shortcut
        self.relu = relu

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, H, W) to (batch, outputs, H or H / 2, W or W / 2)."""
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)), inplace=True)))
        y = y + (x if self.downsample is None else self.downsample(x))
        return F.relu(y, inplace=True) if self.relu else y


def projection(inputs: int, outputs: int) -> nn.Sequential:
    """A shortcut that learns: 1x1 convolution of stride 2 and BatchNorm (He et al., option B)."""
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, 2, bias=False), nn.BatchNorm2d(outputs))


class ZeroPadded(nn.Module):
    """A shortcut without weights: every second pixel, new channels are 0 (He et al., option A)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.extra = outputs - inputs

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, H, W) to (batch, outputs, H / 2, W / 2), sides rounded up."""
        x = x[:, :, ::2, ::2]
        return torch.cat([x, x.new_zeros(x.shape[0], self.extra, *x.shape[2:])], 1)
