"""What a run is made from: files and images are known by their content, whatever they are called."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..images import digest
from ..specs import ImageSet

Parent = Mapping[str, Any]
"""``role``, such as classifier or proxy, and ``sha256``: of the file, or of the pixels of a set of images; ``labels``
is the SHA-256 of what these are called, where a run learns that or is measured by it."""


def labelled_parent(role: str, data: ImageSet) -> Parent:
    """Images as a parent, with their labels if they have any."""
    parent = {"role": role, "sha256": digest(data.images)}
    if data.labels is None:
        return parent
    names = json.dumps(data.class_names).encode()
    labels = data.labels.contiguous().cpu().numpy().tobytes()  # int64
    return parent | {"labels": hashlib.sha256(names + labels).hexdigest()}


def tested_by(test: ImageSet | None) -> list[Parent]:
    """The images on which a run is measured, if there are any, as one of its parents."""
    return [] if test is None else [labelled_parent("test data", test)]


def refuse_other_inputs(path: Path, before: Iterable[Parent], now: Iterable[Parent], advice: str) -> None:
    """Raise UsageError where what lies at ``path`` was made from another content than a run has now."""
    for what, old, new in differences(before, now):
        raise UsageError(
            f"{path}: made from another content of the {what} (sha256 {old[:12]}, now {new[:12]}); "
            f"put the former back, {advice}"
        )


def differences(before: Iterable[Parent], now: Iterable[Parent]) -> Iterator[tuple[str, str, str]]:
    """What is another content in two lists of parents: what it is, and both its hashes.

    What either side does not know is not compared: files of earlier versions hold less.
    """
    was, wanted = _by_role(before), _by_role(now)
    for role in was.keys() & wanted.keys():
        for old, new in zip(was[role], wanted[role], strict=False):
            for key, what in ("sha256", role), ("labels", f"labels of the {role}"):
                if key in old and key in new and old[key] != new[key]:
                    yield what, str(old[key]), str(new[key])


def _by_role(parents: Iterable[Parent]) -> dict[str, list[Parent]]:
    found: dict[str, list[Parent]] = {}
    for parent in parents:
        if isinstance(parent, Mapping):
            found.setdefault(str(parent.get("role")), []).append(parent)
    return found
