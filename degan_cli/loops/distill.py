"""Distillation: a student learns the teacher's softened predictions on samples.

Source: Addepalli et al., "DeGAN", AAAI 2020, section 4, and the authors' student script: Adam in two
stages, 256 batches of 64 an epoch, selection by agreement with the teacher. We differ in that the held-out
samples are the same in every epoch, and that neither teacher nor generator collects gradients.

Other schedules than the authors' run once over all epochs, images may be mixed, and the mean of the student's weights
over its last updates may be kept instead of itself. At a low temperature the predictions of a certain teacher say
little of the classes that it rules out; the distance of the logits, added in units of their spread, says more (ours).

Samples may also change while the student learns (:mod:`degan_cli.samples.online`). Then no epoch's agreement can be
compared with another's, so that the epochs are fixed in number and the last student is kept.
"""

from __future__ import annotations

import copy
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from ..config import DistillSettings
from ..config.distill import IN_TURN
from ..engine import Engine
from ..images import augmentation, mix, within
from ..losses import logit_distance, logit_spread, student_loss
from ..metrics import Support, accuracy, curve_summary, support
from ..models import Classifier, copy_weights, follow
from ..runs.checkpoint import Checkpoint
from ..runs.report import Report
from ..runs.stopping import StopWatch, stopped
from ..samples.sources import Source
from ..specs import ImageSet, Network
from .finite import Losses, finite_values
from .stages import Annealed, Milestones, Schedule, Stages, set_rate
from .top_classes import all_logits, top_classes

HELD_OUT_VALUES = 4096 * 3 * 128 * 128
"""Pixels times channels of the held-out samples where nobody says how many they are: of large images fewer."""
LEAST_HELD_OUT = 10
"""Fewer say nothing of a student."""


def distill(
    engine: Engine,
    teacher: Classifier,
    student: Classifier,
    samples: Source,
    settings: DistillSettings,
    checkpoint: Checkpoint,
    report: Report,
    watch: StopWatch,
    test_data: ImageSet | None = None,
) -> tuple[Classifier, dict[str, Any]]:
    """Train ``student`` in place and return it, as the schedule keeps it, with its metrics.

    :param samples: on the device; online ones were built with the very ``student``.
    :param test_data: labelled images on which the student is only watched; nothing is decided by them.
    :raises Diverged: when the loss is not finite.
    :raises Stopped: when ``watch`` says so; the checkpoint is written then.
    """
    teacher = engine.place(teacher).freeze()
    student = engine.prepare(student)
    best = copy.deepcopy(engine.unwrap(student))
    average = copy.deepcopy(engine.unwrap(student)) if settings.ema else None
    optimiser = _optimiser(engine, student, settings)
    schedule = _schedule(settings, online=samples.online)
    share = engine.share(settings.batch_size, "--batch-size")
    looked_at = settings.held_out
    if "held_out" not in settings.given:
        looked_at = within(looked_at, teacher.input.shape, values=HELD_OUT_VALUES)
    held_out = wanted = torch.empty(0)
    rests_on: dict[str, Any] = {}
    spread = 1.0
    if not samples.online:
        with engine.eager():
            held_out = samples.held_out(looked_at)  # uint8 (n, C, H, W)
        wanted, found, spread = _teachers_view(engine, teacher, held_out)
        rests_on = asdict(found)
        _warn_of(found, len(held_out), report)
    curve: list[float] = []
    vary = augmentation("none" if settings.augment == IN_TURN else settings.augment)  # then the source does it

    parts: dict[str, Network | Optimizer] = {"student": student, "best": best, "optimiser": optimiser}
    parts |= {} if average is None else {"average": average}
    parts |= {f"samples.{name}": part for name, part in samples.parts().items()}
    if checkpoint.exists():
        tensors, numbers = checkpoint.load(parts)
        samples.load_state(tensors.get("samples", {}))
        curve, rests_on = numbers.pop("curve"), numbers.pop("support")
        schedule = type(schedule)(**numbers)
        report.resume_at(schedule.total * settings.steps_per_epoch + schedule.step)

    def update(images: Tensor) -> Tensor:  # (batch, C, H, W) in [0, 1], to the loss
        with engine.autocast():
            with torch.no_grad():
                teacher_logits = teacher(images)
            loss = _loss(student(images), teacher_logits, settings, spread)
        engine.backward(loss)
        if settings.clip:
            engine.clip(optimiser, student.parameters(), settings.clip)
        optimiser.step()
        optimiser.zero_grad()
        return loss.detach()

    def progress() -> dict[str, Any]:
        return schedule.to_json() | {"curve": curve, "support": rests_on}

    losses = Losses("--lr", settings.steps_per_epoch)
    sample_losses = Losses("--update-lr", settings.steps_per_epoch)

    def check() -> None:
        sample_losses.check()  # first: samples that are no numbers spoil the student too
        losses.check()

    learns_with: tuple[Optimizer, float] | None = None
    code, loss, made = 0, torch.zeros((), device=engine.device), dict[str, Tensor]()
    for epoch in schedule:
        student.train()
        rate = settings.lr * schedule.factor
        if learns_with != (optimiser, rate):  # a recorded update knows one optimiser and one rate
            set_rate(optimiser, rate)
            learn, learns_with = engine.graphed(update), (optimiser, rate)
        for step in range(schedule.step, settings.steps_per_epoch):
            learned = samples.learn(lambda: engine.largest(watch.due()))
            if learned is None:
                check()
                schedule.step = step
                checkpoint.save(parts, {"samples": samples.state()}, progress())
                when = f"epoch {epoch + 1}, before step {step + 1} of {settings.steps_per_epoch}"
                raise stopped(engine.largest(watch.due()), when)
            made = learned or made
            sample_losses.see(learned, schedule.total * settings.steps_per_epoch + step + 1)
            with engine.autocast():
                images = mix(vary(samples.draw(share)), settings.mix)  # (batch, C, H, W) in [0, 1]
            loss = learn(images)
            losses.see({"loss": loss}, schedule.total * settings.steps_per_epoch + step + 1)
            if average is not None:
                done = schedule.total * settings.steps_per_epoch + step
                # The first updates count for more, or the average would long remember the random start.
                follow(average, engine.unwrap(student), min(settings.ema, (1 + done) / (10 + done)))
            report.advance(settings.batch_size)
            code = engine.largest(watch.due())
            if code and step + 1 < settings.steps_per_epoch:  # the epoch's last step: after its row
                check()
                schedule.step = step + 1
                checkpoint.save(parts, {"samples": samples.state()}, progress())
                raise stopped(code, f"epoch {epoch + 1}, step {step + 1} of {settings.steps_per_epoch}")

        check()
        row = finite_values({"loss": loss, **made}, f"epoch {epoch + 1}", "--lr")
        if samples.online:
            held_out = samples.held_out(looked_at)
            wanted, found, _ = _teachers_view(engine, teacher, held_out)
            rests_on = asdict(found)
        candidate = engine.unwrap(student) if average is None else average
        predicted = top_classes(engine, candidate, held_out)
        score = engine.from_main(accuracy(predicted, wanted))
        is_best, stage_over = schedule.finish_epoch(score)
        if is_best:
            copy_weights(candidate, best)
        if stage_over and not schedule.done:
            copy_weights(best, engine.unwrap(student))
            if average is not None:  # it would long remember the way beyond the best
                copy_weights(best, average)
            optimiser = _optimiser(engine, student, settings)
            parts["optimiser"] = optimiser
        row |= {"epoch": epoch + 1, "agreement": score}
        text = f"epoch {epoch + 1}  loss {row['loss']:.4f}  agreement {score:.2%}"
        text += "  best" if is_best and not samples.online else ""
        if test_data is not None and test_data.labels is not None:
            predicted = top_classes(engine, candidate, test_data.images)
            row["accuracy"] = accuracy(predicted.cpu(), test_data.labels)
            text += f"  test data {row['accuracy']:.2%}"
        curve.append(row.get("accuracy", score))
        report.row(schedule.total * settings.steps_per_epoch, row, text)
        if code or schedule.done or engine.largest(int(watch.save_due())):
            checkpoint.save(parts, {"samples": samples.state()}, progress())
        if code:
            raise stopped(code, f"epoch {epoch + 1}")

    updates = schedule.total * settings.steps_per_epoch
    metrics = {
        "agreement": schedule.best_score,
        "support": rests_on,
        "best_epoch": schedule.best_epoch,
        "epochs": schedule.total,
        "updates": updates,
        "images": updates * settings.batch_size,
        "stored_bytes": samples.stored_bytes,
        "curve": {"of": "agreement" if test_data is None else "accuracy", **curve_summary(curve)},
    }
    return best, metrics


def _teachers_view(engine: Engine, teacher: Classifier, images: Tensor) -> tuple[Tensor, Support, float]:
    """The teacher's classes (n,) of images uint8 (n, C, H, W), what scores rest on, and its logits' spread."""
    logits = all_logits(engine, teacher, images)  # (n, classes)
    return logits.argmax(dim=1), support(logits.softmax(dim=1)), float(logit_spread(logits))


def _warn_of(rests_on: Support, held_out: int, report: Report) -> None:
    """Warn of samples that teach nothing, and of so few that a student cannot be selected by them."""
    if rests_on.useless:
        report.warn(
            f"the samples say next to nothing of the teacher: to it they are {rests_on.describe()}; whatever agreement "
            "the student reaches on them, make better ones first (`degan enrich`, or other images)"
        )
    if held_out < LEAST_HELD_OUT:
        report.warn(
            f"a student is selected by its agreement on {held_out} held-out image(s), which is hardly more than "
            "chance; give more images, or crops of few large pictures: crops:FOLDER"
        )


def _schedule(settings: DistillSettings, online: bool) -> Schedule:
    if settings.schedule != "stages":
        return Annealed(settings.epochs, settings.patience, settings.schedule, selects=not online)
    return Milestones(settings.epochs, settings.milestones) if online else Stages(settings.epochs, settings.patience)


def _optimiser(engine: Engine, student: Classifier, settings: DistillSettings) -> Optimizer:
    if settings.optimiser == "adam":
        return engine.adam(student.parameters(), settings.lr, settings.beta1)
    return engine.optimiser(settings.optimiser, student.parameters(), settings.lr, settings.weight_decay)


def _loss(student_logits: Tensor, teacher_logits: Tensor, settings: DistillSettings, spread: float) -> Tensor:
    """Of a batch; ``spread`` is that of the teacher's logits, which differs by classifier and images."""
    if settings.loss == "l1":
        return logit_distance(student_logits, teacher_logits)
    loss = student_loss(student_logits, teacher_logits, settings.temperature, settings.ce_weight)
    if settings.logit_weight and spread:
        loss = loss + settings.logit_weight / spread * logit_distance(student_logits, teacher_logits)
    return loss
