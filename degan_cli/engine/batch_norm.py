"""BatchNorm over the batches of all processes, as one process would have it.

PyTorch's ``SyncBatchNorm`` does it on CUDA only. Elsewhere the same mean and variance are averaged over the processes
by collectives through which gradients pass.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, distributed, nn
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
        axes = [axis for axis in range(x.ndim) if axis != 1]
        along = [1 if axis in axes else -1 for axis in range(x.ndim)]  # the shape in which statistics meet x
        mean = _mean(x.mean(axes))  # (C,)
        centred = x - mean.view(along)
        # From the centred values: the mean of squares less the square of the mean would lose digits.
        variance = _mean(centred.square().mean(axes))  # (C,)
        self._remember(mean.detach(), variance.detach(), distributed.get_world_size() * x.numel() // x.shape[1])
        normalised: Tensor = centred * (variance + self.eps).rsqrt().view(along)
        if self.affine:
            normalised = normalised * self.weight.view(along) + self.bias.view(along)
        return normalised.to(input.dtype)

    def _remember(self, mean: Tensor, variance: Tensor, count: int) -> None:
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked += 1
        factor = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean.to(self.running_mean.dtype), factor)
        unbiased = variance * count / max(1, count - 1)
        self.running_var.lerp_(unbiased.to(self.running_var.dtype), factor)


def _mean(values: Tensor) -> Tensor:
    """Over the processes; gradients pass."""
    from torch.distributed.nn.functional import all_reduce  # only runs on several processes need what it imports

    return cast(Tensor, all_reduce(values)) / distributed.get_world_size()  # type: ignore[no-untyped-call]


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
