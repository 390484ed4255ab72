"""From a path on the command line to what a report says of it: header, rows of the run, and ancestors."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .. import artifact
from ..artifact import Artifact, Header
from ..errors import BadFile
from ..page.content import Ancestor, Subject
from ..page.curves import is_number
from ..runs.output import METRICS, SUFFIX
from .lineage import Kin, lineage


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A subject and its file; None where a run has not made one yet."""

    subject: Subject
    file: Artifact | None


def open_subjects(runs: Sequence[str]) -> list[Opened]:
    """Artifacts and run folders, each under a name of its own; an artifact finds its run folder and the reverse.

    :raises BadFile: for what is missing, damaged or neither.
    """
    opened = [_open(Path(text)) for text in runs]
    names: list[str] = []
    for one in opened:
        name, number = one.subject.name, 2
        while name in names:
            name, number = f"{one.subject.name} ({number})", number + 1
        names.append(name)
    return [replace(one, subject=replace(one.subject, name=name)) for one, name in zip(opened, names, strict=True)]


def _open(path: Path) -> Opened:
    if not path.exists():
        raise BadFile(f"{path}: no such file or folder; name an artifact or a run folder")
    if path.name in ("", ".."):
        path = path.resolve()
    folder, made = (path, path.with_suffix(SUFFIX)) if path.is_dir() else (path.with_suffix(".run"), path)
    rows = _rows(folder)
    if path.is_dir() and not made.is_file():
        if not rows:
            raise BadFile(f"{path}: no run folder, it holds no {METRICS}; name an artifact or a run folder")
        return Opened(subject=Subject(name=folder.stem, file=str(path), kind="run", rows=rows), file=None)
    file = artifact.read_artifact(made)
    header = file.header
    if header is None:
        subject = Subject(name=made.stem, file=file.path, kind="classifier", sha256=file.sha256, rows=rows)
        return Opened(subject=subject, file=file)
    subject = Subject(
        name=made.stem,
        file=file.path,
        kind=header.kind,
        what=_made_of(header),
        sha256=file.sha256,
        settings=header.run,
        metrics=header.metrics,
        versions=header.versions,
        provider=header.provider,
        parents=_shown(lineage(header, made.parent)),
        rows=rows,
    )
    return Opened(subject=subject, file=file)


def _made_of(header: Header) -> str:
    """The architecture of a classifier, the GAN and method of a generator."""
    parts = [header.architecture]
    parts += [] if header.gan is None else [f"GAN {header.gan['name']}"]
    parts += [f"method {header.run['method']}"] if header.run.get("method") else []
    return ", ".join(filter(None, parts))


def _rows(folder: Path) -> list[dict[str, Any]]:
    """The rows of a run; of a command that left its training to runs inside, those of the latest."""
    path = folder / METRICS
    if not path.is_file():
        inside = list(folder.glob(f"*.run/{METRICS}"))
        if not inside or folder.suffix != ".run":  # a folder of several runs is none itself
            return []
        path = max(inside, key=lambda one: one.stat().st_mtime)
    rows = []
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
        except ValueError:
            row = None
            if number == len(lines):  # a run that goes on, or was killed, may be in the middle of it
                continue
        if not isinstance(row, dict) or not is_number(row.get("step")):
            raise BadFile(f"{path}: line {number} is no row of a run; fetch or make it again")
        rows.append(row)
    return rows


def _shown(ancestors: Sequence[Kin]) -> list[Ancestor]:
    """As a page shows them: a file that is not the one of then is none."""
    return [
        Ancestor(
            role=one.role,
            sha256=one.sha256,
            file=one.file if one.state == "present" else "",
            kind=one.kind,
            parents=_shown(one.parents),
        )
        for one in ancestors
    ]
