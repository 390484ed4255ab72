"""From the ``run`` of an artifact back to the command and the settings that made it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .base import Settings
from .compress import CompressSettings
from .fields import Setting
from .makers import MAKERS
from .names import join_names

SIGNS: Mapping[str, str] = {
    "budget": "compress",
    "strategy": "incremental",
    "student": "distill",
    "per_class": "condense",
    "generator": "sample",
    "method": "enrich",
    "architecture": "teacher",
}
"""A key of the run that one command alone stores, or the first of these -> that command; a run does not name it."""


def command_of(run: Mapping[str, Any]) -> tuple[str, type[Settings]] | None:
    """The command that stores such a run, with its settings' class; None where it is no command's."""
    kinds = {**MAKERS, "compress": CompressSettings}
    return next(((name, kinds[name]) for key, name in SIGNS.items() if key in run), None)


def values_of(kind: type[Settings], run: Mapping[str, Any]) -> dict[str, Any]:
    """Every setting that the run holds, by name; newer ones that it leaves out have their defaults."""
    values = {}
    for name, declared in kind.declared().items():
        if declared.key is None:
            continue
        held, value = _look_up(run, declared.key)
        if held and (value is not None or declared.optional):
            values[name] = _as(declared, value)
        elif declared.metadata["newer"]:
            values[name] = declared.default
    return values


def _as(declared: Setting, value: Any) -> Any:
    """A list as the setting takes it: one text of names, or a tuple."""
    if not isinstance(value, list):
        return value
    return join_names(value) if declared.kind is str else tuple(value)


def _look_up(run: Mapping[str, Any], key: str) -> tuple[bool, Any]:
    """Whether the run holds a dotted key, and its value."""
    group, _, name = key.rpartition(".")
    place = run.get(group) if group else run
    return (True, place[name]) if isinstance(place, Mapping) and name in place else (False, None)
