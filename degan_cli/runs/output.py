"""Where a run writes: its artifact and its run folder, which one command alone may use at a time."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..errors import UsageError, writing

STDOUT = Path("-")
SUFFIX = ".safetensors"
CHECKPOINT = "checkpoint.safetensors"
"""In the run folder, while the run is not complete."""
METRICS = "metrics.jsonl"
"""In the run folder: a row of numbers for each look at the run."""
METRICS_CSV = "metrics.csv"
"""In the run folder with ``--log csv``."""
EVENTS = "tensorboard"
"""In the run folder with ``--log tensorboard``."""
MOST_OF_A_NAME = 150
"""Characters that are kept of a name made from inputs."""
LOCK = ".lock"
"""In the run folder, held while a command writes there; the file stays, for removing it would let two hold it."""


@dataclass(frozen=True, kw_only=True)
class Output:
    """The artifact that a command makes and the run folder beside it."""

    path: Path
    """``-`` is stdout."""
    folder: Path
    """``NAME.run``: metrics, pictures, checkpoint; ``NAME-stdout.run`` of what goes to stdout."""

    @property
    def to_stdout(self) -> bool:
        """Whether the artifact's bytes go to stdout, and the result to stderr."""
        return self.path == STDOUT

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other commands out of the run folder, which is made here.

        :raises UsageError: when another command writes there.
        """
        from filelock import FileLock, Timeout

        lock = FileLock(self.folder / LOCK, timeout=0)
        with writing(self.folder / LOCK):
            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                lock.acquire()
            except Timeout:
                raise UsageError(
                    f"{self.folder}: another degan command writes there; name another place with -o"
                ) from None
            except NotImplementedError:
                raise UsageError(f"{self.folder}: files cannot be locked there; name another place with -o") from None
        try:
            yield
        finally:
            lock.release()

    def check_free(self) -> None:
        """Raise UsageError where the artifact is there already."""
        if not self.to_stdout and self.path.exists():
            raise UsageError(f"{self.path} exists already; name another with -o, or overwrite it with --force")

    def clear(self) -> None:
        """Give up a stopped run that is in the folder."""
        with writing(self.folder):
            for stale in (CHECKPOINT, METRICS, METRICS_CSV):
                (self.folder / stale).unlink(missing_ok=True)
            for events in (self.folder / EVENTS).glob("events.*"):
                events.unlink()

    def has_checkpoint(self) -> bool:
        """Whether there is something to go on from: at any depth, for what a command needs first, such as the generator
        of ``--enrich``, is made inside its run folder."""
        return any(self.folder.rglob(CHECKPOINT))


def choose_output(given: Path | None, derived: str, *, force: bool, resume: bool) -> Output:
    """Decide where a run writes, before it costs any time.

    :param given: the value of ``-o``; None takes ``derived`` in the working folder.
    :param derived: a name made from the inputs, without suffix.
    :raises UsageError: when the artifact exists, or a stopped run's checkpoint, and neither ``--force`` nor
        ``--resume`` says what to do about it; and when nothing can be written there.
    """
    path = given if given is not None else Path(safe_name(derived) + SUFFIX)
    to_stdout = path == STDOUT
    if not to_stdout:
        _check_file(path)
    # Not the folder of an artifact of that name, which may lie there.
    folder = Path(f"{safe_name(derived)}-stdout.run") if to_stdout else path.with_suffix(".run")
    output = Output(path=path, folder=folder)
    if not (force or resume):
        output.check_free()
        if output.has_checkpoint():
            raise UsageError(f"{output.folder} holds a stopped run; go on with --resume, or start anew with --force")
    if not to_stdout:
        make_parent(path)
    return output


def _check_file(path: Path) -> None:
    """Raise UsageError for what cannot be the name of an artifact."""
    if not path.name:
        raise UsageError("-o names no file; write one that ends in .safetensors, or leave -o out")
    check_name(path, "-o")
    if path.suffix != SUFFIX:
        raise UsageError(f"-o {path}: an artifact's name ends in {SUFFIX}; use -o {path.with_suffix(SUFFIX)}")
    if path.is_dir():
        raise UsageError(f"-o {path}: this is a folder; name a file")


def check_name(path: Path, option: str) -> None:
    """Raise UsageError for what can be no file's name: it is too long, holds a NUL, or links lead in a circle."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(f"{option} {path}: {reason}; name another place") from error


def make_parent(path: Path, option: str = "-o") -> None:
    """Make the folder in which ``path`` will lie; raises UsageError when that, or writing there, is not possible."""
    parent = Path(os.path.realpath(path)).parent  # a link keeps pointing to the file it names
    try:
        parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{option} {path}: cannot make its folder ({error.strerror}); name another place") from error
    if not os.access(parent, os.W_OK):
        raise UsageError(f"{option} {path}: its folder is not writable; name another place")


def check_free(path: Path, option: str, force: bool) -> None:
    """Check, before any time is spent, that a file other than an artifact may be written.

    :raises UsageError: when there is one and ``force`` is not set, a folder of that name, or nothing can be written.
    """
    if path == STDOUT:
        return
    check_name(path, option)
    if path.is_dir():
        raise UsageError(f"{option} {path}: this is a folder; name a file")
    if path.exists() and not force:
        raise UsageError(f"{path} exists already; name another with {option}, or overwrite it with --force")
    if not path.exists() or path.is_file():  # a device or pipe is written straight
        make_parent(path, option)


def safe_name(text: str) -> str:
    """A file name made of a text such as ``cifar100:cloud,forest``."""
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.") or "out"
    if len(name) <= MOST_OF_A_NAME:
        return name
    return f"{name[:MOST_OF_A_NAME]}-{hashlib.sha256(text.encode(errors='replace')).hexdigest()[:8]}"


def stem(source: str | Path) -> str:
    """What a path or a data set's name contributes to a derived name."""
    return Path(source).name.removesuffix(SUFFIX)
