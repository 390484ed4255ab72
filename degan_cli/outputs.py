"""Where a run writes: its artifact, its run folder, and the closing line that names them."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import report
from .errors import UsageError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from .artifact import Header
    from .engine import Engine

STDOUT = Path("-")
SUFFIX = ".safetensors"
CHECKPOINT = "checkpoint.safetensors"
"""In the run folder, while the run is not complete."""
LOCK = ".lock"
"""In the run folder, held while a command writes there; the file stays, for removing it would let two hold it."""


@dataclass(frozen=True, kw_only=True)
class Output:
    """The artifact that a command makes and the run folder beside it."""

    path: Path
    """``-`` is stdout."""
    folder: Path
    """``NAME.run``: metrics, pictures, checkpoint."""
    as_json: bool
    quiet: bool = False
    """Leaves out what is for people only."""
    anew: bool = False
    """Whether a stopped run that is in the folder is given up."""
    started: float = field(default_factory=time.monotonic)

    @property
    def to_stdout(self) -> bool:
        """Whether the artifact's bytes go to stdout, and the closing line to stderr."""
        return self.path == STDOUT

    @contextmanager
    def alone(self, engine: Engine) -> Iterator[None]:
        """Keep other commands out of the run folder, and clear what is begun anew; every process must come here.

        :raises UsageError: when another command writes there.
        """
        from filelock import FileLock, Timeout

        if engine.is_main:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.folder / LOCK, timeout=0)
            try:
                lock.acquire()
            except Timeout:
                raise UsageError(
                    f"{self.folder}: another degan command writes there; name another place with -o"
                ) from None
            if self.anew:
                for stale in (CHECKPOINT, "metrics.jsonl"):
                    (self.folder / stale).unlink(missing_ok=True)
        engine.wait()
        try:
            yield
        finally:
            if engine.is_main:
                lock.release()

    def finish(
        self,
        kind: str,
        sha256: str,
        metrics: Mapping[str, Any],
        *,
        summary: str = "",
        next_command: str = "",
        reused: bool = False,
    ) -> None:
        """Print the result on stdout, and on stderr what came out and what to run next.

        :param reused: the artifact was complete before; ``seconds`` is not the time it took.
        """
        result: dict[str, Any] = {
            "artifact": str(self.path),
            "kind": kind,
            "sha256": sha256,
            "metrics": dict(metrics),
            "seconds": round(time.monotonic() - self.started, 3),
            "peak_memory_bytes": peak_memory(),
        }
        if reused:
            result["reused"] = True
        if summary and not self.quiet:
            report.note(summary)
        if next_command and not self.quiet and not self.to_stdout:
            report.note(f"next: {next_command}")
        if self.to_stdout:
            report.note(json.dumps(result, sort_keys=True))
        else:
            report.print_result(result, self.as_json)


def peak_memory() -> dict[str, int]:
    """The most memory that this process has held so far: ``host``, and ``device`` where a GPU was used."""
    try:
        import resource
    except ImportError:  # Windows has none
        return {}

    unit = 1 if sys.platform == "darwin" else 1024
    peak = {"host": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit}
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        peak["device"] = int(torch.cuda.max_memory_allocated())
    return peak


def claim(given: Path | None, derived: str, *, force: bool, resume: bool, as_json: bool, quiet: bool = False) -> Output:
    """Decide where a run writes, before it costs any time.

    :param given: the value of ``-o``; None takes ``derived`` in the working folder.
    :param derived: a name made from the inputs, without suffix.
    :raises UsageError: when the artifact exists, or a stopped run's checkpoint, and neither ``--force`` nor
        ``--resume`` says what to do about it; and when nothing can be written there.
    """
    path = given if given is not None else Path(safe_name(derived) + SUFFIX)
    if path == STDOUT:
        return Output(path=path, folder=Path(safe_name(derived) + ".run"), as_json=as_json, quiet=quiet)
    if path.suffix != SUFFIX:
        raise UsageError(f"-o {path}: an artifact's name ends in {SUFFIX}; use -o {path.with_suffix(SUFFIX)}")
    folder = path.with_suffix(".run")
    if path.is_dir():
        raise UsageError(f"-o {path}: this is a folder; name a file")
    if path.exists() and not (force or resume):
        raise UsageError(f"{path} exists already; name another with -o, or overwrite it with --force")
    # At any depth: what a command needs first, such as the generator of --enrich, is made inside its run folder.
    if any(folder.rglob(CHECKPOINT)) and not (force or resume):
        raise UsageError(f"{folder} holds a stopped run; go on with --resume, or start anew with --force")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"-o {path}: cannot make its folder ({error.strerror}); name another place") from error
    if not os.access(path.parent, os.W_OK):
        raise UsageError(f"-o {path}: its folder is not writable; name another place")
    return Output(path=path, folder=folder, as_json=as_json, quiet=quiet, anew=force and not resume)


def finished_before(output: Output, run: Mapping[str, Any], resume: bool) -> tuple[Header, str] | None:
    """With ``--resume``, header and SHA-256 of an artifact that was complete already; else None.

    :raises UsageError: when the artifact is there, but was made with other settings.
    """
    if not resume or output.to_stdout or not output.path.exists() or (output.folder / CHECKPOINT).exists():
        return None
    from .artifact import read_header

    header = read_header(output.path)
    wanted = json.loads(json.dumps(run))
    for key in sorted(header.run.keys() | wanted.keys()):
        if header.run.get(key) != wanted.get(key):
            raise UsageError(
                f"{output.path}: made with {key} {header.run.get(key)!r}, now {wanted.get(key)!r}; "
                "repeat the settings, name another file with -o, or overwrite it with --force"
            )
    return header, hashlib.sha256(output.path.read_bytes()).hexdigest()


def safe_name(text: str) -> str:
    """A file name made of a text such as ``cifar100:cloud,forest``."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.") or "out"


def stem(source: str) -> str:
    """What a path or a data set's name contributes to a derived name."""
    return Path(source).name.removesuffix(SUFFIX)


def describe(
    out: Output, run: Mapping[str, Any], networks: Mapping[str, nn.Module], data: Mapping[str, Tensor]
) -> None:
    """What ``--dry-run`` prints on stdout: settings, sizes of networks and data, and where the result would go."""
    parameters = {name: sum(p.numel() for p in network.parameters()) for name, network in networks.items()}
    # A weight that is trained has a gradient and two moments of Adam beside it.
    weight_bytes = sum(4 * p.numel() * (4 if p.requires_grad else 1) for n in networks.values() for p in n.parameters())
    described = {
        "dry_run": True,
        "artifact": str(out.path),
        "run_folder": str(out.folder),
        "run": dict(run),
        "parameters": parameters,
        "images": {name: list(images.shape) for name, images in data.items()},
        "bytes": {"networks": weight_bytes, "images": sum(images.nbytes for images in data.values())},
    }
    print(json.dumps(described, indent=None if out.as_json else 2, sort_keys=True))
