"""What an artifact was made from, and what that was made from: which files are there, and whether they are the same."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .. import artifact
from ..artifact import Header
from ..errors import BadFile
from ..runs.output import SUFFIX

WEIGHT = re.compile(r"@[0-9.eE+-]+$")
"""Of a part of a mixture."""
DEPTH = 6
"""Generations that are followed; files name each other at will."""
FILES: Mapping[str, tuple[str, ...]] = {
    "classifier": ("classifier",),
    "teacher": ("teacher", "classifier"),
    "generator": ("generator",),
    "samples": ("samples",),
    "init": ("init",),
}
"""Roles of parents that are files, or may be, and the settings that name them."""
IMAGES: Mapping[str, str] = {
    "data": "dataset",
    "dataset": "dataset",
    "proxy": "proxy",
    "images": "images",
    "new data": "new_data",
    "samples": "samples",
}
"""Roles of parents that are sets of images, or may be, and the setting that names them."""


@dataclass(frozen=True, kw_only=True)
class Kin:
    """A parent, or a parent's parent."""

    role: str
    sha256: str
    """As it was then."""
    state: str
    """``present``, ``changed`` where the file is another one now, ``missing``, or ``unseen``: images of a data set, a
    folder, an archive or a stored pack, and files from elsewhere, which are not looked at."""
    file: str = ""
    kind: str = ""
    header: Header | None = None
    parents: Sequence[Kin] = ()


def lineage(header: Header, folder: Path, depth: int = DEPTH) -> list[Kin]:
    """The parents that a header names, and theirs as far as the files lie where the run found them, or beside.

    :param folder: of the file with that header.
    """
    return _parents(header, folder, {}, depth)


def _parents(header: Header, folder: Path, hashes: dict[Path, str], depth: int) -> list[Kin]:
    found: list[Kin] = []
    for parent in header.parents:
        role, sha256 = str(parent.get("role", "")), str(parent.get("sha256", ""))
        path = next((path for path in _places(header.run, folder) if _sha256(path, hashes) == sha256), None)
        if path is None:
            nth = sum(one.role == role for one in found)
            found.append(_absent(role, sha256, _value(header.run, role, nth), folder))
            continue
        kin = Kin(role=role, sha256=sha256, state="present", file=str(path), kind="without header")
        try:
            above = artifact.read_header(path)
        except BadFile:  # a state dict from elsewhere
            found.append(kin)
            continue
        parents = _parents(above, path.parent, hashes, depth - 1) if depth else ()
        found.append(replace(kin, kind=above.kind, header=above, parents=parents))
    return found


def _absent(role: str, sha256: str, value: str, folder: Path) -> Kin:
    """A parent of which no file with this content was found; ``value`` is the setting that named it."""
    named = _named({role: value}) if role in FILES else []
    there = [path for one in named for path in (one, folder / one.name) if path.is_file()]
    if not named or there and role == "samples" and _kind(there[0]) != "generator":
        return Kin(role=role, sha256=sha256, state="unseen", file=value, kind="images" if role in IMAGES else "")
    state, path = ("changed", there[0]) if there else ("missing", named[0])
    return Kin(role=role, sha256=sha256, state=state, file=str(path))


def _value(run: Mapping[str, Any], role: str, nth: int) -> str:
    """The setting that named the n-th parent of a role; empty where none did."""
    names = FILES.get(role) or (IMAGES.get(role, ""),)
    value = next((run[name] for name in names if run.get(name) is not None), "")
    values = value if isinstance(value, list) else [value]
    return str(values[nth]) if nth < len(values) else ""


def _kind(path: Path) -> str:
    try:
        return artifact.read_header(path).kind
    except BadFile:
        return ""


def _places(run: Mapping[str, Any], folder: Path) -> list[Path]:
    """Artifacts that the settings of a run name, where they were and beside the file that it made."""
    return [path for one in _named(run) for path in (one, folder / one.name) if path.is_file()]


def _named(run: Mapping[str, Any]) -> list[Path]:
    """Files that settings name, without the weights of a mixture."""
    values = [item for value in run.values() for item in (value if isinstance(value, list) else [value])]
    texts = [WEIGHT.sub("", text) for text in values if isinstance(text, str)]
    return [Path(text) for text in texts if Path(text).suffix == SUFFIX]


def _sha256(path: Path, known: dict[Path, str]) -> str:
    if path not in known:
        known[path] = artifact.file_sha256(path)
    return known[path]
