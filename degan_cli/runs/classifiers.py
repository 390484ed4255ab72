"""Classifiers as jobs open them: nobody is left in doubt about the images that they take."""

from __future__ import annotations

from pathlib import Path

from ..artifact import Artifact, Loaded, load_classifier
from ..config.from_stored import command_of
from ..config.groups import ForeignSettings
from ..models import Classifier
from ..specs import InputSpec
from .session import Session

UNNAMED = "unnamed"
"""In a student's ``run`` where nobody named the classes of its teacher."""


def open_classifier(source: Path | Artifact, said: ForeignSettings, session: Session) -> Loaded[Classifier]:
    """:func:`~degan_cli.artifact.load_classifier`, and a line that tells its input."""
    loaded = load_classifier(source, session.plugins, said)
    tell(loaded, session)
    return loaded


def said_of(file: Artifact, said: ForeignSettings) -> ForeignSettings:
    """What the user says of models from elsewhere, of one of two that may both be such: it is for those alone."""
    return said if file.header is None else ForeignSettings()


def is_unnamed(loaded: Loaded[Classifier]) -> bool:
    """Whether nobody named its classes: they are 0, 1, ... in a model from elsewhere, and in what such a one taught.

    The digits of MNIST are numbered too, and those are their names.
    """
    names, run = loaded.model.class_names, loaded.header.run
    numbered = names == tuple(map(str, range(len(names))))
    return numbered and bool(run.get(UNNAMED, command_of(run) is None))


def taught_unnamed(teacher: Loaded[Classifier]) -> dict[str, bool]:
    """What a student's ``run`` holds besides its settings, where its teacher's classes have no names."""
    return {UNNAMED: True} if is_unnamed(teacher) else {}


def tell(loaded: Loaded[Classifier], session: Session) -> None:
    """Say what images a classifier takes; what its architecture decided is a warning."""
    model = loaded.model
    if len(model.class_names) == 1:
        session.warn(
            f"{loaded.path}: it knows one class, so it tells no images apart, and no student can be judged by it"
        )
    if loaded.assumed:
        session.warn(f"{loaded.path}: {loaded.assumed}")
    tell_input(f"{loaded.path}: {model.architecture}, {len(model.class_names)} classes", model.input, session)


def tell_input(who: str, input: InputSpec, session: Session) -> None:
    """Say what images a network takes."""
    session.say(f"{who}, input {input.describe()}")
