"""Finds the classifier that a generator, or stored samples, were made for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BadFile
from . import Header, load_classifier, read_artifact

if TYPE_CHECKING:
    from ..config.groups import ForeignSettings
    from ..models import Classifier
    from ..plugins import Plugins
    from . import Artifact, Loaded


def find_classifier(
    made: Loaded[Any] | Artifact,
    given: Path | None,
    plugins: Plugins,
    said: ForeignSettings,
    warn: Callable[[str], None],
) -> Loaded[Classifier] | None:
    """The classifier ``given`` by the user; without one, that which the header of ``made`` records, if it is there.

    The recorded path is tried from the working folder, then its file name beside ``made``; a file of other
    content is not it. Another classifier than the recorded one is used if it is given, with a warning.

    :param said: what the user says of a classifier that is a plain state dict; what ``made`` records of it serves, too.
    :param warn: is told of another classifier than the recorded one.
    :raises BadFile: when the given file cannot be used.
    """
    wanted = recorded_sha256(made)
    if given is not None:
        loaded = load_classifier(given, plugins, said)
        if wanted not in ("", loaded.sha256):
            warn(
                f"{made.path} was made for {_called(made)}, --classifier {given} is another one "
                f"(sha256 {loaded.sha256[:12]})"
            )
        return loaded
    recorded = _recorded_path(made)
    if not wanted or recorded is None:
        return None
    for path in (recorded, Path(made.path).parent / recorded.name):
        try:
            file = read_artifact(path) if path.exists() else None
        except BadFile:  # whatever it is, it is not the file that was recorded
            continue
        if file is not None and file.sha256 == wanted:
            return load_classifier(_as_recorded(file, made), plugins, said)
    return None


def _as_recorded(file: Artifact, made: Loaded[Any] | Artifact) -> Artifact:
    """A model from elsewhere with the header that ``made`` records of it, if it does."""
    record = made.header
    told = None if file.description is None else file.description.architecture
    architecture = told if record is None else record.run.get("arch") or told
    if file.header is not None or record is None or architecture is None:
        return file
    classifier = Header(
        kind="classifier", architecture=architecture, class_names=record.class_names, input=record.input
    )
    return replace(file, header=classifier)


def missing_classifier(made: Loaded[Any] | Artifact) -> BadFile:
    """The error to raise where :func:`find_classifier` found none and one is needed."""
    if not recorded_sha256(made):
        return BadFile(f"{made.path} does not say which classifier it was made for; name one with --classifier")
    return BadFile(f"{made.path} was made for {_called(made)}, which is not there; name it with --classifier")


def recorded_sha256(made: Loaded[Any] | Artifact) -> str:
    """SHA-256 of the classifier that ``made`` was made for, ``""`` when its header records none."""
    parents = made.header.parents if made.header is not None else ()
    return next((str(parent.get("sha256", "")) for parent in parents if parent.get("role") == "classifier"), "")


def _recorded_path(made: Loaded[Any] | Artifact) -> Path | None:
    recorded = made.header.run.get("classifier") if made.header is not None else None
    return Path(recorded) if isinstance(recorded, str) and recorded else None


def _called(made: Loaded[Any] | Artifact) -> str:
    path = _recorded_path(made)
    return f"the classifier{f' {path}' if path else ''} (sha256 {recorded_sha256(made)[:12]})"
