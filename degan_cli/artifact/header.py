"""The ``degan`` header of an artifact: what the file is, and all that is needed to use it; no torch."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..specs import InputSpec

VERSION = 1
KINDS = ("classifier", "generator", "samples", "dataset")
OWN_VERSIONS = ("degan-cli", "torch", "cpu", "threads")
"""What every header's ``versions`` may name; all else there are distributions of plugins."""
MAX_SIDE = 4096
"""Pixels; larger images than any network here takes, smaller than what would eat a machine's memory."""
MAX_DEPTH = 50
"""Of objects and lists in each other; what is written has four levels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What an artifact says about itself."""

    kind: str
    """One of ``KINDS``."""
    class_names: tuple[str, ...]
    """Of the classifier, in the order of its logits; of a generator, those of the classifier it was made for."""
    input: InputSpec | None = None
    """Of the classifier; None in samples and datasets that have none."""
    architecture: str = ""
    """Only of a classifier."""
    gan: Mapping[str, Any] | None = None
    """Only of a generator: ``name``, ``channels``, ``size``, ``latent``, ``width``."""
    provider: str = ""
    """Distribution and version of the plugin that offers the architecture or GAN that it needs, or else what made it:
    ``degan-foo 0.3``."""
    run: Mapping[str, Any] = field(default_factory=dict)
    """All settings of the run that made it."""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    """Its results; accuracies are fractions in [0, 1]."""
    parents: Sequence[Mapping[str, Any]] = ()
    """Artifacts it was made from: ``{"role": "teacher", "sha256": ...}``."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Of ``degan-cli`` and ``torch`` when it was made; ``cpu``, the instructions that torch used there, with the number
    of its ``threads``: sums round differently with others; and of each plugin's distribution that took part."""
    name: str = ""
    """Only of a dataset."""
    split: str = ""
    """Only of a dataset: ``train`` or ``test``."""

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types; numbers that JSON lacks (NaN, infinities) become null, paths become text."""
        value: dict[str, Any] = {
            "version": VERSION,
            "kind": self.kind,
            "class_names": self.class_names,
            "input": None if self.input is None else self.input.to_json(),
            "provider": self.provider,
            "run": self.run,
            "metrics": self.metrics,
            "parents": self.parents,
            "versions": self.versions,
        }
        own = {"architecture": self.architecture, "gan": self.gan, "name": self.name, "split": self.split}
        plain: dict[str, Any] = _plain(value | {key: given for key, given in own.items() if given})
        return plain

    def to_text(self) -> str:
        """The JSON with sorted keys: equal headers give equal text."""
        return json.dumps(self.to_json(), sort_keys=True, allow_nan=False)

    @classmethod
    def from_text(cls, text: str) -> Header:
        """Raises ValueError, saying what is wrong and what to do, when ``text`` is no header this version reads."""
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ValueError(f'the "degan" header is not JSON ({error}); fetch or make it again') from error
        _check(not _deeper(value, MAX_DEPTH), f"is nested more than {MAX_DEPTH} levels deep")
        return cls.from_json(value)

    @classmethod
    def from_json(cls, value: Any) -> Header:
        """Raises ValueError as :meth:`from_text` does; keys that later versions may add are ignored."""
        _check(isinstance(value, dict), "is not an object")
        # Packs that were made by other tools say what they hold, but no version.
        version = value.get("version", 1 if value.get("kind") == "dataset" else None)
        _check(isinstance(version, int) and not isinstance(version, bool) and version >= 1, "has no version")
        if version > VERSION:
            raise ValueError(f"has format {version}, this degan reads up to {VERSION}; upgrade degan-cli")
        _check(value.get("kind") in KINDS, f"has kind {value.get('kind')!r}, not one of {', '.join(KINDS)}")
        names = value.get("class_names")
        _check(isinstance(names, list) and all(isinstance(name, str) for name in names), "lacks class_names")
        _check(len(set(names)) == len(names), "has a class name twice")
        parts = {key: _typed(value, key, str, "") for key in ("architecture", "provider", "name", "split")}
        objects = {key: _typed(value, key, dict, {}) for key in ("run", "metrics", "versions")}
        parents = _typed(value, "parents", list, [])
        _check(all(isinstance(parent, dict) for parent in parents), "has parents of the wrong type")
        return cls(
            kind=value["kind"],
            class_names=tuple(names),
            input=_input(value.get("input")),
            gan=_gan(value.get("gan")),
            parents=parents,
            **parts,
            **objects,
        )


def outputs_of(header: Header | None) -> str:
    """Whether a classifier was taught with a ``softmax``, as one without header is taken to be, or ``sigmoid`` s."""
    return "softmax" if header is None else str(header.run.get("outputs", "softmax"))


def _check(condition: bool, fault: str) -> None:
    if not condition:
        raise ValueError(f'the "degan" header {fault}; fetch or make the file again')


def _deeper(value: Any, levels: int) -> bool:
    """Whether objects and lists are nested more than so many levels deep."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels < 0 or any(_deeper(item, levels - 1) for item in inner)


def _typed(value: Mapping[str, Any], key: str, kind: type, default: Any) -> Any:
    given = value.get(key, default)
    _check(isinstance(given, kind), f"has {key} of the wrong type")
    return given


def _input(value: Any) -> InputSpec | None:
    if value is None:
        return None
    try:
        given = InputSpec.from_json(value)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f'the "degan" header has a wrong input ({error}); fetch or make the file again') from error
    _check(max(given.shape) <= MAX_SIDE, f"has an input larger than {MAX_SIDE}")
    return given


def _gan(value: Any) -> dict[str, Any] | None:
    if value is None:
        return None
    _check(isinstance(value, dict) and isinstance(value.get("name"), str), "names no GAN")
    for key in ("channels", "size", "latent", "width"):
        number = value.get(key)
        fits = isinstance(number, int) and not isinstance(number, bool) and 1 <= number <= MAX_SIDE
        _check(fits, f"has GAN {key} {number!r}, not a number from 1 to {MAX_SIDE}")
    return dict(value)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value
