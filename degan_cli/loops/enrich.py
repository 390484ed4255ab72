"""Enriching: a method trains a generator on the proxy, while its samples are watched through the classifier.

Source: Addepalli et al., "DeGAN", AAAI 2020, section 3; 5,000 updates, the last generator is kept, as in the
authors' code. The class counts and confidences that they tune the weights by are reported here, and judged at the end.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ..config import EnrichSettings
from ..engine import Engine
from ..images import class_picture, within
from ..metrics import Support, support
from ..models import Classifier, follow
from ..runs.checkpoint import Checkpoint
from ..runs.report import Report
from ..runs.stopping import StopWatch, stopped
from ..samples.proxy import ProxyBatches
from ..specs import GeneratorNetwork, Method
from .finite import Losses, finite_values
from .trouble import trouble

MONITORED = 1000
"""Samples in each look at the generator, as many as the authors'; of images larger than 64x64 RGB fewer,"""
MONITORED_VALUES = MONITORED * 3 * 64 * 64
LEAST_MONITORED = 100
"""but no fewer than these."""
LOOKED_AT = 250
"""Samples at a time, at most."""
SURE = 0.9
"""Top probability from which the authors count a sample as confident."""
ROWS = 25
"""At most so many inspections in a run."""
PICTURE_EVERY = 5
"""Looks between two pictures."""


def enrich(
    engine: Engine,
    method: Method,
    classifier: Classifier,
    proxy: Tensor | None,
    settings: EnrichSettings,
    checkpoint: Checkpoint,
    report: Report,
    watch: StopWatch,
) -> tuple[GeneratorNetwork, dict[str, Any]]:
    """Run the method for ``settings.steps`` updates; the generator to keep, on the device, and its metrics.

    :param classifier: frozen and on the device.
    :param proxy: uint8 (N, C, S, S), of the generator's shape; None for a method that uses none.
    :raises Diverged: when a loss is not finite.
    :raises Stopped: when ``watch`` says so; the checkpoint is written then.
    """
    share = engine.share(settings.batch_size, "--batch-size")
    batches = ProxyBatches(proxy, engine.device)
    average = copy.deepcopy(engine.unwrap(method.generator)).requires_grad_(False) if settings.ema else None
    # Noise of its own, the same at every inspection and in every run.
    made = engine.unwrap(method.generator).shape
    size = (made.channels, made.size, made.size)
    monitored = within(MONITORED, size, values=MONITORED_VALUES, least=LEAST_MONITORED)
    z = torch.randn(monitored, settings.latent, generator=torch.Generator().manual_seed(10)).to(engine.device)
    proxy_images = 0 if proxy is None else len(proxy)
    epoch_steps = _epoch_steps(settings, proxy)
    inspect_every = look_every(settings, proxy)

    start = 0
    losses: Mapping[str, Tensor | float] = {}
    seen_losses = Losses(options_of(settings))
    parts = method.state() | ({} if average is None else {"average": average})
    if checkpoint.exists():
        tensors, numbers = checkpoint.load(parts)
        batches.load_state(tensors.get("shuffle", {}))
        start, losses = numbers["step"], numbers.get("losses", {})
        report.resume_at(min(start, settings.steps - 1))  # the closing look comes after the last checkpoint

    def look(step: int) -> dict[str, Any]:
        seen_losses.check()
        values = finite_values(losses, f"step {step}", options_of(settings))
        kept = engine.unwrap(method.generator) if average is None else average
        images, probabilities = _inspect(engine, kept, classifier, z)
        rests_on = support(probabilities)
        seen = _describe(probabilities, rests_on, images, classifier.class_names)
        passes = {} if proxy is None else {"epoch": round(step / epoch_steps, 2)}
        report.row(step, {**passes, **values, **seen}, _line(step, settings.steps, values, seen))
        last = step == settings.steps
        if report.folder is not None and ((step // inspect_every) % PICTURE_EVERY == 0 or last):
            top, classes = probabilities.max(dim=1)
            picture = report.folder / ("samples.png" if last else f"samples-{step:06d}.png")
            class_picture(images, classes, classifier.class_names, picture, top)
        # Of the kept generator alone: on the way to it, most look collapsed at one time or another.
        if last and (message := trouble(seen, rests_on, values, settings)):
            report.warn(message)
        return seen

    learn = engine.graphed(method.step)
    for step in range(start + 1, settings.steps + 1):
        losses = learn(batches.take(share))
        seen_losses.see(losses, step)
        if average is not None:
            follow(average, engine.unwrap(method.generator), settings.ema)
        report.advance(settings.batch_size)

        last = step == settings.steps
        if step % inspect_every == 0 and not last:
            look(step)
        code = engine.largest(watch.due())
        if code or last or engine.largest(int(watch.save_due())):
            seen_losses.check()
            values = finite_values(losses, f"step {step}", options_of(settings))
            checkpoint.save(parts, {"shuffle": batches.state()}, {"step": step, "losses": values})
        if code and not last:
            raise stopped(code, f"step {step} of {settings.steps}")

    seen = look(settings.steps)
    kept = engine.unwrap(method.generator) if average is None else average
    images_seen = settings.steps * settings.batch_size
    return kept.eval(), {"updates": settings.steps, "images": images_seen, "proxy_images": proxy_images, **seen}


def look_every(settings: EnrichSettings, proxy: Tensor | None) -> int:
    """Updates from one inspection to the next: an epoch's, or more where a run has many; the last update has one."""
    return max(_epoch_steps(settings, proxy), math.ceil(settings.steps / ROWS))


def _epoch_steps(settings: EnrichSettings, proxy: Tensor | None) -> int:
    return 1 if proxy is None else max(1, round(len(proxy) / settings.batch_size))


def options_of(settings: EnrichSettings) -> str:
    """What to make smaller where training diverges."""
    return "--lr or --lambda-d" if "lambda_d" in settings.settings else "--lr"


def _inspect(engine: Engine, generator: GeneratorNetwork, classifier: Classifier, z: Tensor) -> tuple[Tensor, Tensor]:
    """Images (n, C, S, S) in [0, 1] and the classifier's probabilities (n, classes) in float32."""
    was_training = generator.training
    generator.eval()
    with torch.no_grad(), engine.autocast(), engine.eager():
        side = generator.shape.size
        parts = torch.split(z, within(LOOKED_AT, (generator.shape.channels, side, side), classifier.input.shape))
        images = torch.cat([generator(part) for part in parts])
        logits = torch.cat([classifier(part) for part in torch.split(images, len(parts[0]))])
    generator.train(was_training)
    return images, logits.float().softmax(dim=1)


def _describe(probabilities: Tensor, rests_on: Support, images: Tensor, class_names: tuple[str, ...]) -> dict[str, Any]:
    top, classes = probabilities.max(dim=1)
    counts = torch.bincount(classes, minlength=len(class_names)).tolist()
    sure = torch.bincount(classes[top > SURE], minlength=len(class_names)).tolist()
    entropy = torch.special.entr(probabilities).sum(dim=1).mean()
    spread = images.flatten(1).std(dim=0).mean()  # 0 when all images are the same
    return {
        "class_counts": dict(zip(class_names, counts, strict=True)),
        "confident_counts": dict(zip(class_names, sure, strict=True)),
        "classes_seen": rests_on.seen,
        "effective_classes": round(rests_on.effective, 3),
        "confidence": float(top.mean()),
        "confident_fraction": float((top > SURE).float().mean()),
        "prediction_entropy": float(entropy),
        "image_spread": float(spread),
    }


def _line(step: int, steps: int, values: dict[str, float], seen: dict[str, Any]) -> str:
    losses = "  ".join(f"{name} {value:.3f}" for name, value in values.items())
    counts = list(seen["class_counts"].values())
    return (
        f"step {step}/{steps}  {losses}  confidence {seen['confidence']:.2f}  "
        f"class counts {min(counts)}-{max(counts)} of {sum(counts)}"
    )
