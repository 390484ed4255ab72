"""What the options of ``enrich`` and ``distill`` must say for a method, and must not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..errors import UsageError
from ..runs import LiveRun, paper_batch_size
from ..specs import InputSpec, InversionSpec, MethodSpec

if TYPE_CHECKING:
    from ..plugins import Plugins

REPLAY_SHARE = 0.125
"""Of the student's images; 128 of 1,024 in Binici et al., AAAI 2022."""
OPTIONS = {"every": "--update-every", "batch_size": "--update-batch", "steps": "--update-steps", "lr": "--update-lr"}
"""Fields of :class:`~degan_cli.runs.LiveRun` whose options are called otherwise."""


def check_proxy(spec: MethodSpec | InversionSpec, proxy: str | None) -> None:
    """Raise UsageError when a proxy is missing, or given to a method that uses none."""
    uses_proxy = isinstance(spec, MethodSpec) and spec.uses_proxy
    if uses_proxy and proxy is None:
        raise UsageError(f"--method {spec.name} learns from images at hand; name them with --proxy")
    if not uses_proxy and proxy is not None:
        raise UsageError(f"--method {spec.name} uses no images at hand; leave --proxy out")


def check_samples(method: str | None, samples: Sequence[str], updates: Mapping[str, Any], pairs: Sequence[str]) -> None:
    """Raise UsageError unless one thing says where samples come from, and options of ``--method`` stand with it.

    :param updates: fields of :class:`~degan_cli.runs.LiveRun` as the user gave them, None where not.
    :param pairs: the texts of ``--set``.
    """
    if method is not None and samples:
        raise UsageError("--samples and --method both say where the samples come from; give one of them")
    if method is not None:
        return
    if not samples:
        raise UsageError("nothing to learn from; name --samples, or a --method that makes them meanwhile")
    given = [_option(name) for name, value in updates.items() if value is not None] + ["--set"][: len(pairs)]
    if given:
        raise UsageError(f"{given[0]} belongs to --method, which makes samples meanwhile; leave it out")


def live_run(
    spec: MethodSpec | InversionSpec, input: InputSpec, updates: Mapping[str, Any], settings: Any, plugins: Plugins
) -> LiveRun:
    """How a method makes samples, from what the user gave and the method's own defaults.

    :raises UsageError: for an option that the method does not use, or that it lacks.
    """
    given = {name: value for name, value in updates.items() if value is not None}
    check_proxy(spec, given.get("proxy"))
    defaults: dict[str, Any] = {"every": spec.every, "lr": spec.lr, "settings": asdict(settings)}
    if isinstance(spec, InversionSpec):
        if spec.uses_condensed and "condensed" not in given:
            raise UsageError(f"--method {spec.name} expands a few images per class; name them with --condensed")
        used = {"every", "batch_size", "steps", "lr"} | ({"condensed"} if spec.uses_condensed else set())
        defaults |= {"batch_size": spec.batch_size, "steps": spec.steps}
    else:
        used = {"every", "batch_size", "lr", "latent", "width", "gan", "proxy", "replay", "replay_share"}
        gan = given.get("gan", spec.gan)
        size = max(plugins.gans.get(gan).min_size, 1 << (max(input.height, input.width) - 1).bit_length())
        replay = given.get("replay", spec.replay)
        if replay == "none" and "replay_share" in given:
            raise UsageError("--replay-share belongs to --replay bank or vae")
        defaults |= {"gan": gan, "size": size, "latent": 100, "width": 64, "replay": replay}
        defaults |= {"batch_size": spec.batch_size or paper_batch_size(0)}
        defaults |= {"replay_share": REPLAY_SHARE if replay != "none" else 0.0}
    for name in given:
        if name not in used:
            raise UsageError(f"{_option(name)}: --method {spec.name} has no use for it; leave it out")
    return LiveRun(method=spec.name, **(defaults | given))


def _option(field: str) -> str:
    return OPTIONS.get(field, f"--{field.replace('_', '-')}")
