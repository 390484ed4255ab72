"""What a person reads in the terminal: notes and warnings on stderr, the result on stdout, from one process alone."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .errors import DeganError

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn

EVERY_SECONDS = 10.0
"""Between two lines that say how far something is, where there is no bar."""
MOST_CHARACTERS = 300
"""Of an error's line."""
CUT = " ... "
MOST_OF_A_NAME = 60


def is_main_process() -> bool:
    """Whether this process speaks: the only one, or the first of those that ``torchrun`` started."""
    return os.environ.get("RANK", "0") == "0"


def printable(text: str) -> str:
    """``text`` with nothing in it that could steer a terminal or begin a new line: parts of it may come from files."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in text)


def one_line(message: str, most: int = MOST_CHARACTERS) -> str:
    """``message`` on one printable line: of a longer one the beginning, which says what is at fault, and the end, which
    says what to do."""
    line = printable(" ".join(message.split()))
    if len(line) <= most:
        return line
    end = most // 3
    return f"{line[: most - end - len(CUT)]}{CUT}{line[-end:]}"


def cell(text: object, most: int = 60) -> str:
    """A value in a table: printable, and cut where it is long, so that one of them cannot blow up all rows."""
    shown = printable(str(text)[: most + 1])
    return shown if len(shown) <= most else f"{shown[: most - 3]}..."


def note(message: str) -> None:
    """A line for people on stderr."""
    if is_main_process():
        print(printable(message), file=sys.stderr, flush=True)


def warn(message: str) -> None:
    """A warning on stderr; the command goes on."""
    note(f"degan: warning: {message}")


def print_result(result: Mapping[str, Any], as_json: bool) -> None:
    """The one line on stdout: the artifact's path, or the whole object with ``--json``.

    :raises DeganError: when stdout cannot be written.
    """
    try:
        print(json.dumps(result, sort_keys=True) if as_json else result["artifact"], flush=True)
    except DeganError as error:
        raise DeganError(f"{result['artifact']} is made, but {error}") from error


def shortened(names: Sequence[str], most: int = 5) -> str:
    """The first names of a list, and how many more there are."""
    shown = ", ".join(name if len(name) <= MOST_OF_A_NAME else f"{name[:MOST_OF_A_NAME]}..." for name in names[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")


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
