"""The two loops as the paper's description reads, without any trick: what ours are compared with.

A data loader with per-image transforms, float32, the library's own layers, gradients that also flow into the
frozen networks, unfused Adam, and a loss that is read on the host in every step.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from degan_cli.gans.small_maps import Double, FromPoint, Halve, ToPoint
from degan_cli.networks.lrn import LocalResponseNorm


class Transformed(Dataset[Tensor]):
    """Images uint8 (N, C, H, W), converted and scaled to [-1, 1] one by one."""

    def __init__(self, images: Tensor) -> None:
        self.images = images

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        image = self.images[index].to(torch.float32) / 255
        return (image - 0.5) / 0.5


def with_library_layers(network: nn.Module) -> nn.Module:
    """The same network with PyTorch's own layers for ours; weights are shared."""
    for name, child in network.named_children():
        if isinstance(child, LocalResponseNorm):
            setattr(network, name, nn.LocalResponseNorm(child.size))
        elif isinstance(child, FromPoint | ToPoint | Halve | Double):
            kind = nn.Conv2d if isinstance(child, nn.Conv2d) else nn.ConvTranspose2d
            sizes = child.in_channels, child.out_channels, child.kernel_size, child.stride, child.padding
            library = kind(*sizes, bias=False)
            library.weight = child.weight
            setattr(network, name, library)
        else:
            with_library_layers(child)
    return network


def enrich_step(
    generator: nn.Module,
    discriminator: nn.Module,
    classifier: nn.Module,
    proxy: Tensor,
    batch_size: int,
    latent: int,
    device: torch.device,
) -> Callable[[], None]:
    """One DeGAN update after another; ``generator`` and ``discriminator`` speak [0, 1], ``classifier`` [-1, 1]."""
    batches = _forever(DataLoader(Transformed(proxy), batch_size, shuffle=True, drop_last=True))
    for_d = torch.optim.Adam(discriminator.parameters(), 2e-4, betas=(0.5, 0.999), foreach=False)
    for_g = torch.optim.Adam(generator.parameters(), 2e-4, betas=(0.5, 0.999), foreach=False)
    bce = nn.BCELoss()

    def step() -> None:
        real = next(batches).to(device)
        one, zero = torch.ones(len(real), device=device), torch.zeros(len(real), device=device)
        discriminator.zero_grad()
        on_real = bce(torch.sigmoid(discriminator((real + 1) / 2)), one)
        on_real.backward()
        fake = generator(torch.randn(len(real), latent, device=device))
        on_fake = bce(torch.sigmoid(discriminator(fake.detach())), zero)
        on_fake.backward()
        for_d.step()
        generator.zero_grad()
        adversarial = bce(torch.sigmoid(discriminator(fake)), one)
        probabilities = F.softmax(classifier(fake * 2 - 1), dim=1)
        mean = probabilities.mean(dim=0)
        loss = adversarial + 5 * (mean * torch.log(mean)).sum()
        loss.backward()
        for_g.step()
        loss.item()

    return step


def distill_step(
    generator: nn.Module, teacher: nn.Module, student: nn.Module, batch_size: int, latent: int, device: torch.device
) -> Callable[[], None]:
    """One student update after another; ``generator`` speaks [0, 1], the classifiers [-1, 1]."""
    generator.eval()
    teacher.eval()
    optimiser = torch.optim.Adam(student.parameters(), 1e-3, betas=(0.5, 0.999), foreach=False)

    def step() -> None:
        images = generator(torch.randn(batch_size, latent, device=device)) * 2 - 1
        wanted = F.softmax(teacher(images) / 20, dim=1)
        loss = 400 * F.kl_div(F.log_softmax(student(images) / 20, dim=1), wanted, reduction="batchmean")
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        loss.item()

    return step


def _forever(loader: DataLoader[Tensor]) -> Iterator[Tensor]:
    while True:
        yield from loader
