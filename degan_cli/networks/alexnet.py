"""The small AlexNet of the DeGAN paper for 32x32 images, and a student with half its width.

Source: the authors' code of DeGAN (Addepalli et al., AAAI 2020), after ZSKD (Nayak et al., ICML 2019). Kept, because
the published numbers were made with it: BatchNorm after pooling and after dropout, its epsilon of 1e-3 (from
TensorFlow), biases of 1 in conv2, conv4 and conv5, and a response normalisation over 2 channels (ZSKD: over 5).
Different from that code: the head follows the number of classes; theirs always had 10.
"""

from __future__ import annotations

from collections import OrderedDict

from torch import nn

from .lrn import LocalResponseNorm

BATCH_NORM_EPS = 1e-3


def alexnet(num_classes: int, channels: int = 3) -> nn.Sequential:
    """Images (batch, channels, 32, 32) to logits; 1 659 178 parameters for 3 channels and 10 classes."""
    return _alexnet(1, num_classes, channels)


def alexnet_half(num_classes: int, channels: int = 3) -> nn.Sequential:
    """Images (batch, channels, 32, 32) to logits; 417 434 parameters for 3 channels and 10 classes."""
    return _alexnet(2, num_classes, channels)


def _alexnet(divisor: int, num_classes: int, channels: int) -> nn.Sequential:
    c1, c2, c3, c4, c5, f1, f2 = (width // divisor for width in (48, 128, 192, 192, 128, 512, 256))
    return nn.Sequential(
        OrderedDict(
            layer1=_layer(_conv(channels, c1, 5, bias=0), LocalResponseNorm(2), nn.MaxPool2d(3, 2), _norm(c1)),  # 15x15
            layer2=_layer(_conv(c1, c2, 5, bias=1), LocalResponseNorm(2), nn.MaxPool2d(3, 2), _norm(c2)),  # 7x7
            layer3=_layer(_conv(c2, c3, 3, bias=0), _norm(c3)),
            layer4=_layer(_conv(c3, c4, 3, bias=1), _norm(c4)),
            layer5=_layer(_conv(c4, c5, 3, bias=1), nn.MaxPool2d(3, 2), _norm(c5)),  # 3x3
            flatten=nn.Flatten(),
            fc1=_layer(_linear(c5 * 3 * 3, f1), nn.Dropout(0.5), nn.BatchNorm1d(f1, eps=BATCH_NORM_EPS)),
            fc2=_layer(_linear(f1, f2), nn.Dropout(0.5), nn.BatchNorm1d(f2, eps=BATCH_NORM_EPS)),
            fc3=_linear(f2, num_classes),
        )
    )


def _layer(weighted: nn.Module, *after: nn.Module) -> nn.Sequential:
    return nn.Sequential(weighted, nn.ReLU(), *after)


def _conv(inputs: int, outputs: int, kernel: int, bias: float) -> nn.Conv2d:
    conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=True)
    assert conv.bias is not None
    nn.init.constant_(conv.bias, bias)
    return conv


def _linear(inputs: int, outputs: int) -> nn.Linear:
    linear = nn.Linear(inputs, outputs)
    nn.init.zeros_(linear.bias)
    return linear


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=BATCH_NORM_EPS)
