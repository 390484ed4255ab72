"""A method's or strategy's own settings: from names and values to its frozen dataclass, with every value checked."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from typing import Any, get_type_hints

from ..errors import UsageError
from ..specs import InversionSpec, MethodSpec, StrategySpec
from .values import checked, parsed

AnySpec = MethodSpec | InversionSpec | StrategySpec


def read_settings(method: AnySpec, values: Mapping[str, Any], given: Mapping[str, Any] | None = None) -> Any:
    """An instance of ``method.settings``.

    :param values: by name, as ``--set`` or a file gave them: typed, or the text of a value.
    :param given: values of options of their own, such as ``--lambda-d``.
    :raises UsageError: for an unknown name, a name given twice, a value of another type, or one out of bounds.
    """
    fields = {field.name: field for field in dataclasses.fields(method.settings)}
    types = get_type_hints(method.settings)
    read: dict[str, Any] = {}
    for name, value in [*(given or {}).items(), *values.items()]:
        option = f"--{name.replace('_', '-')}" if name not in values else f"--set {name}={value}"
        if name not in fields:
            raise _unknown(method, name, list(fields), option)
        if isinstance(value, str) and types[name] is not str:
            value = parsed(value, types[name], option)
        what = f"--set {name}" if name in values else option
        value = checked(value, types[name], fields[name].metadata, what)
        if read.setdefault(name, value) != value:
            raise UsageError(f"--set {name}={value}: {name} is given twice, as {read[name]} too")
    return method.settings(**read)


def read_pairs(pairs: tuple[str, ...] | list[str]) -> dict[str, str]:
    """Names and texts of ``--set NAME=VALUE``; raises UsageError for another form or a name given twice."""
    values: dict[str, str] = {}
    for pair in pairs:
        name, separator, text = pair.partition("=")
        if not separator or not name:
            raise UsageError(f"--set {pair}: write it as NAME=VALUE")
        if name in values:
            raise UsageError(f"--set {pair}: {name} is given twice")
        values[name] = text
    return values


def _unknown(method: AnySpec, name: str, known: list[str], option: str) -> UsageError:
    close = difflib.get_close_matches(name, known, n=1)
    names = f"its settings: {', '.join(known)}" if known else "it has none"
    hint = f'did you mean "{close[0]}"?' if close else names
    return UsageError(f'{option}: {method.kind} "{method.name}" has no setting "{name}"; {hint}')
