"""The executable with standard streams as a caller may hand them over, in a process forked from one that has torch."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from degan_cli.app import main

CLOSED, BROKEN, UNREADABLE = "closed", "broken", "unreadable"
FULL = "/dev/full"
KEPT = {1: "out.txt", 2: "err.txt"}


@dataclass(frozen=True)
class Ended:
    """A process that has ended, and what reached the streams that went to files."""

    code: int | None
    out: bytes
    err: str


def degan(
    folder: Path, arguments: Sequence[str], *, stdin: str = os.devnull, stdout: str = "", stderr: str = ""
) -> Ended:
    """Run the executable in ``folder``.

    :param stdin: the file that it comes from, ``CLOSED``, or ``UNREADABLE``.
    :param stdout: the file that it leads to, ``CLOSED``, or ``BROKEN``: a pipe whose reader has gone; empty keeps it.
    """
    for name in KEPT.values():
        (folder / name).unlink(missing_ok=True)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["degan_cli.app", "degan_cli.jobs", "sklearn.datasets", "torchvision"])
    process = context.Process(target=_degan, args=(folder, list(arguments), (stdin, stdout, stderr)))
    process.start()
    process.join()
    out, err = (folder / name for name in KEPT.values())
    ended = Ended(process.exitcode, out.read_bytes() if out.exists() else b"", err.read_text() if err.exists() else "")
    for path in (out, err):
        path.unlink(missing_ok=True)
    return ended


def _degan(folder: Path, arguments: list[str], streams: tuple[str, str, str]) -> None:
    os.chdir(folder)
    for number, stream in enumerate(streams):
        os.close(number)
        if stream == BROKEN:
            reader, writer = os.pipe()
            os.dup2(writer, number)
            for one in {reader, writer} - {number}:
                os.close(one)
        elif stream != CLOSED:
            name = os.devnull if stream == UNREADABLE else stream or KEPT[number]
            reads = number == 0 and stream != UNREADABLE
            opened = os.open(name, os.O_RDONLY if reads else os.O_WRONLY | os.O_CREAT)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
    # What Python makes of them when it starts.
    made = [
        None if stream == CLOSED else os.fdopen(n, "w" if n else "r", closefd=False) for n, stream in enumerate(streams)
    ]
    sys.stdin, sys.stdout, sys.stderr = made  # type: ignore[assignment]
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = made  # type: ignore[misc]
    sys.argv = ["degan", *arguments]
    main()
