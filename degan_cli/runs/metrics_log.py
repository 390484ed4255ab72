"""The rows of ``metrics.jsonl`` once more, as other tools read them: ``--log csv`` and ``--log tensorboard``."""

from __future__ import annotations

import csv
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from ..errors import PluginError
from .output import EVENTS, METRICS, METRICS_CSV


class MetricsLog(Protocol):
    """Takes each row of a run."""

    def add(self, row: Mapping[str, Any]) -> None:
        """A row with its ``step``, the number of updates before it."""

    def close(self) -> None:
        """No more rows follow."""


def check_log(kind: str | None) -> None:
    """Raise PluginError, before any time is spent, where ``--log`` needs a package that is not installed."""
    if kind == "tensorboard" and find_spec("tensorboard") is None:
        raise PluginError("--log tensorboard needs a package that is missing; pip install 'degan-cli[tensorboard]'")


FILES = {"csv": METRICS_CSV, "tensorboard": EVENTS}
"""Of each kind of log, in the run folder."""


def open_log(kind: str, folder: Path, resumed_at: int | None = None) -> MetricsLog:
    """The log of a run, ``csv`` or ``tensorboard``.

    :param folder: the run folder; what its ``metrics.jsonl`` holds already is part of the log.
    :param resumed_at: updates after which a resumed run goes on.
    """
    return CsvLog(folder) if kind == "csv" else TensorBoardLog(folder, resumed_at)


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a ``metrics.jsonl``, without what a kill or a full disk has cut off."""
    rows = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and isinstance(row.get("step"), int):
            rows.append(row)
    return rows


def numbers(row: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    """All numbers of a row by name; those of a table in it as ``TABLE/NAME``."""
    found: dict[str, float] = {}
    for name, value in row.items():
        if isinstance(value, Mapping):
            found |= numbers(value, f"{prefix}{name}/")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found[prefix + name] = value
    return found


class CsvLog:
    """``metrics.csv``: a line per row, a column per number."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / METRICS_CSV
        self._columns: list[str] = []
        self._rows: list[dict[str, Any]] = []
        earlier = folder / METRICS
        for row in read_rows(earlier) if earlier.exists() else ():
            self.add(row)

    def add(self, row: Mapping[str, Any]) -> None:
        """Append it; a row with a number that none before it had begins the file anew."""
        self._rows.append({"time": row.get("time", ""), **numbers(row)})
        new = [name for name in self._rows[-1] if name not in self._columns]
        self._columns += new
        with self.path.open("w" if new else "a", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, self._columns, lineterminator="\n")
            if new:
                table.writeheader()
            table.writerows(self._rows if new else self._rows[-1:])

    def close(self) -> None:
        """Nothing is open."""


class TensorBoardLog:
    """Event files for TensorBoard, in a folder of their own."""

    def __init__(self, folder: Path, resumed_at: int | None) -> None:
        from torch.utils.tensorboard.writer import SummaryWriter

        self._hook = threading.excepthook
        threading.excepthook = _SilentThread(self._hook)
        # TensorBoard then forgets what a stopped run wrote after its checkpoint.
        purge = None if resumed_at is None else resumed_at + 1
        self._writer = SummaryWriter(str(folder / EVENTS), purge_step=purge)

    def add(self, row: Mapping[str, Any]) -> None:
        """Each number is a scalar at its step."""
        for name, value in numbers(row).items():
            if name not in ("schema", "step"):
                self._writer.add_scalar(name, value, row["step"])
        self._writer.flush()

    def close(self) -> None:
        """Close the event file."""
        try:
            self._writer.close()
        finally:
            threading.excepthook = self._hook


@dataclass(frozen=True)
class _SilentThread:
    """Shows no traceback of TensorBoard's own thread where a full disk ends it: the next call raises that, too."""

    shown: Callable[[threading.ExceptHookArgs], Any]

    def __call__(self, failure: threading.ExceptHookArgs) -> None:
        if not type(failure.thread).__module__.startswith("tensorboard."):
            self.shown(failure)
