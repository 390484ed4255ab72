"""Distillation: a student learns the teacher's softened predictions on samples.

Source: Addepalli et al., "DeGAN", AAAI 2020, section 4, and the authors' student script: Adam in two
stages, 256 batches of 64 an epoch, selection by agreement with the teacher. We differ in that the held-out
samples are the same in every epoch, and that neither teacher nor generator collects gradients.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ..checkpoint import Checkpoint, copy_weights
from ..engine import Engine
from ..errors import Diverged
from ..losses import student_loss
from ..models import Classifier
from ..pixels import to_unit
from ..report import Report
from ..runs import DistillRun
from ..samples import Source
from ..stopping import StopWatch, stopped
from .stages import Stages

SCORING_BATCH = 512


def distill(
    engine: Engine,
    teacher: Classifier,
    student: Classifier,
    samples: Source,
    run: DistillRun,
    checkpoint: Checkpoint,
    report: Report,
    watch: StopWatch,
) -> tuple[Classifier, dict[str, Any]]:
    """Train ``student`` in place and return it, as the best of all epochs, with its metrics.

    :raises Diverged: when the loss is not finite.
    :raises Stopped: when ``watch`` says so; the checkpoint is written then.
    """
    teacher = engine.place(teacher).freeze()
    student = engine.prepare(student)
    best = copy.deepcopy(engine.unwrap(student))
    optimiser = engine.adam(student.parameters(), run.lr, run.beta1)
    with engine.eager():
        held_out = samples.held_out(run.held_out)  # uint8 (n, C, H, W)
    wanted = top_classes(engine, teacher, held_out)  # (n,)
    stages = Stages(run.epochs, run.patience)

    parts: dict[str, nn.Module | Optimizer] = {"student": student, "best": best, "optimiser": optimiser}
    if checkpoint.exists():
        tensors, numbers = checkpoint.load(parts)
        samples.load_state(tensors.get("samples", {}))
        stages = Stages(**numbers)
        report.resume_at(stages.total * run.steps_per_epoch + stages.step)

    code, loss = 0, torch.zeros((), device=engine.device)
    for epoch in stages:
        student.train()
        for step in range(stages.step, run.steps_per_epoch):
            images = samples.draw(run.batch_size)  # (batch, C, H, W) in [0, 1]
            with engine.autocast():
                with torch.no_grad():
                    teacher_logits = teacher(images)
                loss = student_loss(student(images), teacher_logits, run.temperature, run.ce_weight)
            engine.backward(loss)
            optimiser.step()
            optimiser.zero_grad()
            report.advance(run.batch_size * engine.processes)
            code = engine.largest(watch.due())
            if code and step + 1 < run.steps_per_epoch:  # the epoch's last step: after its row
                stages.step = step + 1
                checkpoint.save(parts, {"samples": samples.state()}, stages.to_json())
                raise stopped(code, f"epoch {epoch + 1}, step {step + 1} of {run.steps_per_epoch}")

        check_finite(float(loss.detach()), f"epoch {epoch + 1}", "--lr")
        score = engine.from_main(_agreement(engine, engine.unwrap(student), held_out, wanted))
        is_best, stage_over = stages.finish_epoch(score)
        if is_best:
            copy_weights(engine.unwrap(student), best)
        if stage_over and not stages.done:
            copy_weights(best, engine.unwrap(student))
            optimiser = engine.adam(student.parameters(), run.lr * stages.factor, run.beta1)
            parts["optimiser"] = optimiser
        row = {"epoch": epoch + 1, "loss": float(loss.detach()), "agreement": score}
        text = f"epoch {epoch + 1}  loss {row['loss']:.4f}  agreement {score:.2%}{'  best' if is_best else ''}"
        report.row(stages.total * run.steps_per_epoch, row, text)
        if code or engine.largest(int(watch.save_due())):
            checkpoint.save(parts, {"samples": samples.state()}, stages.to_json())
        if code:
            raise stopped(code, f"epoch {epoch + 1}")

    images_seen = stages.total * run.steps_per_epoch * run.batch_size * engine.processes
    metrics = {
        "agreement": stages.best_score,
        "best_epoch": stages.best_epoch,
        "epochs": stages.total,
        "updates": stages.total * run.steps_per_epoch,
        "images": images_seen,
    }
    return best, metrics


def top_classes(engine: Engine, classifier: Classifier, images: Tensor) -> Tensor:
    """The classifier's top class of each image uint8 (n, C, H, W), int64 (n,); it is left in eval mode."""
    classifier.eval()
    with torch.no_grad(), engine.autocast(), engine.eager():
        return torch.cat([classifier(to_unit(part)).argmax(dim=1) for part in torch.split(images, SCORING_BATCH)])


def _agreement(engine: Engine, student: Classifier, images: Tensor, wanted: Tensor) -> float:
    return float((top_classes(engine, student, images) == wanted).float().mean())


def check_finite(loss: float, when: str, option: str) -> None:
    """Raise Diverged when a loss is NaN or infinite."""
    if not abs(loss) < float("inf"):
        raise Diverged(f"the loss is {loss} after {when}; try a smaller {option}, or --precision fp32")
