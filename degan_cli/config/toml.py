"""Settings as a TOML file and back: ``--write-config`` and ``--config``."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import BadFile, UsageError
from .base import Layer, Settings
from .values import checked

MAX_BYTES = 2**20
"""Of a settings file; those with every setting of a command have two thousand."""


def read_config(path: Path, kind: type[Settings]) -> Layer:
    """The values of a file, named as the fields of ``kind`` are, with hyphens or underscores.

    :raises BadFile: when the file is missing or is no TOML.
    :raises UsageError: for a name that is no setting of this command, or one that belongs to the command line.
    """
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1)
        if len(text) > MAX_BYTES:
            raise BadFile(f"--config {path}: has more than {MAX_BYTES:,} bytes; name a TOML file with settings")
        table = tomllib.loads(text.decode().replace("\r\n", "\n"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadFile(f"--config {path}: cannot be read ({error.__class__.__name__}); name a TOML file") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise BadFile(f"--config {path}: {error}; see --write-config for what such a file holds") from error
    values: dict[str, Any] = {}
    for name, value in table.items():
        field = field_name(kind, name)
        declared = kind.declared().get(field)
        if declared is None or not declared.metadata["in_file"]:
            raise UsageError(
                f"--config {path}: {name} is no setting of this command that a file may hold at its top; "
                "--write-config shows them, and a method's own stand under [settings]"
            )
        if field in values:
            raise UsageError(f"--config {path}: {name} is there twice, as {field} too; leave one of them out")
        if field == "enrich" and isinstance(value, bool):
            value = {} if value else None
        if value is not None:
            value = checked(value, declared.kind, declared.metadata, f"--config {path}: {name}")
        values[field] = value
    return Layer(f"--config {path}", values)


def field_name(kind: type[Settings], name: str) -> str:
    """The field that a name in a file stands for; where option and field differ, as --arch of a teacher does, both."""
    options = {one.flag[2:].replace("-", "_"): one.name for one in kind.declared().values() if one.flag[:2] == "--"}
    name = name.replace("-", "_")
    return options.get(name, name)


def to_toml(settings: Settings) -> str:
    """The settings that a file may hold, one a line, tables last; what has no use, or is worked out, is left out.

    :param settings: resolved, so that the conditions of the run are settled.
    """
    lines: list[str] = []
    tables: list[str] = []
    for name, declared in settings.declared().items():
        value = getattr(settings, name)
        worked_out = value is None or value == declared.metadata["automatic"]
        if worked_out or not declared.metadata["in_file"] or not settings.has_use(name):
            continue
        if isinstance(value, Mapping):
            if value == declared.default:
                continue
            tables += _table(name, value)
        else:
            lines.append(f"{name} = {_value(value)}")
    return "\n".join([*lines, *tables]) + "\n"


def _table(name: str, values: Mapping[str, Any]) -> list[str]:
    inner = {key: value for key, value in values.items() if isinstance(value, Mapping)}
    plain = [f"{key} = {_value(value)}" for key, value in values.items() if key not in inner and value is not None]
    deeper = [line for key, value in inner.items() for line in _table(f"{name}.{key}", value)]
    return ["", f"[{name}]", *plain, *deeper]


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else str(value)
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_value, value))}]"
    # A JSON string is a TOML basic string, but for DEL, which TOML wants escaped.
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
