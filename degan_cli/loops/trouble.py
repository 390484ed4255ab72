"""What is wrong with a generator's samples by the classifier's own view, if anything: one thing, and one thing to do.

The order is that of the causes: samples that look alike are of one class too, the class counts of an unsure classifier
mean nothing, and samples of one class miss all others. The thresholds are ours.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ..config import EnrichSettings
from ..config.recipes import FEW
from ..console import shortened
from ..metrics import Support

ALIKE = 0.02
"""Standard deviation of a pixel over the images, in [0, 1], below which all of them look alike."""
MOSTLY = 0.9
"""Share of the samples, or of the largest entropy, that is nearly all of it."""
TOLD_APART = 0.01
"""Loss of the discriminator, in nats, below which it makes no mistakes."""
DIVERSITY = ("lambda_d", "information_weight")
CERTAINTY = ("lambda_e", "one_hot_weight")
"""The built-in methods' weights of all classes in a batch, and of certain predictions."""

ELSE = "try another method; see `degan list methods`"
"""Advice for a method with none of these weights."""


def trouble(seen: Mapping[str, Any], support: Support, losses: Mapping[str, float], settings: EnrichSettings) -> str:
    """One line on what spoils the samples most and what to do about it; empty when nothing does.

    :param seen: what ``enrich`` measures of them.
    :param losses: the method's last row.
    :param settings: as the run uses them; the advice is for its method, and never what it does already.
    """
    counts: dict[str, int] = seen["class_counts"]
    number, classes = sum(counts.values()), len(counts)
    never = [name for name, count in counts.items() if count == 0]
    unsure = "the classifier takes nearly all samples for any class"
    if seen["image_spread"] < ALIKE:
        what, advice = "all samples look alike (mode collapse)", _few(settings) or "try another --seed"
    elif support.unsure:
        what, advice = unsure, _more(settings, CERTAINTY)
    elif support.narrow or (classes > 1 and max(counts.values()) > MOSTLY * number):
        what = f"the samples amount to {support.effective:.1f} of {classes} classes"
        advice = _more(settings, DIVERSITY)
    elif classes > 1 and seen["prediction_entropy"] > MOSTLY * math.log(classes):
        what, advice = unsure, _more(settings, CERTAINTY)
    elif never:
        what = f"no sample of {len(never)} of {classes} classes ({shortened(never)})"
        advice = _more(settings, DIVERSITY)
    elif losses.get("d_loss", 1.0) < TOLD_APART:
        what = "the discriminator tells all images apart, so the generator learns little"
        augment = "" if settings.d_augment != "none" else f"try --d-augment {FEW['d_augment']}"
        advice = _few(settings) or augment or "use more proxy images"
    else:
        return ""
    common = sorted(counts.items(), key=lambda item: -item[1])
    return f"{what}; {advice}; class counts: {shortened([f'{name} {count}' for name, count in common])}"


def _few(settings: EnrichSettings) -> str:
    """The advice to take the recipe for few images, if that is news."""
    return "try --recipe few" if settings.recipe == "paper" else ""


def _more(settings: EnrichSettings, names: tuple[str, ...]) -> str:
    """The advice to raise one of these weights, whichever the method has."""
    name = next((name for name in names if name in settings.settings), None)
    if name is None:
        return "try --method degan, in which the classifier has a say" if settings.method == "dcgan" else ELSE
    weight = float(settings.settings[name])
    if weight < FEW.get(name, 0.0) and (few := _few(settings)):
        return few
    option = f"--{name.replace('_', '-')}" if name in FEW else f"--set {name}"
    return f"try a larger {option} than {weight:g}"
