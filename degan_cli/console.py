"""What a person reads in the terminal: notes and warnings on stderr, the result on stdout, from one process alone."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn

EVERY_SECONDS = 10.0
"""Between two lines that say how far something is, where there is no bar."""


def is_main_process() -> bool:
    """Whether this process speaks: the only one, or the first of those that ``torchrun`` started."""
    return os.environ.get("RANK", "0") == "0"


def note(message: str) -> None:
    """A line for people on stderr."""
    if is_main_process():
        print(message, file=sys.stderr, flush=True)


def warn(message: str) -> None:
    """A warning on stderr; the command goes on."""
    note(f"degan: warning: {message}")


def print_result(result: Mapping[str, Any], as_json: bool) -> None:
    """The one line on stdout: the artifact's path, or the whole object with ``--json``."""
    print(json.dumps(result, sort_keys=True) if as_json else result["artifact"], flush=True)


def shortened(names: Sequence[str], most: int = 5) -> str:
    """The first names of a list, and how many more there are."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def quoted(text: str, most: int = 60) -> str:
    """A stranger's text in quotes, on one line of ASCII, cut where it is long: it can neither pass for the tool's own
    words nor steer a terminal."""
    return json.dumps(text if len(text) <= most else f"{text[:most]}...")


def progress_bar(*columns: str | ProgressColumn) -> Progress | None:
    """A bar on stderr with these columns and the time left, which goes when it ends; None without a terminal."""
    from rich.console import Console
    from rich.progress import Progress, TimeRemainingColumn

    console = Console(stderr=True)
    if not console.is_terminal:
        return None
    return Progress(*columns, TimeRemainingColumn(), console=console, transient=True)
