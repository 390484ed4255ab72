"""New classes for an old classifier: a strategy's loss on new images, and on samples of the old classes if wanted.

Source: Addepalli et al., "DeGAN", AAAI 2020, section 5.2, single-step class-incremental learning. Optimiser and
schedule are not given there; see ``degan_cli.config.recipes``. The last network is kept: no real image of an old
class, and no held-out one of a new class, has a part in choosing it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torch.optim import Optimizer

from ..config import IncrementalSettings
from ..engine import Engine
from ..images import ImageStore, Shuffle, augmentation, to_unit
from ..metrics import support
from ..models import Classifier
from ..runs.checkpoint import Checkpoint
from ..runs.report import Report
from ..runs.stopping import StopWatch, stopped
from ..samples.sources import Source
from ..specs import ClassifierNetwork, Network, Strategy
from .finite import Losses, finite_values
from .stages import Annealed, Milestones, set_rate
from .top_classes import class_probabilities, top_classes

WATCHED = 1000
"""Held-out samples on which the old and the new classifier are compared after each epoch."""


def teach_new_classes(
    engine: Engine,
    strategy: Strategy,
    old: Classifier,
    images: Tensor,
    labels: Tensor,
    samples: Source | None,
    settings: IncrementalSettings,
    checkpoint: Checkpoint,
    report: Report,
    watch: StopWatch,
) -> tuple[ClassifierNetwork, dict[str, Any]]:
    """Train the strategy's classifier for ``settings.epochs`` passes over the new images; it, and what was measured.

    :param old: the classifier as it was, frozen and on the device.
    :param images: new images uint8 (N, C, H, W) of the classifier's input shape.
    :param labels: their classes int64 (N,), in old ... old + new - 1.
    :param samples: what stands for the old data; None where the strategy wants none.
    :raises Diverged: when the loss is not finite.
    :raises Stopped: when ``watch`` says so; the checkpoint is written then.
    """
    store, labels = ImageStore(images, engine.device), labels.to(engine.device)
    optimiser = engine.optimiser(settings.optimiser, strategy.parameters(), settings.lr, settings.weight_decay)
    share, shuffle = engine.share(settings.batch_size, "--batch-size"), Shuffle(len(store), store.home)
    schedule, vary = _schedule(settings), augmentation(settings.augment)
    steps_per_epoch = max(1, round(len(images) / settings.batch_size))
    with engine.eager():
        watched = None if samples is None else samples.held_out(WATCHED)  # uint8 (n, C, H, W)
        if watched is not None and len(watched):
            _judge(engine, old, watched, settings.samples, report)

    parts: dict[str, Network | Optimizer] = {"model": strategy.model, "optimiser": optimiser, **strategy.parts()}
    if checkpoint.exists():
        tensors, numbers = checkpoint.load(parts)
        shuffle.load_state(tensors["shuffle"])
        if samples is not None:
            samples.load_state(tensors.get("samples", {}))
        schedule = type(schedule)(**numbers)
        report.resume_at(schedule.total * steps_per_epoch + schedule.step)

    def save() -> None:
        states = {"shuffle": shuffle.state(), "samples": {} if samples is None else samples.state()}
        checkpoint.save(parts, states, schedule.to_json())

    code, losses = 0, Losses("--lr", steps_per_epoch)
    remembered: dict[str, float] = {}
    for epoch in schedule:
        strategy.train(epoch / settings.epochs)
        set_rate(optimiser, settings.lr * schedule.factor)
        row: dict[str, Tensor] = {}
        for step in range(schedule.step, steps_per_epoch):
            batch = shuffle.take(share)
            new = vary(to_unit(store.take(batch)))  # (batch, C, H, W) in [0, 1]
            with engine.autocast():
                replayed = None if samples is None else vary(samples.draw(share))
                loss, row = strategy.loss(new, labels[batch.to(engine.device)], replayed)
            losses.see({**row, "loss": loss}, schedule.total * steps_per_epoch + step + 1)
            engine.backward(loss)
            optimiser.step()
            optimiser.zero_grad()
            report.advance(settings.batch_size)
            code = engine.largest(watch.due())
            if code and step + 1 < steps_per_epoch:  # the epoch's last step: after its row
                losses.check()
                schedule.step = step + 1
                save()
                raise stopped(code, f"epoch {epoch + 1}, step {step + 1} of {steps_per_epoch}")

        losses.check()
        schedule.finish_epoch(0.0)
        values = finite_values(row, f"epoch {epoch + 1}", "--lr")
        if watched is not None:
            remembered = _remembered(engine, engine.unwrap(strategy.model), old, watched)
        text = "  ".join(f"{name.replace('_', ' ')} {value:.3f}" for name, value in (values | remembered).items())
        report.row(
            schedule.total * steps_per_epoch, {"epoch": epoch + 1, **values, **remembered}, f"epoch {epoch + 1}  {text}"
        )
        if code or schedule.done or engine.largest(int(watch.save_due())):
            save()
        if code:
            raise stopped(code, f"epoch {epoch + 1}")

    strategy.finish()
    model = engine.unwrap(strategy.model)
    if watched is not None:
        remembered = _remembered(engine, model, old, watched)
    updates = settings.epochs * steps_per_epoch
    return model.eval(), {"updates": updates, "images": updates * settings.batch_size, **remembered}


def _schedule(settings: IncrementalSettings) -> Milestones | Annealed:
    """The last network is kept by either."""
    if settings.schedule == "cosine":
        return Annealed(settings.epochs, settings.epochs, "cosine", selects=False)
    return Milestones(settings.epochs, settings.milestones, settings.drop_factor)


def _judge(engine: Engine, old: Classifier, images: Tensor, names: Sequence[str], report: Report) -> None:
    """Warn of samples that cannot stand for the old classes."""
    rests_on = support(class_probabilities(engine, old, images))
    if rests_on.useless:
        report.warn(
            f"--samples {', '.join(names)}: useless as they are ({rests_on.describe()}), so the old classes will be "
            "forgotten; make better ones with `degan enrich`"
        )


def _remembered(engine: Engine, model: ClassifierNetwork, old: Classifier, images: Tensor) -> dict[str, float]:
    """How the extended classifier sees samples of the old classes; all that is known of forgetting without old data."""
    was_training = model.training
    before, now = top_classes(engine, old, images), top_classes(engine, model, images)
    model.train(was_training)
    taken = (now >= len(old.class_names)).float().mean()
    return {"old_agreement": float((before == now).float().mean()), "samples_taken_for_new": float(taken)}
