"""What a run is made from: files and images are known by their content, whatever they are called."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..images import digest
from ..specs import ImageSet

Parent = Mapping[str, Any]
"""``role``, such as classifier or proxy, and ``sha256``: of the file, or of the pixels of a set of images."""


def tested_by(test: ImageSet | None) -> list[Parent]:
    """The images on which a run is measured, if there are any, as one of its parents."""
    return [] if test is None else [{"role": "test data", "sha256": digest(test.images)}]


def refuse_other_inputs(path: Path, before: Iterable[Parent], now: Iterable[Parent], advice: str) -> None:
    """Raise UsageError where what lies at ``path`` was made from another content than a run has now.

    A role that either side does not know is not compared: files of earlier versions hold fewer.
    """
    was, wanted = _by_role(before), _by_role(now)
    for role in was.keys() & wanted.keys():
        for old, new in zip(was[role], wanted[role], strict=False):
            if old != new:
                raise UsageError(
                    f"{path}: made from another content of the {role} (sha256 {old[:12]}, now {new[:12]}); put the "
                    f"former back, {advice}"
                )


def _by_role(parents: Iterable[Parent]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for parent in parents:
        if isinstance(parent, Mapping):
            found.setdefault(str(parent.get("role")), []).append(str(parent.get("sha256")))
    return found
