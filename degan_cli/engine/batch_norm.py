"""BatchNorm over the batches of all processes, as one process would have it.

PyTorch's ``SyncBatchNorm`` does it on CUDA only. Elsewhere the same mean and variance are averaged over the processes
by collectives through which gradients pass.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, distributed, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm


class SharedBatchNorm(_BatchNorm):
    """Normalises (batch, C, ...) by the statistics of the batches, of equal size, of all processes."""

    def _check_input_dim(self, input: Tensor) -> None:
        """Any number of axes will do: what this takes the place of has checked them."""

    def forward(self, input: Tensor) -> Tensor:
        """In eval mode by the running statistics, and without the other processes."""
        if not self.training:
            return super().forward(input)
        x = input.float() if input.dtype in (torch.float16, torch.bfloat16) else input
        normalised, mean, variance = _Normalised.apply(x, self.weight, self.bias, self.eps)
        self._remember(mean, variance, distributed.get_world_size() * x.numel() // x.shape[1])
        return cast(Tensor, normalised).to(input.dtype)

    def _remember(self, mean: Tensor, variance: Tensor, count: int) -> None:
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked += 1
        factor = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), factor)
        unbiased = variance * count / max(1, count - 1)
        self.running_var.lerp_(unbiased.to(self.running_var.dtype), factor)


class _Normalised(torch.autograd.Function):
    """Images normalised by the statistics of all processes, and these, with the gradient worked out by hand.

    Autograd through the same formula takes four times as long on a CPU: it keeps and passes over each tensor between.
    """

    @staticmethod
    def forward(
        context: Any, x: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float
    ) -> tuple[Tensor, Tensor, Tensor]:
        """PyTorch's fused layer in eval mode, given the statistics."""
        mean, variance = _statistics(x)
        context.save_for_backward(x, weight, mean, variance)
        context.eps = eps
        context.mark_non_differentiable(mean, variance)
        return functional.batch_norm(x, mean, variance, weight, bias, False, 0.0, eps), mean, variance

    @staticmethod
    def backward(context: Any, gradient: Tensor, *_: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None, None]:
        """What mean and variance move, too, in all processes; differentiable once more."""
        x, weight, mean, variance = context.saved_tensors
        if torch.is_grad_enabled():  # a gradient of this one is wanted, and the saved statistics would have none
            mean, variance = _statistics(x)
        axes, along = _axes(x)
        centred = x - mean.view(along)
        rate = (variance + context.eps).rsqrt()  # (C,)
        own = torch.stack([gradient.mean(axes), (gradient * centred).mean(axes)])  # (2, C)
        shift, tilt = _mean(own)
        scale = rate if weight is None else rate * weight
        moved = gradient - shift.view(along) - centred * (tilt * rate.square()).view(along)
        count = x.numel() // x.shape[1]
        own_weight, own_bias = (None, None) if weight is None else (own[1] * rate * count, own[0] * count)
        return moved * scale.view(along), own_weight, own_bias, None


def _axes(x: Tensor) -> tuple[list[int], list[int]]:
    """The axes over which statistics go, and the shape in which they meet x."""
    axes = [axis for axis in range(x.ndim) if axis != 1]
    return axes, [1 if axis in axes else -1 for axis in range(x.ndim)]


def _statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance (C,) of the images of all processes, by one message."""
    axes, along = _axes(x)
    own_mean = x.mean(axes)
    own_variance = (x - own_mean.view(along)).square().mean(axes)
    # As doubles: the mean of squares less the square of the mean would lose digits.
    wide = own_mean.double()
    mean, square = _mean(torch.stack([wide, own_variance.double() + wide.square()]))
    return mean.to(x.dtype), (square - mean.square()).to(x.dtype)


class _Mean(torch.autograd.Function):
    """The mean over the processes; each takes part equally, so that the gradient's way back is the same mean."""

    @staticmethod
    def forward(context: Any, values: Tensor) -> Tensor:
        """The given values are left as they are."""
        total = values.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(total)
        return total / distributed.get_world_size()

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        """Differentiable as often as wanted."""
        return _mean(gradient)


def _mean(values: Tensor) -> Tensor:
    """Over the processes; gradients pass."""
    return cast(Tensor, _Mean.apply(values))


def share_batch_norm(network: nn.Module, device: torch.device) -> nn.Module:
    """The network with every BatchNorm in it, whose weights and buffers stay, made one over all processes, in place."""
    if device.type == "cuda":
        return cast(nn.Module, nn.SyncBatchNorm.convert_sync_batchnorm(network))  # type: ignore[no-untyped-call]
    for name, child in network.named_children():
        setattr(network, name, share_batch_norm(child, device))
    if isinstance(network, _BatchNorm) and not isinstance(network, SharedBatchNorm):
        return _shared(network)
    return network


def _shared(norm: _BatchNorm) -> SharedBatchNorm:
    shared = SharedBatchNorm(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats)
    if norm.affine:
        shared.weight, shared.bias = norm.weight, norm.bias
    shared.running_mean, shared.running_var = norm.running_mean, norm.running_var
    shared.num_batches_tracked = norm.num_batches_tracked
    return shared.train(norm.training)
