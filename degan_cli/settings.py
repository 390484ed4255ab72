"""A method's own settings: from ``--set name=value`` to its frozen dataclass, with every value checked."""

from __future__ import annotations

import dataclasses
import difflib
import math
from collections.abc import Mapping, Sequence
from typing import Any, get_type_hints

from .errors import UsageError
from .specs import InversionSpec, MethodSpec, StrategySpec

AnySpec = MethodSpec | InversionSpec | StrategySpec
_TRUE, _FALSE = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}


def read_settings(method: AnySpec, pairs: Sequence[str], given: Mapping[str, Any]) -> Any:
    """An instance of ``method.settings``.

    :param pairs: texts ``name=value`` of ``--set``.
    :param given: values of options of their own, such as ``--lambda-d``.
    :raises UsageError: for an unknown name, a name given twice, a text of another type, or a value out of bounds.
    """
    fields = {field.name: field for field in dataclasses.fields(method.settings)}
    types = get_type_hints(method.settings)
    values: dict[str, Any] = {}
    for name, value in given.items():
        _known(method, name, fields, f"--{name.replace('_', '-')}")
        values[name] = value
    for pair in pairs:
        name, separator, text = pair.partition("=")
        if not separator:
            raise UsageError(f"--set {pair}: write it as NAME=VALUE")
        _known(method, name, fields, f"--set {pair}")
        if name in values:
            raise UsageError(f"--set {pair}: {name} is given twice")
        values[name] = _parse(text, types[name], pair)
    for name, value in values.items():
        least, most = fields[name].metadata.get("min", -math.inf), fields[name].metadata.get("max", math.inf)
        choices = fields[name].metadata.get("choices")
        if choices is not None and value not in choices:
            raise UsageError(f"{name} {value!r} is none of: {', '.join(map(str, choices))}")
        if isinstance(value, int | float) and not least <= value <= most:
            raise UsageError(f"{name} {value} is not between {least} and {most}")
    return method.settings(**values)


def _known(method: AnySpec, name: str, fields: Mapping[str, Any], option: str) -> None:
    if name in fields:
        return
    close = difflib.get_close_matches(name, fields, n=1)
    known = f"its settings: {', '.join(fields)}" if fields else "it has none"
    hint = f'did you mean "{close[0]}"?' if close else known
    kind = "strategy" if isinstance(method, StrategySpec) else "method"
    raise UsageError(f'{option}: {kind} "{method.name}" has no setting "{name}"; {hint}')


def _parse(text: str, wanted: Any, pair: str) -> Any:
    if wanted is bool:
        if text.lower() in _TRUE | _FALSE:
            return text.lower() in _TRUE
        raise UsageError(f"--set {pair}: write true or false")
    try:
        return wanted(text)
    except ValueError as error:
        raise UsageError(f"--set {pair}: {text!r} is no {wanted.__name__}") from error
