"""Inversion: batches of images are optimised until a frozen classifier takes them for what is wanted.

Sources: Nayak et al., ICML 2019, section 3.3; Yin et al., CVPR 2020, section 3.2. Adam begins anew with each batch,
and each batch draws from a noise of its own, so that one that is interrupted can be made again, the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ..checkpoint import Checkpoint
from ..engine import Engine
from ..models import Classifier
from ..pixels import to_uint8, to_unit
from ..report import Report, grid
from ..runs import InvertRun
from ..specs import Inversion
from ..stopping import StopWatch, stopped
from .distill import check_finite
from .predict import predict

STRIDE = 1_000_003
"""Between the seeds of two runs; batches of one run follow one another."""


def invert(
    engine: Engine,
    inversion: Inversion,
    count: int,
    steps: int,
    lr: float,
    seed: int,
    interrupted: Callable[[], int] = lambda: 0,
) -> tuple[Tensor, Tensor, dict[str, Tensor]] | None:
    """One batch: images uint8 (count, C, H, W) on the device, their targets, and the last rows; None if interrupted.

    :param seed: of all noise in it.
    :param interrupted: asked after each step; anything but 0 ends it.
    """
    noise = torch.Generator().manual_seed(seed)
    values, targets = inversion.begin(count, noise)
    values.requires_grad_()
    optimiser = torch.optim.Adam([values], lr=lr)
    row: dict[str, Tensor] = {}
    for step in range(1, steps + 1):
        with engine.autocast():
            loss, row = inversion.loss(values, targets, noise)
        (values.grad,) = torch.autograd.grad(loss, values)
        optimiser.step()
        inversion.pixels(values)
        if interrupted() and step < steps:
            return None
    images = to_uint8(inversion.pixels(values).detach())
    return images, targets, row | inversion.learn(to_unit(images), targets)


def make_images(
    engine: Engine,
    inversion: Inversion,
    classifier: Classifier,
    run: InvertRun,
    checkpoint: Checkpoint,
    report: Report,
    watch: StopWatch,
) -> tuple[Tensor, Tensor, dict[str, Any]]:
    """``run.number`` images uint8 (N, C, H, W), the classifier's logits (N, classes), both on the CPU, and metrics.

    :raises Diverged: when a loss is not finite.
    :raises Stopped: when ``watch`` says so; the checkpoint is written then, without the unfinished batch.
    """
    batches = -(-run.number // run.batch_size)
    made: list[Tensor] = []
    if checkpoint.exists():
        tensors, _ = checkpoint.load(inversion.state())
        made = [tensors["made"]["images"]] if len(tensors["made"]["images"]) else []
        report.resume_at(sum(map(len, made)) // run.batch_size * run.steps)

    def save() -> None:
        empty = torch.empty((0, *classifier.input.shape), dtype=torch.uint8)
        images = torch.cat([empty, *made])
        checkpoint.save(inversion.state(), {"made": {"images": images}}, {"batches": len(images) // run.batch_size})

    def due() -> int:
        report.advance(run.batch_size)
        return watch.due()

    for batch in range(sum(map(len, made)) // run.batch_size, batches):
        done = invert(engine, inversion, run.batch_size, run.steps, run.lr, run.seed * STRIDE + batch, due)
        if done is None:
            save()
            raise stopped(watch.due(), f"batch {batch + 1} of {batches}")
        images, _, row = done
        values = {name: float(value) for name, value in row.items()}
        check_finite(sum(values.values()), f"batch {batch + 1}", "--lr")
        made.append(images.cpu())
        losses = "  ".join(f"{name} {value:.3f}" for name, value in values.items())
        report.row((batch + 1) * run.steps, {"batch": batch + 1, **values}, f"batch {batch + 1}/{batches}  {losses}")
        code = watch.due() if batch + 1 < batches else 0
        if code or watch.save_due():
            save()
        if code:
            raise stopped(code, f"batch {batch + 1} of {batches}")

    images = torch.cat(made)[: run.number]
    logits = predict(classifier, images, engine.device, autocast=engine.autocast)  # (N, classes)
    seen, sure = logits.argmax(dim=1), logits.softmax(dim=1).amax(dim=1)
    counts = torch.bincount(seen, minlength=len(classifier.class_names)).tolist()
    if report.folder is not None:
        _picture(images, seen, report)
    metrics = {
        "images": len(images),
        "updates": batches * run.steps,
        "class_counts": dict(zip(classifier.class_names, counts, strict=True)),
        "confidence": float(sure.mean()),
    }
    return images, logits, metrics


def _picture(images: Tensor, classes: Tensor, report: Report, columns: int = 10, most_rows: int = 20) -> None:
    """A row per class of its first images; white where there are none."""
    assert report.folder is not None
    rows = min(int(classes.max()) + 1, most_rows)
    picture = torch.ones(rows, columns, *images.shape[1:])
    for row in range(rows):
        mine = to_unit(images[classes == row][:columns])
        picture[row, : len(mine)] = mine
    grid(picture, report.folder / "samples.png")
