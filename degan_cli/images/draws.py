"""Random numbers for the images of a batch: this process's part of what one process would draw for the whole batch.

All processes of a run draw the same numbers, in the same order, and each keeps those of its own images. A run on
several processes is then the run of one; :func:`torch.rand` and its kin are for what all images share.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, distributed


def group() -> tuple[int, int]:
    """This process's place among those of the run, from 0, and how many there are."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def own(whole: Tensor, dim: int = 0) -> Tensor:
    """This process's images, or numbers, of those of the whole batch, which lie along ``dim``."""
    rank, processes = group()
    return whole if processes == 1 else whole.chunk(processes, dim)[rank]


def together(part: Tensor) -> Tensor:
    """The whole batch (processes x n, ...) that equal parts (n, ...) of all processes are, on each of them."""
    _, processes = group()
    if processes == 1:
        return part
    parts = [torch.empty_like(part, memory_format=torch.contiguous_format) for _ in range(processes)]
    distributed.all_gather(parts, part.contiguous())
    return torch.cat(parts)


def rand(*shape: int, device: torch.device | None = None, dim: int = 0) -> Tensor:
    """Uniform in [0, 1); ``shape`` is that of this process's part, whose images lie along ``dim``."""
    return _drawn(torch.rand, shape, dim, device)


def randn(*shape: int, device: torch.device | None = None) -> Tensor:
    """Standard normal, of the shape of this process's part."""
    return _drawn(torch.randn, shape, 0, device)


def randn_like(images: Tensor) -> Tensor:
    """Standard normal, of the shape, type and memory layout of this process's images."""
    _, processes = group()
    return own(torch.randn_like(torch.cat([images] * processes) if processes > 1 else images))


def randint(high: int, shape: tuple[int, ...], device: torch.device | None = None) -> Tensor:
    """Integers in 0 ... high - 1, of the shape of this process's part."""
    return _drawn(lambda *whole, device: torch.randint(high, whole, device=device), shape, 0, device)


def _drawn(draw: Callable[..., Tensor], shape: tuple[int, ...], dim: int, device: torch.device | None) -> Tensor:
    _, processes = group()
    whole = (*shape[:dim], shape[dim] * processes, *shape[dim + 1 :])
    return own(draw(*whole, device=device), dim)
