"""DCGAN's convolutions where its maps are smallest, as the matrix products that they are.

A kernel that covers a whole map is a linear layer. The 4x4 kernels with stride 2 on maps of 4x4 become products with
their patches as rows, in bfloat16 on a CPU only: PyTorch's own take up to six times as long there, most for the
gradient of the weights. In float32 and on larger maps PyTorch's own are as fast or faster; they are used there, and
on other devices, where nothing was measured. Weights keep the shapes and names of ``nn.Conv2d`` and
``nn.ConvTranspose2d``.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

SMALL = 4
"""Pixels a side of a map that is halved or doubled, up to which products with patches are faster."""


class FromPoint(nn.ConvTranspose2d):
    """(batch, inputs, 1, 1) to (batch, outputs, side, side), without bias."""

    def __init__(self, inputs: int, outputs: int, side: int = 4) -> None:
        super().__init__(inputs, outputs, side, 1, 0, bias=False)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Each input times its kernel, summed over the inputs."""
        return _as_map(x.flatten(1) @ _as_matrix(self.weight), self.kernel_size[0], self.out_channels)


class ToPoint(nn.Conv2d):
    """(batch, inputs, side, side) to (batch, outputs, 1, 1), without bias."""

    def __init__(self, inputs: int, outputs: int, side: int = 2) -> None:
        super().__init__(inputs, outputs, side, side, 0, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """The whole map times each kernel."""
        return (_as_matrix(x) @ _as_matrix(self.weight).T)[:, :, None, None]


class Halve(nn.Conv2d):
    """(batch, inputs, size, size) to (batch, outputs, size / 2, size / 2): kernel 4x4, stride 2, padding 1, no bias."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 4, 2, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """The convolution."""
        if not _as_products(x):
            return super().forward(x)
        return cast(Tensor, _Halve.apply(x.to(torch.bfloat16), self.weight.to(torch.bfloat16)))


class Double(nn.ConvTranspose2d):
    """(batch, inputs, size, size) to (batch, outputs, 2 size, 2 size): kernel 4x4, stride 2, padding 1, no bias."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 4, 2, 1, bias=False)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """The transposed convolution."""
        if not _as_products(x):
            return super().forward(x, output_size)
        return cast(Tensor, _Double.apply(x.to(torch.bfloat16), self.weight.to(torch.bfloat16)))


class _Halve(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        patches = _patches(x)
        ctx.save_for_backward(patches if ctx.needs_input_grad[1] else None, weight)  # a frozen network keeps none
        ctx.side = x.shape[-1] // 2
        return _as_map(patches @ _as_matrix(weight).T, ctx.side, len(weight))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        patches, weight = ctx.saved_tensors
        rows = _rows(gradient)
        for_x = _sum_of_patches(rows @ _as_matrix(weight), ctx.side) if ctx.needs_input_grad[0] else None
        for_weight = _as_map(rows.T @ patches, 4, weight.shape[1]) if ctx.needs_input_grad[1] else None
        return for_x, for_weight


class _Double(torch.autograd.Function):
    """The forward pass is PyTorch's own, which is as fast; its gradients are those of :class:`_Halve` turned round."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return F.conv_transpose2d(x, weight, stride=2, padding=1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        patches = _patches(gradient)
        for_x = _as_map(patches @ _as_matrix(weight).T, x.shape[-1], len(weight)) if ctx.needs_input_grad[0] else None
        for_weight = _as_map(_rows(x).T @ patches, 4, weight.shape[1]) if ctx.needs_input_grad[1] else None
        return for_x, for_weight


def _as_products(x: Tensor) -> bool:
    """Whether this map is small enough, and computed where products are the faster way."""
    if x.device.type != "cpu" or x.shape[-1] > SMALL:
        return False
    dtype = torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else x.dtype
    return dtype is torch.bfloat16


def _patches(x: Tensor) -> Tensor:
    """What each output pixel of a halving convolution sees: (batch * size / 2 * size / 2, 4 * 4 * channels)."""
    padded = F.pad(x.permute(0, 2, 3, 1), (0, 0, 1, 1, 1, 1))  # (batch, size + 2, size + 2, channels)
    seen = padded.unfold(1, 4, 2).unfold(2, 4, 2)  # (batch, size / 2, size / 2, channels, 4, 4)
    return seen.permute(0, 1, 2, 4, 5, 3).flatten(3).flatten(0, 2)


def _sum_of_patches(patches: Tensor, side: int) -> Tensor:
    """The transpose of :func:`_patches`, whose results have ``side`` pixels: (batch, channels, 2 side, 2 side)."""
    parts = patches.view(-1, side, side, 4, 4, patches.shape[1] // 16)
    total = patches.new_zeros(len(parts), 2 * side + 2, 2 * side + 2, parts.shape[-1], dtype=torch.float32)
    for row in range(4):
        for column in range(4):
            total[:, row : row + 2 * side : 2, column : column + 2 * side : 2] += parts[:, :, :, row, column]
    return total[:, 1:-1, 1:-1].to(patches.dtype).permute(0, 3, 1, 2)


def _as_matrix(values: Tensor) -> Tensor:
    """Kernels or maps (a, b, height, width) to (a, height * width * b): a view when channels_last."""
    return values.permute(0, 2, 3, 1).flatten(1)


def _as_map(values: Tensor, side: int, channels: int) -> Tensor:
    """Values whose channels lie beside each other to (..., channels, side, side), channels_last."""
    return values.view(-1, side, side, channels).permute(0, 3, 1, 2)


def _rows(x: Tensor) -> Tensor:
    """(batch, channels, height, width) to (batch * height * width, channels): a view when channels_last."""
    return x.permute(0, 2, 3, 1).flatten(0, 2)
