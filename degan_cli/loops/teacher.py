"""Training a classifier on labelled data: the teacher, or the true-data baseline.

Source: the authors' teacher script (DeGAN, AAAI 2020): no augmentation, Adam in two stages, batches of 64,
the best of all epochs by accuracy on a fifth of the training images. With SGD, a step schedule and random crops and
flips it is the recipe of He et al., CVPR 2016, section 4.2. The test set has no part in either.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch.optim import Optimizer

from ..config import TeacherSettings
from ..engine import Engine
from ..errors import BadFile
from ..images import ImageStore, Shuffle, augmentation, to_unit
from ..losses import label_loss
from ..models import Classifier, copy_weights
from ..runs.checkpoint import Checkpoint
from ..runs.report import Report
from ..runs.stopping import StopWatch, stopped
from ..specs import ImageSet, Network
from .finite import Losses
from .stages import Milestones, Schedule, Stages, set_rate
from .top_classes import top_classes


def train_teacher(
    engine: Engine,
    classifier: Classifier,
    data: ImageSet,
    settings: TeacherSettings,
    checkpoint: Checkpoint,
    report: Report,
    watch: StopWatch,
) -> tuple[Classifier, dict[str, Any]]:
    """Train ``classifier`` in place and return it, as the best of all epochs, with its metrics.

    :param data: labelled images of the classifier's input shape.
    :raises BadFile: when there are fewer than ten images, or no labels.
    :raises Diverged: when the loss is not finite.
    :raises Stopped: when ``watch`` says so; the checkpoint is written then.
    """
    if data.labels is None or len(data.images) < 10:
        raise BadFile(
            f"{settings.dataset}: {len(data.images)} labelled images; a teacher needs at least 10, with labels"
        )
    order = torch.randperm(len(data.images), generator=torch.Generator().manual_seed(settings.seed))
    split = max(1, round(len(order) * settings.held_out)) if settings.held_out else 0
    held_out, held_out_labels = (
        ImageStore(data.images, engine.device, order[:split]),
        data.labels[order[:split]].to(engine.device),
    )
    store = ImageStore(data.images, engine.device, order[split:])
    labels = data.labels[order[split:]].to(engine.device)

    classifier = engine.prepare(classifier)
    best = copy.deepcopy(engine.unwrap(classifier))
    optimiser = engine.optimiser(settings.optimiser, classifier.parameters(), settings.lr, settings.weight_decay)
    share, shuffle = engine.share(settings.batch_size, "--batch-size"), Shuffle(len(store), store.home)
    schedule, vary = make_schedule(settings), augmentation(settings.augment)
    steps_per_epoch = max(1, round(len(store) / settings.batch_size))

    parts: dict[str, Network | Optimizer] = {"classifier": classifier, "best": best, "optimiser": optimiser}
    if checkpoint.exists():
        tensors, numbers = checkpoint.load(parts)
        shuffle.load_state(tensors["shuffle"])
        schedule = type(schedule)(**numbers)
        report.resume_at(schedule.total * steps_per_epoch + schedule.step)

    code, loss, losses = 0, torch.zeros((), device=engine.device), Losses("--lr", steps_per_epoch)
    for epoch in schedule:
        classifier.train()
        set_rate(optimiser, settings.lr * schedule.factor)
        for step in range(schedule.step, steps_per_epoch):
            batch = shuffle.take(share)
            with engine.autocast():
                logits = classifier(vary(to_unit(store.take(batch))))  # (batch, classes)
            loss = label_loss(logits, labels[batch.to(engine.device)], settings.outputs)
            losses.see({"loss": loss}, schedule.total * steps_per_epoch + step + 1)
            engine.backward(loss)
            optimiser.step()
            optimiser.zero_grad()
            report.advance(settings.batch_size)
            code = engine.largest(watch.due())
            if code and step + 1 < steps_per_epoch:  # the epoch's last step: after its row
                losses.check()
                schedule.step = step + 1
                checkpoint.save(parts, {"shuffle": shuffle.state()}, schedule.to_json())
                raise stopped(code, f"epoch {epoch + 1}, step {step + 1} of {steps_per_epoch}")

        losses.check()
        score = 0.0
        if len(held_out):
            predicted = top_classes(engine, engine.unwrap(classifier), held_out)
            score = engine.from_main(float((predicted == held_out_labels).float().mean()))
        is_best, start_anew = schedule.finish_epoch(score)
        if is_best:
            copy_weights(engine.unwrap(classifier), best)
        if start_anew and not schedule.done:
            copy_weights(best, engine.unwrap(classifier))
            optimiser = engine.optimiser(
                settings.optimiser, classifier.parameters(), settings.lr, settings.weight_decay
            )
            parts["optimiser"] = optimiser
        row = {"epoch": epoch + 1, "loss": float(loss.detach())}
        text = f"epoch {epoch + 1}  loss {row['loss']:.4f}"
        if len(held_out):
            row["held_out_accuracy"] = score
            text += f"  held-out {score:.2%}"
        text += "  best" if is_best and settings.optimiser == "adam" else ""
        report.row(schedule.total * steps_per_epoch, row, text)
        if code or schedule.done or engine.largest(int(watch.save_due())):
            checkpoint.save(parts, {"shuffle": shuffle.state()}, schedule.to_json())
        if code:
            raise stopped(code, f"epoch {epoch + 1}")

    metrics: dict[str, Any] = {
        "best_epoch": schedule.best_epoch,
        "epochs": schedule.total,
        "updates": schedule.total * steps_per_epoch,
        "images": schedule.total * steps_per_epoch * settings.batch_size,
    }
    if len(held_out):
        metrics["held_out_accuracy"] = schedule.best_score
    return best, metrics


def make_schedule(settings: TeacherSettings) -> Schedule:
    """The schedule that goes with the run's optimiser."""
    return (
        Milestones(settings.epochs, settings.milestones)
        if settings.optimiser == "sgd"
        else Stages(settings.epochs, settings.patience)
    )
