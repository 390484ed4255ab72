"""What a person sees: progress and warnings on stderr, metrics.jsonl, and pictures."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.progress import BarColumn

from ..artifact.atomic import replacing
from ..console import EVERY_SECONDS, note, printable, progress_bar, warn
from ..errors import writing
from .metrics_log import FILES, MetricsLog, open_log, read_rows
from .output import METRICS


class Report:
    """Progress of one run: a bar on a terminal, else a line per epoch, and one every so many seconds between these.

    Each row also goes to ``metrics.jsonl``.

    :param title: what the bar says.
    :param steps: updates in the whole run; None when it may end early.
    :param folder: the run folder, made here; None writes no files.
    :param quiet: no bar and no lines; warnings are shown all the same.
    :param active: False in all processes but the main one, which then alone reports.
    :param log: ``csv`` or ``tensorboard``, what rows are also written as.
    :param warnings: where :meth:`warn` adds its messages.
    """

    def __init__(
        self,
        title: str,
        steps: int,
        folder: Path | None,
        quiet: bool = False,
        active: bool = True,
        log: str | None = None,
        warnings: list[str] | None = None,
    ) -> None:
        self.folder = folder if active else None
        self._log_kind = log
        self._log: MetricsLog | None = None
        self._resumed_at: int | None = None
        self.active = active
        self.warnings: list[str] = [] if warnings is None else warnings
        self.lines = active and not quiet
        self._title, self._steps, self._done = title, steps, 0
        self._images = 0
        self._since = self._start = time.monotonic()
        columns = ("{task.description}", BarColumn(), "{task.percentage:>3.0f}%", "{task.fields[rate]}")
        self._bar = progress_bar(*columns) if self.lines else None
        if self._bar is not None:
            self._task = self._bar.add_task(title, total=steps, rate="")
        if self.folder is not None:
            with writing(self.folder):
                self.folder.mkdir(parents=True, exist_ok=True)

    def __enter__(self) -> Report:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()
        if self._log is not None:
            with writing(self.folder or "") if error is None else contextlib.suppress(OSError):
                self._log.close()

    @property
    def images_per_second(self) -> float:
        """Mean rate since the start, or since :meth:`resume_at`."""
        return self._images / max(time.monotonic() - self._start, 1e-9)

    def resume_at(self, step: int) -> None:
        """Go on from a checkpoint: rows that were written after it are dropped from ``metrics.jsonl``."""
        self._resumed_at = self._done = step
        if self._bar is not None:
            self._bar.update(self._task, completed=step)
        path = self._metrics_path()
        if path is not None and path.exists():
            kept = [row for row in read_rows(path) if row["step"] <= step]
            with replacing(path) as file:
                file.write("".join(f"{json.dumps(row)}\n" for row in kept).encode())

    def advance(self, images: int) -> None:
        """One step has been started on so many images; it costs no synchronisation."""
        self._images += images
        self._done += 1
        now = time.monotonic()
        if self._bar is not None:
            if now - self._since > 0.5:
                self._since = now
                self._bar.update(self._task, rate=f"{self.images_per_second:,.0f} images/s")
            self._bar.advance(self._task)
        elif self.lines and now - self._since > EVERY_SECONDS:
            of = "" if self._steps is None else f" of {self._steps:,}"
            self.say(f"{self._title}: step {self._done:,}{of}  {self.images_per_second:,.0f} images/s")

    def row(self, step: int, values: Mapping[str, Any], line: str = "") -> None:
        """Record named numbers after ``step`` updates, and say ``line`` to a person."""
        path = self._metrics_path()
        if path is not None:
            stamp = {"schema": 1, "step": step, "time": datetime.now(UTC).isoformat(timespec="seconds")}
            rate = {"images_per_second": round(self.images_per_second, 1)}
            row = stamp | rate | dict(values)
            with writing(path):
                path.parent.mkdir(parents=True, exist_ok=True)  # it may have been tidied away
            if self._log_kind is not None and self._log is None:
                with writing(path.with_name(FILES[self._log_kind])):
                    self._log = open_log(self._log_kind, path.parent, self._resumed_at)
            with writing(path), path.open("a") as file:
                file.write(json.dumps(row) + "\n")
            if self._log_kind is not None and self._log is not None:
                with writing(path.with_name(FILES[self._log_kind])):
                    self._log.add(row)
        if self.lines and line:
            self.say(f"{line}  {self.images_per_second:,.0f} images/s")

    def say(self, message: str) -> None:
        """A line on stderr that does not tear the bar."""
        if self._bar is not None:
            self._bar.console.print(printable(message), markup=False, highlight=False)
        elif self.lines:
            self._since = time.monotonic()
            note(message)

    def warn(self, message: str) -> None:
        """A warning on stderr, shown even when quiet."""
        if self.active and message not in self.warnings:
            self.warnings.append(message)
            if self._bar is not None:
                self._bar.console.print(printable(f"degan: warning: {message}"), markup=False, highlight=False)
            else:
                warn(message)

    def _metrics_path(self) -> Path | None:
        return None if self.folder is None else self.folder / METRICS
