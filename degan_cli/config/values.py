"""The check of one value, wherever it comes from: an option, a file, the environment, Python, or ``--set``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import UsageError

_TRUE, _FALSE = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}
_WORDS = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "text",
    Path: "a path",
    tuple[str, ...]: "a list of texts",
    tuple[int, ...]: "whole numbers, such as 0,1,2",
    tuple[float, ...]: "numbers, such as 0.5,0.4,0.3",
    Mapping: "a table of names and values",
}
NUMBERS = {tuple[int, ...]: int, tuple[float, ...]: float}
"""Lists of numbers, which commas part where they are text, and what each item is."""


def parsed(text: str, kind: Any, what: str) -> Any:
    """The value that a text stands for; ``what`` is how messages call it.

    :raises UsageError: when it stands for none of this kind.
    """
    if kind is bool and text.lower() in _TRUE | _FALSE:
        return text.lower() in _TRUE
    try:
        if kind in NUMBERS:
            return tuple(NUMBERS[kind](item) for item in text.split(",") if item.strip())
        if kind == tuple[str, ...]:
            return (text,)
        if kind in (int, float, str, Path):
            return kind(text)
    except ValueError:
        pass
    raise UsageError(f"{what}: {text!r} is not {_WORDS.get(kind, 'a value of this kind')}")


def checked(value: Any, kind: Any, metadata: Mapping[str, Any], what: str) -> Any:
    """``value`` in its own type, in range and among its choices, an old spelling replaced.

    :param metadata: with ``min``, ``max`` and ``choices``, each of which may be missing.
    :raises UsageError: naming ``what`` and what was met.
    """
    value = _typed(value, kind, what)
    if isinstance(value, str):
        value = metadata.get("renamed", {}).get(value, value)
    automatic = metadata.get("automatic")
    if automatic is not None and value == automatic:
        return value
    choices = metadata.get("choices")
    if choices and value not in choices:
        raise UsageError(f"{what} {value!r} is none of: {', '.join(map(str, choices))}")
    if kind in NUMBERS:
        return tuple(_in_range(item, metadata, what) for item in value)
    return _in_range(value, metadata, what)


def _in_range(value: Any, metadata: Mapping[str, Any], what: str) -> Any:
    least, most = metadata.get("min"), metadata.get("max")
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not math.isfinite(value):
            raise UsageError(f"{what} {value} is not a finite number")
        low, high = -math.inf if least is None else least, math.inf if most is None else most
        if not low <= value <= high:
            bounds = f"is not between {low} and {high}" if high < math.inf else f"is not at least {low}"
            raise UsageError(f"{what} {value} {bounds}")
    return value


def _typed(value: Any, kind: Any, what: str) -> Any:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind is Path and isinstance(value, str):
        return Path(value)
    if kind is str and isinstance(value, Path):
        return str(value)
    if kind == tuple[str, ...] and isinstance(value, str | Path):
        return (str(value),)
    if (kind == tuple[str, ...] or kind in NUMBERS) and isinstance(value, list | tuple):
        return tuple(_typed(item, NUMBERS.get(kind, str), what) for item in value)
    if kind in NUMBERS and isinstance(value, str):
        return parsed(value, kind, what)
    plain = kind if isinstance(kind, type) else tuple
    if not isinstance(value, plain) or (plain in (int, float) and isinstance(value, bool)):
        raise UsageError(f"{what}: {value!r} is not {_WORDS.get(kind, 'a value of this kind')}")
    return {**value} if isinstance(value, Mapping) else value
