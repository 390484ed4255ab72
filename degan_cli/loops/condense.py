"""Condensing: a few synthetic images of each class learn to look like all true ones to random networks.

Sources: distribution matching (DM), Zhao and Bilen, WACV 2023; gradient matching (DC), Zhao, Mopuri and Bilen, ICLR
2021; with siamese augmentation (DSA), Zhao and Bilen, ICML 2021; and their code. We differ in three things: pixels are
kept in [0, 1] after each update, since a file can hold no others; a step of gradient matching is one update of the
images, so that ``outer`` of them are one iteration of the source; and augmentation treats all images of a batch alike
also where the network of gradient matching is trained.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import SGD, Optimizer

from ..config import CondenseSettings
from ..engine import Engine
from ..images import MOST_ROWS, draw_siamese, grid, to_uint8, to_unit
from ..losses import distribution_distance, gradient_distance
from ..networks.convnet import ConvNet
from ..runs.checkpoint import Checkpoint
from ..runs.report import Report
from ..runs.stopping import StopWatch, stopped
from ..samples.true_images import TrueImages
from ..specs import ImageSet, Network
from .finite import Losses

MOMENTUM = 0.5
"""Of the images and of the network that gradient matching trains."""
NETWORK_LR = 0.01
TRAINING_BATCH = 256
"""Synthetic images in a step of that network."""
ROWS = 25
"""At most so many rows of metrics in a run."""
NORMALISED = 1.0
"""Standard deviation of normalised images."""


def condense(
    engine: Engine,
    data: ImageSet,
    settings: CondenseSettings,
    checkpoint: Checkpoint,
    report: Report,
    watch: StopWatch,
) -> tuple[ImageSet, dict[str, Any]]:
    """Learn ``per_class`` images of each class, in the order of the classes, that stand for ``data``; with metrics.

    :param data: true images with labels, at least one of each class, and as many as are wanted if these start from
        real ones; the side is at least 8 pixels.
    :raises Diverged: when the loss is not finite.
    :raises Stopped: when ``watch`` says so; the checkpoint is written then.
    """
    classes = len(data.class_names)
    real = TrueImages(data, engine.device)
    lowest, highest = real.normalise(torch.zeros_like(real.mean)), real.normalise(torch.ones_like(real.mean))
    images = nn.ParameterList(real.start(settings)).to(engine.device)  # of each class (per_class, C, H, W), normalised
    optimiser = engine.optimiser("sgd", [{"params": list(images), "momentum": MOMENTUM}], settings.lr, weight_decay=0.0)
    network = engine.place(ConvNet(classes, *data.images.shape[1:])).requires_grad_(settings.matching == "gradient")
    teaching = SGD(network.parameters(), NETWORK_LR, MOMENTUM)
    total = torch.zeros((), device=engine.device)  # of the losses since the last row

    start, row_every, loss = 0, math.ceil(settings.steps / ROWS), math.nan
    parts: dict[str, Network | Optimizer] = {
        "images": images, "optimiser": optimiser, "network": network, "teaching": teaching,
    }  # fmt: skip
    if checkpoint.exists():
        tensors, numbers = checkpoint.load(parts)
        total, start = tensors["loss"]["total"].to(engine.device), numbers["step"]
        loss = numbers.get("loss", loss)
        report.resume_at(start)

    losses = Losses("--lr")
    for step in range(start + 1, settings.steps + 1):
        if (step - 1) % settings.outer == 0:
            network.renew()
            parts["teaching"] = teaching = SGD(network.parameters(), NETWORK_LR, MOMENTUM)
        for label, synthetic in enumerate(images):
            change = draw_siamese(bool(settings.flip), NORMALISED) if settings.augment else nn.Identity()
            true, weight = real.draw_part(label, settings.batch_size)  # (n, C, H, W), normalised
            with engine.autocast():
                match = by_gradient if settings.matching == "gradient" else by_distribution
                distance = match(engine, network, change(true), weight, change(synthetic), label)
            engine.backward(distance)
            total += distance.detach() / classes
        losses.see({"loss": total}, step)
        optimiser.step()
        optimiser.zero_grad()
        with torch.no_grad():
            for synthetic in images:
                synthetic.clamp_(lowest, highest)
        if step % settings.outer and settings.inner:
            teach(engine, network, teaching, images, settings)
        report.advance(min(settings.batch_size, real.most) * classes)

        last = step == settings.steps
        if step % row_every == 0 or last:
            loss = float(total) / ((step - 1) % row_every + 1)
            losses.check()
            report.row(step, {"loss": loss}, f"step {step}/{settings.steps}  loss {loss:.4f}")
            total.zero_()
        code = engine.largest(watch.due())
        if code or last or engine.largest(int(watch.save_due())):
            losses.check()
            checkpoint.save(parts, {"loss": {"total": total}}, {"step": step, "loss": loss})
        if code and not last:
            raise stopped(code, f"step {step} of {settings.steps}")

    rows = torch.stack([to_uint8(real.restore(synthetic.detach())).cpu() for synthetic in images])
    if report.folder is not None:
        grid(to_unit(rows[:MOST_ROWS]), report.folder / "samples.png", data.class_names[:MOST_ROWS])
    condensed = ImageSet(images=rows.flatten(0, 1), labels=labels_of(images).cpu(), class_names=data.class_names)
    metrics = {
        "loss": loss,
        "updates": settings.steps,
        "images": len(condensed.images),
        "per_class": settings.per_class,
        "real_images": len(data.images),
    }
    return condensed, metrics


def by_distribution(
    engine: Engine, network: ConvNet, real: Tensor, weight: float, synthetic: Tensor, label: int
) -> Tensor:
    """Distance of two batches of one class in the mean features of a network, which needs no training.

    :param real: this process's part of the one batch; ``weight`` is what its mean counts among those of all parts.
    :param synthetic: the other batch, all of it in each process.
    """
    with torch.no_grad():
        wanted = engine.mean_over_processes(weight * network.features(real).mean(dim=0, keepdim=True))
    return distribution_distance(wanted, network.features(synthetic))


def by_gradient(engine: Engine, network: ConvNet, real: Tensor, weight: float, synthetic: Tensor, label: int) -> Tensor:
    """Distance of two batches of one class in what each would teach a network; for the rest see above."""
    weights = [weight for weight in network.parameters() if weight.ndim > 1]

    def gradient(images: Tensor, keep_graph: bool) -> tuple[Tensor, ...]:
        labels = torch.full((len(images),), label, device=images.device)
        return torch.autograd.grad(F.cross_entropy(network(images), labels), weights, create_graph=keep_graph)

    taught = [engine.mean_over_processes(weight * each) for each in gradient(real, keep_graph=False)]
    return gradient_distance(taught, gradient(synthetic, keep_graph=True))


def teach(
    engine: Engine, network: ConvNet, optimiser: Optimizer, images: nn.ParameterList, settings: CondenseSettings
) -> None:
    """Train a network on the synthetic images, ``settings.inner`` times on each."""
    taught = torch.cat([synthetic.detach() for synthetic in images])
    labels = labels_of(images)
    for _ in range(settings.inner):
        for batch in torch.split(torch.randperm(len(taught)).to(taught.device), TRAINING_BATCH):
            change = draw_siamese(bool(settings.flip), NORMALISED) if settings.augment else nn.Identity()
            with engine.autocast():
                loss = F.cross_entropy(network(change(taught[batch])), labels[batch])
            optimiser.zero_grad()  # first: the matching has left gradients
            torch.autograd.backward(loss)  # not the engine's: each process has all of these images
            optimiser.step()


def labels_of(images: nn.ParameterList) -> Tensor:
    """Labels int64 (N,) of the images (n, C, H, W) of each class, one class after the other."""
    counts = torch.tensor([len(synthetic) for synthetic in images])
    return torch.arange(len(images)).repeat_interleave(counts).to(images[0].device)
