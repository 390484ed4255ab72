"""When a setting has a use: conditions that other settings decide, and the one check that refuses idle settings."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeVar

from ..errors import UsageError
from .base import Settings

Given = TypeVar("Given", bound=Settings)


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that is so or not in a run."""

    words: str
    """What a setting that needs it is for, after "it is for"."""
    decided_by: tuple[str, ...]
    """Settings whose values decide it; messages show those that are set."""


CONDITIONS = {
    "generator": Condition("methods that train a generator", ("method", "samples")),
    "images": Condition("methods that optimise the images themselves", ("method", "samples")),
    "proxy": Condition("methods that learn from a proxy", ("method", "samples")),
    "selected": Condition("images at hand: --samples, or the proxy of a --method that uses one", ("method",)),
    "select": Condition("--select N", ("proxy", "samples")),
    "condensed": Condition("methods that expand condensed images", ("method", "samples")),
    "lambda_e": Condition("methods with a setting lambda_e of their own", ("method",)),
    "lambda_d": Condition("methods with a setting lambda_d of their own", ("method",)),
    "weights": Condition("methods with the loss weights lambda_e and lambda_d", ("method",)),
    "online": Condition("--method, which makes samples while the student learns", ("samples",)),
    "fixed": Condition("samples that stay as they are (--samples), by which epochs can be compared", ("method",)),
    "replay": Condition("--replay bank or vae", ("samples", "method", "replay")),
    "enrich": Condition("--enrich, which makes the samples", ("samples",)),
    "adam": Condition("--optimiser adam", ("optimiser",)),
    "sgd": Condition("--optimiser sgd", ("optimiser",)),
    "drops": Condition("--schedule stages", ("schedule",)),
    "kd": Condition("--loss kd", ("loss",)),
    "gradient": Condition("--matching gradient", ("matching",)),
    "steps": Condition("runs whose length --epochs does not say", ("epochs",)),
    "network": Condition("--to onnx or torchscript, which hold the network and not its weights alone", ("target",)),
    "predictions": Condition("--predictions FILE.csv", ("predictions",)),
    "augmented": Condition("runs that augment", ("augment",)),
}


def settle(settings: Given, holding: Collection[str]) -> Given:
    """The settings of a run in which these conditions hold.

    :raises UsageError: for a setting that was given and has no use in it.
    """
    settled = settings.under(holding)
    for name, declared in settings.declared().items():
        value = getattr(settings, name)
        if name not in settings.given or value is None or value is False or settled.has_use(name):
            continue
        wanted = (*declared.metadata["needs"], declared.metadata["only_for"])
        condition = next(CONDITIONS[need] for need in wanted if need and need not in holding)
        shown = [_shown(settings, deciding) for deciding in condition.decided_by]
        beside = " ".join(filter(None, shown)) or "these settings"
        raise UsageError(
            f"{declared.flag} has no use with {beside}: it is for {condition.words}; leave {declared.flag} out"
        )
    return settled


def _shown(settings: Settings, name: str) -> str:
    """A deciding setting as an option, empty where it is not set."""
    declared = settings.declared().get(name)
    value = getattr(settings, name, None)
    if declared is None or value in (None, (), ""):
        return ""
    if isinstance(value, bool):
        return declared.flag if value else f"--no-{name.replace('_', '-')}"
    return f"{declared.flag} {value[0] if isinstance(value, tuple) else value}"
