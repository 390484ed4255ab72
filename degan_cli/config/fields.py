"""How one setting is declared: a dataclass field with its default, and metadata that says the rest.

The same metadata keys ``help``, ``min``, ``max`` and ``choices`` document and bound the fields of a plugin's own
settings, so one check serves both.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

DATA = "Data"
MODELS = "Models"
TRAINING = "Training"
ONLINE = "Samples made while the student learns (--method)"
RUN = "Run"
PANELS = (MODELS, DATA, TRAINING, ONLINE, RUN)
"""Panels of ``--help``, and sections of the reference, in their order."""


def setting(
    default: Any = dataclasses.MISSING,
    *,
    help: str,
    panel: str = TRAINING,
    flags: tuple[str, ...] = (),
    argument: bool = False,
    metavar: str | None = None,
    min: float | None = None,
    max: float | None = None,
    choices: tuple[str, ...] = (),
    renamed: Mapping[str, str] | None = None,
    shown_default: str = "",
    automatic: Any = None,
    env: str = "",
    key: str | None = "",
    newer: bool = False,
    only_for: str = "",
    needs: tuple[str, ...] = (),
    in_file: bool = True,
) -> Any:
    """A field of a frozen dataclass of settings.

    :param flags: how the command line spells it; ``--name`` with hyphens if empty.
    :param argument: a positional argument instead of an option.
    :param renamed: old spelling of a value -> the one that replaced it; both are read.
    :param shown_default: what people read where the default depends on something else.
    :param automatic: a value beside the range, which stands for "work it out"; see ``shown_default``.
    :param env: environment variable that gives a value.
    :param key: name in the stored ``run`` of an artifact, dotted for a nested object; None stores nothing, and empty
        is the field's own name.
    :param newer: whether artifacts of earlier versions do not hold it: the ``run`` leaves it out at its default, so
        that their runs compare equal with today's.
    :param only_for: the condition under which the ``run`` holds it at all (:mod:`degan_cli.config.conditions`).
    :param needs: conditions without which giving it is a mistake.
    :param in_file: whether a configuration file may hold it.
    """
    metadata = {
        "help": help,
        "panel": panel,
        "flags": flags,
        "argument": argument,
        "metavar": metavar,
        "min": min,
        "max": max,
        "choices": choices or None,
        "renamed": renamed or {},
        "shown_default": shown_default,
        "automatic": automatic,
        "env": env,
        "key": key,
        "newer": newer,
        "only_for": only_for,
        "needs": needs,
        "in_file": in_file,
    }
    if default is dataclasses.MISSING:
        return dataclasses.field(metadata=metadata)
    if isinstance(default, Mapping):
        return dataclasses.field(default_factory=lambda: dict(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True)
class Setting:
    """A declared setting, as the parts of the tool that generate something from it see it."""

    name: str
    kind: Any
    """``int``, ``float``, ``bool``, ``str``, ``Path``, ``Mapping``, or ``tuple[..., ...]`` of int, float or str."""
    optional: bool
    """Whether None is a value: there is no such thing in this run."""
    default: Any
    """``dataclasses.MISSING`` where one must be given."""
    metadata: Mapping[str, Any]

    @property
    def required(self) -> bool:
        """Whether it has no default."""
        return self.default is dataclasses.MISSING

    @property
    def metavar(self) -> str | None:
        """What stands for its value in help; None for a switch, or where Typer names the choices."""
        given: str | None = self.metadata["metavar"]
        if self.metadata["argument"]:
            return self.flag
        if self.metadata["choices"]:
            return f"[{'|'.join(self.metadata['choices'])}]"
        return given or {int: "N", float: "X", str: "NAME", Path: "FILE"}.get(self.kind)

    @property
    def panel(self) -> str:
        """Of ``--help``."""
        panel: str = self.metadata["panel"]
        return panel

    @property
    def flag(self) -> str:
        """How messages and argument lists spell it, such as ``--batch-size``; an argument's own name."""
        flags: tuple[str, ...] = self.metadata["flags"]
        if self.metadata["argument"]:
            return self.name.upper()
        return next((flag for flag in flags if flag.startswith("--")), f"--{self.name.replace('_', '-')}")

    @property
    def key(self) -> str | None:
        """Where the stored run holds it, dotted; None for nowhere."""
        key: str | None = self.metadata["key"]
        return self.name if key == "" else key


@cache
def settings_of(kind: type) -> Mapping[str, Setting]:
    """The settings that a dataclass declares, by name: those that must be given, then panel by panel, and in each its
    own before those that it shares."""
    hints = get_type_hints(kind)
    settings = [_setting(field, hints[field.name]) for field in dataclasses.fields(kind)]
    own = set(kind.__annotations__)
    settings.sort(key=lambda one: (not one.required, PANELS.index(one.panel), one.name not in own))
    return {one.name: one for one in settings}


def _setting(field: dataclasses.Field[Any], hint: Any) -> Setting:
    optional = type(None) in get_args(hint)
    if optional:
        (hint,) = (argument for argument in get_args(hint) if argument is not type(None))
    if get_origin(hint) not in (None, tuple):
        hint = Mapping
    default = field.default
    if field.default_factory is not dataclasses.MISSING:
        default = field.default_factory()
    return Setting(field.name, hint, optional, default, field.metadata)
