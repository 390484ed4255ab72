"""The command that follows a run, as a line that can be run as it stands: quoted, with all the options it needs."""

from __future__ import annotations

import shlex
from typing import Any

from ..config.arguments import arguments
from ..config.base import Settings
from ..config.groups import DeviceSettings, ForeignSettings, ImageSettings
from ..plugins import Plugins
from .output import STDOUT

PHOTOGRAPHS = "photos"
"""Images that everybody has; people replace them by their own."""
STDIN = str(STDOUT)


def next_command(command: str, kind: type[Settings], before: Settings | None, **values: Any) -> str:
    """``degan COMMAND`` with these values; empty where one came from stdin, which cannot be read again.

    :param before: settings of the run; what it was given of data and device holds for the next one too, and of a
        foreign classifier where that is used again.
    """
    if STDIN in map(str, values.values()):
        return ""
    shared = {*ImageSettings.declared(), *DeviceSettings.declared()}
    if isinstance(before, ForeignSettings) and {"classifier", "teacher"} & values.keys():
        shared |= ForeignSettings.declared().keys()
    given = frozenset() if before is None else before.given
    kept = {name: getattr(before, name) for name in shared & given & kind.declared().keys()}
    return shlex.join(["degan", command, *arguments(kind(**kept, **values))])


def smaller(architecture: str, plugins: Plugins) -> str:
    """An architecture for a student: the half of one of the paper's, else the same again."""
    half = f"{architecture}-half"
    return half if half in plugins.architectures else architecture
