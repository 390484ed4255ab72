"""The ``run`` of an artifact: all settings of the run that made it, under names that stay from version to version."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import UsageError
from .base import Settings
from .distill import RENAMED_AUGMENTATIONS


def stored_run(settings: Settings, derived: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that say how an artifact was made, as plain JSON types.

    A setting that is only for another kind of run is left out, and is None inside a nested object; a newer one is left
    out at its default.

    :param derived: values that are known only when the run begins, such as the precision that ``auto`` became; they
        replace settings of the same name, dotted names those in a nested object, and None takes the object's place.
    """
    run: dict[str, Any] = {}
    for name, declared in settings.declared().items():
        key, only_for = declared.key, declared.metadata["only_for"]
        if key is None or declared.metadata["newer"] and getattr(settings, name) == declared.default:
            continue
        idle = bool(only_for) and only_for not in settings.holding
        if not idle or "." in key:
            _put(run, key, None if idle else _plain(getattr(settings, name)))
    for key, value in derived.items():
        _put(run, key, _plain(value))
    return run


def difference(before: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, Any, Any] | None:
    """The first setting in which two stored runs differ, with both values; values under an old name are equal."""
    first, second = (json.loads(json.dumps(run)) for run in (before, now))
    for key in sorted(first.keys() | second.keys()):
        was, wanted = (_renamed(key, run.get(key)) for run in (first, second))
        if was != wanted:
            return key, was, wanted
    return None


def refuse_others(
    path: Path, before: Mapping[str, Any], now: Mapping[str, Any], advice: str = "or use --force"
) -> None:
    """Raise UsageError where what lies at ``path`` was made with other settings, naming the first that differs."""
    if differs := difference(before, now):
        key, was, wanted = differs
        raise UsageError(f"{path}: made with {key} {was!r}, now {wanted!r}; repeat the settings, {advice}")


def _renamed(key: str, value: Any) -> Any:
    return RENAMED_AUGMENTATIONS.get(value, value) if key == "augment" else value


def _put(run: dict[str, Any], key: str, value: Any) -> None:
    group, _, name = key.rpartition(".")
    if not group:
        run[name] = value
    else:
        run.setdefault(group, {})[name] = value


def _plain(value: Any) -> Any:
    if isinstance(value, Path):
        return str(value)
    return dict(value) if isinstance(value, Mapping) else value
