"""The model card of an exported classifier: what goes in and comes out, what was measured, where it comes from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..console import shortened

CLASSES = 50
"""Names that the card lists; ``config.json`` has all."""


def model_card(config: Mapping[str, Any], format: str) -> str:
    """Markdown from what ``config.json`` holds (:mod:`degan_cli.exports.about`)."""
    origin = config["degan"]
    made = {
        "artifact": f"SHA-256 {origin['sha256']}",
        "architecture": f"{config['architecture']}, of {origin['provider'] or 'an unknown version'}",
        "made with": _versions(origin["versions"]),
        "exported with": _versions(origin["exported_by"]),
    }
    parents = [(parent.get("role", "parent"), f"SHA-256 {parent.get('sha256', '')}") for parent in origin["parents"]]
    parts = [
        f"# An image classifier of {config['num_classes']} classes: {_plain(config['architecture'])}",
        f"Written by `degan export` as {format}.",
        "## Input and output\n\n" + _input_and_output(config),
    ]
    numbers = list(_numbers(origin["metrics"]))
    if numbers:
        note = "As the artifact's header has them from the run that made it; accuracies are fractions of 1."
        parts.append(f"## Measured\n\n{note}\n\n{_table(('measure', 'value'), numbers)}")
    parts.append(f"## Where it comes from\n\n{_table(('what', 'which'), [*made.items(), *parents])}")
    if origin["run"]:
        parts.append(
            f"Settings of the run that made it:\n\n{_table(('setting', 'value'), sorted(origin['run'].items()))}"
        )
    return "\n\n".join(parts) + "\n"


def _input_and_output(config: Mapping[str, Any]) -> str:
    given, classes = config["input"], config["num_classes"]
    mean, std = (", ".join(f"{value:g}" for value in given[key]) for key in ("mean", "std"))
    shape = f"float32 (batch, {given['channels']}, {given['height']}, {given['width']})"
    if given["values"].startswith("pixels"):
        values = f"pixels in [0, 1], which the network normalises itself (mean {mean}, std {std})"
    else:
        values = f"pixels in [0, 1], less the mean {mean} and divided by the std {std}: the weights do not do this"
    meaning = (
        "probabilities" if config["output"] == "probabilities" else "logits, of which a softmax makes probabilities"
    )
    names = shortened([_plain(name) for name in config["class_names"]], CLASSES)
    return "\n".join(
        [
            f"- Input: {shape}, any number of images at a time; {values}.",
            f"- Output: float32 (batch, {classes}), {meaning}.",
            f"- Classes, in their order: {names}.",
        ]
    )


def _numbers(metrics: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """The single numbers among nested measures, under dotted names."""
    for name, value in metrics.items():
        if isinstance(value, Mapping):
            yield from _numbers(value, f"{prefix}{name}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield prefix + name, f"{value:g}" if isinstance(value, float) else f"{value}"


def _versions(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items()) or "unknown"


def _table(head: tuple[str, str], rows: Iterable[tuple[str, Any]]) -> str:
    lines = [f"| {_plain(name)} | {_plain(value)} |" for name, value in rows]
    return "\n".join([f"| {head[0]} | {head[1]} |", "|---|---|", *lines])


def _plain(value: Any) -> str:
    """A value on one line, with nothing in it that Markdown or HTML would take for markup: it may be a stranger's."""
    text = " ".join((value if isinstance(value, str) else json.dumps(value)).split())
    return "".join(f"\\{letter}" if letter in "\\`*|<>[]#&" else letter for letter in text if letter.isprintable())
