"""When a run must end early, and when it is time for a checkpoint: --max-minutes, Ctrl-C, SIGTERM, SIGHUP."""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType, TracebackType

from ..errors import Stopped

_HANGUP: signal.Signals | None = getattr(signal, "SIGHUP", None)
"""Sent when a terminal or a connection is closed; Windows has none."""
_SIGNALS = {signal.SIGINT: (130, "Ctrl-C"), signal.SIGTERM: (143, "SIGTERM")}
if _HANGUP is not None:
    _SIGNALS[_HANGUP] = (129, "SIGHUP")
SIGNAL_CODES = tuple(code for code, _ in _SIGNALS.values())
"""Exit codes of runs that a signal has stopped."""


class StopWatch:
    """Counts the minutes of a run and catches the first Ctrl-C or SIGTERM; a second one ends at once.

    SIGHUP is caught as often as it comes: where a terminal is closed, its shell and the system send one each. A run
    that was started to ignore it, as by ``nohup``, does so.

    Loops ask :meth:`due` after each step: it reads a flag and the clock, and never waits for the device.

    :param checkpoint_seconds: between two checkpoints; a run that is killed loses no more than these and an epoch.
    """

    def __init__(self, max_minutes: float | None = None, checkpoint_seconds: float = 300.0) -> None:
        self.checkpoint_seconds = checkpoint_seconds
        self.deadline = None if max_minutes is None else time.monotonic() + 60 * max_minutes
        self._code = 0
        self._saved = time.monotonic()
        self._old: dict[signal.Signals, object] = {}

    def __enter__(self) -> StopWatch:
        if threading.current_thread() is threading.main_thread():
            ignored = {_HANGUP} if _HANGUP is not None and signal.getsignal(_HANGUP) == signal.SIG_IGN else set()
            self._old = {number: signal.signal(number, self._note) for number in _SIGNALS.keys() - ignored}
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)  # type: ignore[arg-type]

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._code = _SIGNALS[signal.Signals(number)][0]
        if number != _HANGUP:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)

    def due(self) -> int:
        """0 to go on, else the exit code with which to stop once a checkpoint is written."""
        if self._code:
            return self._code
        return 75 if self.deadline is not None and time.monotonic() >= self.deadline else 0

    def save_due(self) -> bool:
        """Whether the last checkpoint is old enough for another one; answering yes starts the time anew."""
        if time.monotonic() - self._saved < self.checkpoint_seconds:
            return False
        self._saved = time.monotonic()
        return True


def stopped(code: int, what: str, again: str = "the same command and --resume") -> Stopped:
    """The error that ends a run whose checkpoint has been written; ``again`` is what goes on with it."""
    reasons = {75: "--max-minutes is over", **dict(_SIGNALS.values())}
    return Stopped(f"stopped: {reasons[code]}, {what}; go on with {again}", code)
