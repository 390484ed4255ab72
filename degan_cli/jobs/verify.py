"""Whether artifacts are whole, and what they were made from is still there and the same."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..artifact import Header, read_artifact
from ..artifact.makers import naming_the_missing
from ..config import RerunSettings, VerifySettings
from ..config.arguments import arguments
from ..console import note
from ..errors import BadFile, DeganError
from ..runs.session import Session
from .lineage import Kin, lineage
from .rerun import settings_again

WORDS = {
    "present": "as it was then",
    "changed": "CHANGED since then",
    "missing": "MISSING",
    "unseen": "not looked at",
}
"""What is said of a parent's state."""


@dataclass(frozen=True, kw_only=True)
class Verified:
    """What was found; shown as a tree, or as JSON."""

    trees: Sequence[dict[str, Any]]
    """For each artifact its file, kind, SHA-256, command, and the same of its parents, with their states."""

    @property
    def wrong(self) -> list[str]:
        """Files that are missing, or other ones now."""
        return [
            f"{node['file']} is {node['state']}"
            for tree in self.trees
            for node, _ in _walk(tree)
            if node["state"] in ("changed", "missing")
        ]

    def show(self, as_json: bool, quiet: bool) -> None:
        """Print it on stdout.

        :raises BadFile: after that, where something is wrong.
        """
        if as_json:
            print(json.dumps({"artifacts": list(self.trees), "wrong": self.wrong}, sort_keys=True))
        elif not quiet:
            for tree in self.trees:
                for node, depth in _walk(tree):
                    what = f"{node['role']}: " if depth else ""
                    note(f"{'  ' * depth}{what}{node['file'] or 'not named'} ({node['kind']}), {WORDS[node['state']]}")
                    if node["problem"]:
                        note(f"{'  ' * depth}cannot be made again: {node['problem']}")
            for command in _commands(self.trees):
                print(command)
        if self.wrong:
            raise BadFile("; ".join(self.wrong))


def verify(settings: VerifySettings, session: Session) -> Verified:
    """Follow the lineage of artifacts; see ``degan verify --help``.

    :raises BadFile: for a file that is missing, damaged or no artifact.
    """
    trees = []
    for text in settings.artifacts:
        file = read_artifact(text)
        if file.header is None:
            raise BadFile(f"{text}: no artifact of degan; degan import makes one of a model file from elsewhere")
        own = Kin(
            role="",
            sha256=file.sha256,
            state="present",
            file=text,
            kind=file.header.kind,
            header=file.header,
            parents=lineage(file.header, Path(text).parent),
        )
        trees.append(_node(own, session))
    return Verified(trees=trees)


def _node(kin: Kin, session: Session) -> dict[str, Any]:
    command, problem = (None, "") if kin.header is None else _command(kin.file, kin.header, session)
    return {
        "role": kin.role,
        "file": kin.file,
        "kind": kin.kind or "unknown",
        "sha256": kin.sha256,
        "state": kin.state,
        "command": command,
        "problem": problem,
        "parents": [_node(parent, session) for parent in kin.parents],
    }


def _command(file: str, header: Header, session: Session) -> tuple[str | None, str]:
    """What would make it again; else None, and why its settings cannot be resolved."""
    again = RerunSettings(artifact=Path(file), output=Path(file))
    try:
        with naming_the_missing(file, header, session.plugins):
            command, settings = settings_again(header, again, session)
    except DeganError as error:
        return None, str(error)
    return shlex.join(["degan", command, *arguments(settings)]), ""


def _walk(node: dict[str, Any], depth: int = 0) -> Iterator[tuple[dict[str, Any], int]]:
    yield node, depth
    for parent in node["parents"]:
        yield from _walk(parent, depth + 1)


def _commands(trees: Sequence[dict[str, Any]]) -> list[str]:
    """Each once, parents before what is made from them."""
    found = [node["command"] for tree in trees for node, _ in reversed(list(_walk(tree))) if node["command"]]
    return list(dict.fromkeys(found))
