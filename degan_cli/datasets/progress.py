"""How far a long piece of work is, on stderr: a bar on a terminal, else a line now and then."""

from __future__ import annotations

import time
from types import TracebackType

from rich.progress import BarColumn, MofNCompleteColumn

from ..console import EVERY_SECONDS, is_main_process, note, progress_bar


class Counter:
    """Counts things of which some may have been done before; quiet, it shows nothing."""

    def __init__(self, title: str, total: int, done: int = 0, quiet: bool = False) -> None:
        self.title, self.total, self.done, self.quiet = title, total, done, quiet
        self._before = done
        self._start = self._said = time.monotonic()
        columns = ("{task.description}", BarColumn(), MofNCompleteColumn(), "{task.fields[rate]}")
        self._bar = progress_bar(*columns) if not quiet and is_main_process() else None
        if self._bar is not None:
            self._task = self._bar.add_task(title, total=total, completed=done, rate="")

    def __enter__(self) -> Counter:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.stop()
        if kind is None and not self.quiet:
            note(f"{self.title}: {self.done:,} of {self.total:,}, {self._rate}")

    def advance(self, count: int) -> None:
        """So many more are done."""
        self.done += count
        if self._bar is not None:
            self._bar.update(self._task, completed=self.done, rate=self._rate)
        elif not self.quiet and time.monotonic() - self._said > EVERY_SECONDS:
            self._said = time.monotonic()
            note(f"{self.title}: {self.done:,} of {self.total:,}, {self._rate}")

    @property
    def _rate(self) -> str:
        seconds = max(time.monotonic() - self._start, 1e-9)
        return f"{(self.done - self._before) / seconds:,.0f} images/s"
