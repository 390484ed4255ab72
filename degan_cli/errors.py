"""The mistakes a user can repair; each carries the exit code that scripts rely on.

``app.py`` prints the message as one line on stderr. A message names the option, file or plugin
at fault, what was met, and what to do.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

EXIT_DONE = 0
EXIT_UNEXPECTED = 1


class DeganError(Exception):
    """Base of all expected failures; shown as one line, without a traceback."""

    exit_code = EXIT_UNEXPECTED


class UsageError(DeganError):
    """Options that contradict each other, or an output that exists already."""

    exit_code = 2


class Unwritable(DeganError):
    """A file or folder that cannot be written.

    :param what: it, and why.
    :param repair: what would help.
    """

    def __init__(self, what: str, repair: str) -> None:
        super().__init__(f"{what}; {repair}")
        self.what = what
        self.repair = repair

    def keeping(self) -> Unwritable:
        """The same in a run that has a checkpoint: what would help, and loses nothing of it."""
        first = MAKE_ROOM if self.repair.startswith(MAKE_ROOM) else "see to that"
        return type(self)(self.what, f"{first}, then go on with the same command and --resume")


class UnwritablePlace(Unwritable, UsageError):
    """One that the user had better not named, whatever room there is."""


NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
MAKE_ROOM = "make room there"


def unwritable(path: str | Path, error: OSError) -> Unwritable:
    """What to raise where writing ``path`` failed."""
    reason = error.strerror or str(error) or type(error).__name__
    what = f"{'stdout' if str(path) == '-' else path}: cannot be written: {reason}"
    if error.errno in NO_ROOM:
        return Unwritable(what, f"{MAKE_ROOM}, then run the same command again")
    usage = isinstance(error, PermissionError | NotADirectoryError | IsADirectoryError | FileExistsError)
    kind = UnwritablePlace if usage or error.errno in (errno.ENAMETOOLONG, errno.EROFS, errno.ELOOP) else Unwritable
    return kind(what, "name another file")


@contextmanager
def writing(path: str | Path) -> Iterator[None]:
    """Whatever keeps ``path`` from being written inside is an :class:`Unwritable` that names it."""
    try:
        yield
    except OSError as error:
        raise unwritable(path, error) from error


class UnknownName(UsageError):
    """A name that no built-in and no plugin offers."""


class BadFile(DeganError):
    """An input file or folder that is missing, damaged, or of the wrong kind."""

    exit_code = 3


class PluginError(DeganError):
    """A plugin or an optional dependency that is missing or broken."""

    exit_code = 4


class Diverged(DeganError):
    """Training produced NaN, or a quality gate was not met."""

    exit_code = 5


class OutOfMemory(DeganError):
    """The device has too little memory for these settings."""

    exit_code = 6


class Stopped(DeganError):
    """A run that wrote its checkpoint and ended early; ``--resume`` goes on.

    :param exit_code: 75 when ``--max-minutes`` ran out, 129 after SIGHUP, 130 after Ctrl-C, 143 after SIGTERM.
    """

    def __init__(self, message: str, exit_code: int = 75) -> None:
        super().__init__(message)
        self.exit_code = exit_code


OUT_OF_MEMORY = (
    "out of memory",
    "can't allocate memory",
    "cannot allocate memory",
    "not enough memory",
    "bad_alloc",
    "alloc_failed",
    "allocation_failed",
    "nvml_success",
    "storage size calculation overflowed",
)
"""What lack of memory is called, in small letters, by PyTorch's allocators, C++, Linux, CUDA, cuBLAS and cuDNN; and by
NVML, which fails where CUDA's allocator asks it how much memory is left."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether the machine or the device had too little memory, judged without importing torch."""
    if isinstance(error, DeganError):
        return False
    # torch raises kinds of RuntimeError; an OSError is errno 12.
    said = str(error).lower() if isinstance(error, RuntimeError | OSError) else ""
    return isinstance(error, MemoryError) or any(spelling in said for spelling in OUT_OF_MEMORY)


@contextmanager
def turned_into(
    ours: Callable[[Exception], DeganError], kinds: type[Exception] | tuple[type[Exception], ...] = Exception
) -> Iterator[None]:
    """What other people's code raises inside becomes an error of ours; those that are ours, and lack of memory, pass.

    :param ours: the error to raise instead of the given one.
    :param kinds: what is turned; all exceptions, because a foreign library may raise anything.
    """
    try:
        yield
    except kinds as error:
        if isinstance(error, DeganError) or is_out_of_memory(error):
            raise
        raise ours(error) from error
