"""The reference page: every command with its settings, generated from their declarations.

``make docs`` writes it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from ..config.base import Settings
from ..config.conditions import CONDITIONS
from ..config.fields import Setting

HEAD = """# Reference

Every setting is declared once, in `degan_cli.config`; this page, the options, the TOML files of `--config` and the
checks come from there. `degan COMMAND --write-config` prints such a file. Of several sources the last counts: default,
the method's, the old classifier's own run (`incremental`), the recipe of `--optimiser sgd`, `--config`, the
environment, options. `--dry-run` says where each value came from. A setting that has no use in a run is refused.

Every command here also takes `--config FILE`, `--write-config`, `--json`, `-q`/`--quiet` and `--help`, and
`degan --no-plugins COMMAND` leaves installed plugins out. Names in TOML files are those of the first column with
underscores; where they differ from the option, they stand in brackets."""


def reference(commands: Mapping[str, Callable[..., None]]) -> str:
    """The page as Markdown.

    :param commands: by name, those of :mod:`degan_cli.app`.
    """
    parts = [HEAD]
    for name, command in commands.items():
        kind: type[Settings] | None = getattr(command, "settings", None)
        if kind is not None:
            parts.append(f"## degan {name}\n\n{inspect.cleandoc(command.__doc__ or '')}")
            parts += [_panel(panel, settings) for panel, settings in _panels(kind).items()]
    return "\n\n".join(parts) + "\n"


def _panels(kind: type[Settings]) -> dict[str, list[Setting]]:
    panels: dict[str, list[Setting]] = {}
    for declared in kind.declared().values():
        panels.setdefault(declared.panel, []).append(declared)
    return panels


def _panel(panel: str, settings: list[Setting]) -> str:
    rows = ["| setting | default | meaning |", "|---|---|---|", *map(_row, settings)]
    return f"### {panel}\n\n" + "\n".join(rows)


def _row(declared: Setting) -> str:
    about = declared.metadata
    off = [f"--no-{declared.flag[2:]}"] if declared.kind is bool and declared.default is not False else []
    flags = "`, `".join([*(about["flags"] or (declared.flag,)), *off])
    name = "" if declared.flag == f"--{declared.name.replace('_', '-')}" or about["argument"] else f" ({declared.name})"
    bounds = [f"at least {about['min']:g}" if about["min"] is not None else ""]
    bounds.append(f"at most {about['max']:g}" if about["max"] is not None else "")
    bounds.append(f"one of {', '.join(about['choices'])}" if about["choices"] else "")
    needed = [CONDITIONS[need].words for need in dict.fromkeys((*about["needs"], about["only_for"])) if need]
    bounds += [f"for {words}" for words in needed]
    bounds.append(f"`{about['env']}`" if about["env"] else "")
    bounds.append("not in files" if not about["in_file"] else "")
    more = "; ".join(filter(None, bounds))
    meaning = about["help"] + (f" ({more})" if more else "")
    return f"| `{flags}`{name} | {_default(declared)} | {meaning} |"


def _default(declared: Setting) -> str:
    if declared.required:
        return "required"
    if declared.metadata["shown_default"]:
        return str(declared.metadata["shown_default"])
    value: Any = declared.default
    if value is None or value == () or value == {}:
        return ""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
