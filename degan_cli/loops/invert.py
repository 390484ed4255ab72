"""Inversion: many images, made in batches by a method that optimises them (:mod:`degan_cli.samples.inversion`)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..config import EnrichSettings
from ..engine import Engine
from ..images import class_picture, draws, to_unit
from ..metrics import support
from ..models import Classifier
from ..runs.checkpoint import Checkpoint
from ..runs.report import Report
from ..runs.stopping import StopWatch, stopped
from ..samples.inversion import STRIDE, invert
from ..specs import Inversion
from .finite import Losses, finite_values
from .predict import predict


def make_images(
    engine: Engine,
    inversion: Inversion,
    classifier: Classifier,
    settings: EnrichSettings,
    checkpoint: Checkpoint,
    report: Report,
    watch: StopWatch,
) -> tuple[Tensor, Tensor, dict[str, Any]]:
    """As many images uint8 (N, C, H, W) as wanted, the classifier's logits (N, classes), both on the CPU, and metrics.

    :raises Diverged: when a loss is not finite.
    :raises Stopped: when ``watch`` says so; the checkpoint is written then, without the unfinished batch.
    """
    batches = -(-settings.number // settings.batch_size)
    # Batches are made side by side, one in each process; in turn, by all, where a method learns between them.
    rank, abreast = (0, 1) if inversion.state() else draws.group()
    made: list[Tensor] = []
    if checkpoint.exists():
        tensors, _ = checkpoint.load(inversion.state())
        made = [tensors["made"]["images"]] if len(tensors["made"]["images"]) else []
        report.resume_at(sum(map(len, made)) // settings.batch_size * settings.steps)

    def save() -> None:
        empty = torch.empty((0, *classifier.input.shape), dtype=torch.uint8)
        images = torch.cat([empty, *made])
        checkpoint.save(
            inversion.state(), {"made": {"images": images}}, {"batches": len(images) // settings.batch_size}
        )

    def due() -> int:
        report.advance(settings.batch_size * abreast)
        return engine.largest(watch.due())

    for first in range(sum(map(len, made)) // settings.batch_size, batches, abreast):
        batch = min(first + abreast, batches) - 1
        seed = settings.seed * STRIDE + first + rank  # beyond the last batch too: all processes wait for each other
        losses = Losses("--lr", within=f"batch {min(first + rank, batches - 1) + 1} of {batches}")
        done = invert(
            engine,
            inversion,
            settings.batch_size,
            settings.steps,
            settings.lr,
            seed,
            interrupted=due,
            see=losses.see,
            check=losses.check,
        )
        if done is None:
            losses.check()
            save()
            raise stopped(engine.largest(watch.due()), f"batch {first + 1} of {batches}")
        images, _, row = done
        if abreast > 1:
            images = draws.together(images)[: (batch + 1 - first) * settings.batch_size]
        values = finite_values(row, f"batch {batch + 1} of {batches}", "--lr")
        made.append(images.cpu())
        shown = "  ".join(f"{name} {value:.3f}" for name, value in values.items())
        report.row(
            (batch + 1) * settings.steps, {"batch": batch + 1, **values}, f"batch {batch + 1}/{batches}  {shown}"
        )
        last = batch + 1 == batches
        code = 0 if last else engine.largest(watch.due())
        if code or last or engine.largest(int(watch.save_due())):
            save()
        if code:
            raise stopped(code, f"batch {batch + 1} of {batches}")

    images = torch.cat(made)[: settings.number]
    logits = predict(classifier, images, engine.device, autocast=engine.autocast)  # (N, classes)
    seen, sure = logits.argmax(dim=1), logits.softmax(dim=1).amax(dim=1)
    counts = torch.bincount(seen, minlength=len(classifier.class_names)).tolist()
    if report.folder is not None:
        class_picture(to_unit(images), seen, classifier.class_names, report.folder / "samples.png")
    rests_on = support(logits.softmax(dim=1))
    metrics = {
        "images": len(images),
        "updates": batches * settings.steps,
        "class_counts": dict(zip(classifier.class_names, counts, strict=True)),
        "classes_seen": rests_on.seen,
        "effective_classes": round(rests_on.effective, 3),
        "confidence": float(sure.mean()),
    }
    return images, logits, metrics
