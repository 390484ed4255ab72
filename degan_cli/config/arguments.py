"""Settings as the arguments of the command line that would give them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .base import Settings
from .fields import Setting


def arguments(settings: Settings) -> list[str]:
    """What follows ``degan COMMAND``: everything that was given, positional arguments first."""
    given = [declared for name, declared in settings.declared().items() if name in settings.given]
    ordered = sorted(given, key=lambda declared: not declared.metadata["argument"])
    return [text for declared in ordered for text in _texts(declared, getattr(settings, declared.name))]


def _texts(declared: Setting, value: Any) -> list[str]:
    if value is None:
        return []
    if declared.metadata["argument"]:
        return [str(item) for item in (value if isinstance(value, tuple) else [value])]
    if isinstance(value, bool):
        return [declared.flag] if value else [] if declared.default is False else [f"--no-{declared.flag[2:]}"]
    if isinstance(value, Mapping):
        flat = {**value, **value.get("settings", {})}
        flat.pop("settings", None)
        pairs = [text for name, item in flat.items() for text in ("--set", f"{_prefix(declared)}{name}={item}")]
        return pairs if declared.flag == "--set" else [declared.flag, *pairs]
    if declared.kind == tuple[str, ...]:
        return [text for item in value for text in (declared.flag, item)]
    if isinstance(value, tuple):
        return [declared.flag, ",".join(map(str, value))]
    return [declared.flag, f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)]


def _prefix(declared: Setting) -> str:
    return "" if declared.flag == "--set" else f"{declared.name}."
