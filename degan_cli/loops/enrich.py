"""Enriching: a method trains a generator on the proxy, while its samples are watched through the classifier.

Source: Addepalli et al., "DeGAN", AAAI 2020, section 3; 5,000 updates, the last generator is kept, as in the
authors' code. The class counts and confidences that they tune the weights by are reported and guarded here.
"""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from torch import Tensor

from ..config import EnrichSettings
from ..console import shortened
from ..engine import Engine
from ..images import by_class, grid
from ..models import Classifier
from ..runs.checkpoint import Checkpoint
from ..runs.report import Report
from ..runs.stopping import StopWatch, stopped
from ..samples.proxy import ProxyBatches
from ..specs import GeneratorNetwork, Method, Network
from .finite import check_finite

MONITORED = 1000
"""Samples in each look at the generator, as many as the authors'."""
SURE = 0.9
"""Top probability from which the authors count a sample as confident."""
ROWS = 25
"""At most so many inspections in a run."""
MOST_ROWS = 20
"""Classes in a picture, at most."""
PICTURE_EVERY = 5
"""Looks between two pictures."""
GUARDED_FROM = 0.25
"""Part of the run after which the samples must be of some use; before, every generator looks collapsed."""


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
    batches = ProxyBatches(proxy, engine.device)
    average = copy.deepcopy(engine.unwrap(method.generator)).requires_grad_(False) if settings.ema else None
    # Noise of its own, the same at every inspection and in every run.
    z = torch.randn(MONITORED, settings.latent, generator=torch.Generator().manual_seed(10)).to(engine.device)
    proxy_images = 0 if proxy is None else len(proxy)
    epoch_steps = max(1, round(proxy_images / (settings.batch_size * engine.processes)))
    inspect_every = max(epoch_steps, math.ceil(settings.steps / ROWS))

    start = 0
    warned: set[str] = set()
    parts = method.state() | ({} if average is None else {"average": average})
    if checkpoint.exists():
        tensors, numbers = checkpoint.load(parts)
        batches.load_state(tensors.get("shuffle", {}))
        start = numbers["step"]
        report.resume_at(start)

    seen: dict[str, Any] = {}
    learn = engine.graphed(method.step)
    for step in range(start + 1, settings.steps + 1):
        row = learn(batches.take(settings.batch_size))
        if average is not None:
            _follow(average, engine.unwrap(method.generator), settings.ema)
        report.advance(settings.batch_size * engine.processes)

        last = step == settings.steps
        if step % inspect_every == 0 or last:
            values = {name: float(value) for name, value in row.items()}
            check_finite(sum(values.values()), f"step {step}", "--lr or --lambda-d")
            kept = engine.unwrap(method.generator) if average is None else average
            images, probabilities = _inspect(engine, kept, classifier, z)
            seen = _describe(probabilities, images, classifier.class_names)
            if step >= settings.steps * GUARDED_FROM:
                _guard(report, warned, seen, values)
            passes = {} if proxy is None else {"epoch": round(step / epoch_steps, 2)}
            report.row(step, {**passes, **values, **seen}, _line(step, settings.steps, values, seen))
            if report.folder is not None and ((step // inspect_every) % PICTURE_EVERY == 0 or last):
                top, classes = probabilities.max(dim=1)
                picture = by_class(images, classes, min(probabilities.shape[1], MOST_ROWS), top)
                grid(picture, report.folder / ("samples.png" if last else f"samples-{step:06d}.png"))
        code = engine.largest(watch.due())
        if code and not last or engine.largest(int(watch.save_due())):
            checkpoint.save(parts, {"shuffle": batches.state()}, {"step": step})
        if code and not last:
            raise stopped(code, f"step {step} of {settings.steps}")

    kept = engine.unwrap(method.generator) if average is None else average
    images_seen = settings.steps * settings.batch_size * engine.processes
    return kept.eval(), {"updates": settings.steps, "images": images_seen, "proxy_images": proxy_images, **seen}


def _follow(average: Network, latest: Network, decay: float) -> None:
    with torch.no_grad():
        for mine, theirs in zip(average.state_dict().values(), latest.state_dict().values(), strict=True):
            if mine.is_floating_point():
                mine.lerp_(theirs, 1 - decay)
            else:
                mine.copy_(theirs)


def _inspect(engine: Engine, generator: GeneratorNetwork, classifier: Classifier, z: Tensor) -> tuple[Tensor, Tensor]:
    """Images (n, C, S, S) in [0, 1] and the classifier's probabilities (n, classes) in float32."""
    was_training = generator.training
    generator.eval()
    with torch.no_grad(), engine.autocast(), engine.eager():
        images = torch.cat([generator(part) for part in torch.split(z, 250)])
        logits = torch.cat([classifier(part) for part in torch.split(images, 250)])
    generator.train(was_training)
    return images, logits.float().softmax(dim=1)


def _describe(probabilities: Tensor, images: Tensor, class_names: tuple[str, ...]) -> dict[str, Any]:
    top, classes = probabilities.max(dim=1)
    counts = torch.bincount(classes, minlength=len(class_names)).tolist()
    sure = torch.bincount(classes[top > SURE], minlength=len(class_names)).tolist()
    entropy = torch.special.entr(probabilities).sum(dim=1).mean()
    spread = images.flatten(1).std(dim=0).mean()  # 0 when all images are the same
    return {
        "class_counts": dict(zip(class_names, counts, strict=True)),
        "confident_counts": dict(zip(class_names, sure, strict=True)),
        "confidence": float(top.mean()),
        "confident_fraction": float((top > SURE).float().mean()),
        "prediction_entropy": float(entropy),
        "image_spread": float(spread),
    }


def _guard(report: Report, warned: set[str], seen: dict[str, Any], values: dict[str, float]) -> None:
    """Warn once of each thing that spoils the samples, with the class counts."""
    counts = seen["class_counts"]
    never = [name for name, count in counts.items() if count == 0]
    total = sum(counts.values())
    troubles = {
        "missing": (
            bool(never),
            f"no sample of {len(never)} of {len(counts)} classes ({shortened(never)}); try a larger --lambda-d",
        ),
        "one class": (
            len(counts) > 1 and max(counts.values()) > 0.9 * total,
            "more than 90 % of the samples fall into one class; try a larger --lambda-d",
        ),
        "unsure": (
            len(counts) > 1 and seen["prediction_entropy"] > 0.9 * math.log(len(counts)),
            "the classifier takes nearly all samples for any class; try a larger --lambda-e or a smaller --lambda-d",
        ),
        "collapse": (
            seen["image_spread"] < 0.02,
            "all samples look alike (mode collapse); try another --seed or a smaller --lr",
        ),
        "discriminator": (
            values.get("d_loss", 1.0) < 0.01,
            "the discriminator tells all images apart, so the generator learns little; use more proxy images",
        ),
    }
    for name, (met, message) in troubles.items():
        if met and name not in warned:
            warned.add(name)
            report.warn(f"{message}; class counts: {', '.join(f'{k} {v}' for k, v in counts.items())}")


def _line(step: int, steps: int, values: dict[str, float], seen: dict[str, Any]) -> str:
    losses = "  ".join(f"{name} {value:.3f}" for name, value in values.items())
    counts = list(seen["class_counts"].values())
    return (
        f"step {step}/{steps}  {losses}  confidence {seen['confidence']:.2f}  "
        f"class counts {min(counts)}-{max(counts)} of {sum(counts)}"
    )
