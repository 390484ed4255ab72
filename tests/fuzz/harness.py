"""How often readers are tried with damaged files, and what they may answer.

``DEGAN_MUTATIONS`` is the number of damaged files over all kinds: a few in the default suite, 10,000 by
``make test-long``. Hypothesis draws them, the same ones in each run.
"""

from __future__ import annotations

import contextlib
import io
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, settings
from trust_report import record

from degan_cli.app import explain
from degan_cli.console import one_line

SHARES = 9.5
"""All shares together into which the tests divide the mutations."""
MUTATIONS = int(os.environ.get("DEGAN_MUTATIONS", "300"))
SPARE_BYTES = 2**29
"""Memory that reading any file may take beside what the process held before: 512 MiB."""


def drawn(share: float = 1.0) -> settings:
    """Hypothesis' settings for a test with this share of an equal part of all mutations."""
    return settings(
        max_examples=max(1, round(share * MUTATIONS / SHARES)),
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


class Answers:
    """What a reader answered to each damaged file."""

    def __init__(self, allowed: tuple[int, ...] = (0, 2, 3)) -> None:
        self.allowed = allowed
        self.codes: Counter[int] = Counter()

    def record(self, what: str) -> None:
        """Keep what came of all files for docs/trust.md."""
        names = {0: "read as what they still are"}
        outcomes = {names.get(code, f"refused, exit code {code}"): count for code, count in sorted(self.codes.items())}
        record(f"damaged {what}", outcomes)

    def to(self, read: Callable[[], object]) -> int:
        """Read one file; the exit code.

        It is one of those allowed, and what is shown is one printable line of at most 300 characters, or a result of
        printable lines.
        """
        shown = io.StringIO()
        with contextlib.redirect_stderr(shown), contextlib.redirect_stdout(shown):
            code, line = told(read)
        assert code in self.allowed, (code, line)
        assert len(line) <= 300, line
        for text in [line, *shown.getvalue().split("\n")]:
            assert text.isprintable(), text
        self.codes[code] += 1
        return code


def told(read: Callable[[], object]) -> tuple[int, str]:
    """The exit code and the line of ``degan`` for what ``read`` raises; 0 and nothing where it raises nothing."""
    try:
        read()
    except Exception as error:
        message, code = explain(error, "")
        return code, one_line(message) if code != 1 else f"{message}\n{trace(error)}"
    return 0, ""


def trace(error: BaseException) -> str:
    import traceback

    return "".join(traceback.format_exception(error)[-6:])


@contextlib.contextmanager
def bounded_memory(most: int = SPARE_BYTES):
    """Fail where the process takes more than ``most`` bytes beside those that it has; nothing is checked off Linux."""
    status, reset = Path("/proc/self/status"), Path("/proc/self/clear_refs")
    if not reset.exists():
        yield
        return
    reset.write_text("5")  # the peak becomes what is held now
    before = _kibibytes(status, "VmRSS")
    yield
    taken = 1024 * (_kibibytes(status, "VmHWM") - before)
    assert taken <= most, f"{taken / 2**20:.0f} MiB"


def _kibibytes(status: Path, field: str) -> int:
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith(field))
