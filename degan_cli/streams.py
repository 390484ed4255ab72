"""The standard streams of the executable: whatever they lead to, they neither end a run nor change its exit code.

A caller may have closed some of them, a disk behind them may be full, their reader may have gone. Text on stderr is
then lost, and so is text on stdout whose reader has gone; what stdout cannot take for another reason is an error.
"""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, BinaryIO, TextIO, cast

from .errors import DeganError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

STDIN, STDOUT, STDERR = 0, 1, 2


class _Patient(io.FileIO):
    """Waits for its reader, where whoever made the pipe let it not wait."""

    def write(self, data: ReadableBuffer, /) -> int:
        while (written := cast("int | None", super().write(data))) is None:
            select.select((), (self,), ())
        return written

    def lost(self, data: ReadableBuffer) -> int:
        """Give up, here and in processes that are started: what is written from now on leads nowhere."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)
        return memoryview(data).nbytes


class _Stderr(_Patient):
    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except OSError:  # a full disk may have room for the next line
            return memoryview(data).nbytes


class _Stdout(_Patient):
    was_closed = False
    """By whoever started the process; text is lost then."""

    def write(self, data: ReadableBuffer, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:  # `| head -1` has read enough
            return self.lost(data)
        except OSError as error:
            self.lost(data)
            raise DeganError(f"stdout: cannot be written: {error.strerror}; send it elsewhere") from error


def mend() -> None:
    """Make the process's streams such ones; to be called before any file is opened, which might take a closed one's
    place and then be written to."""
    for number, stream in ((STDIN, sys.stdin), (STDOUT, sys.stdout), (STDERR, sys.stderr)):
        if stream is None:
            _open_nowhere(number)
    # A name of a file need not be text: its bytes are printed as they are.
    stdout = _Stdout(STDOUT, "w", closefd=False)
    stdout.was_closed = sys.stdout is None
    sys.stdin = sys.stdin or _text(io.BufferedReader(io.FileIO(STDIN, closefd=False)))
    sys.stdout = _text(io.BufferedWriter(stdout), sys.stdout, "surrogateescape")
    sys.stderr = _text(io.BufferedWriter(_Stderr(STDERR, "w", closefd=False)), sys.stderr, "backslashreplace")


def _open_nowhere(number: int) -> None:
    try:
        os.fstat(number)
    except OSError:
        opened = os.open(os.devnull, os.O_RDWR)
        if opened != number:
            os.dup2(opened, number)
            os.close(opened)
        os.set_inheritable(number, True)


def _text(buffer: IO[bytes], like: TextIO | None = None, errors: str = "strict") -> TextIO:
    encoding = "utf-8" if like is None else like.encoding
    return io.TextIOWrapper(cast(Any, buffer), encoding, errors, line_buffering=buffer.fileno() == STDERR)


@contextmanager
def all_of_stdout() -> Iterator[BinaryIO]:
    """Stdout for the bytes of a file, which are worth nothing unless all arrive.

    :raises OSError: when they do not, also where the reader has gone.
    """
    sys.stdout.flush()
    raw = getattr(sys.stdout.buffer, "raw", None)
    if not isinstance(raw, _Stdout):  # a test's
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    if raw.was_closed:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    with io.BufferedWriter(_Patient(os.dup(raw.fileno()), "w")) as file:
        yield cast(BinaryIO, file)
