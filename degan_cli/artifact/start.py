"""Weights of a classifier on file that a new one of the same architecture begins with: its backbone, or all of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ..console import quoted
from ..errors import UsageError
from ..models import Classifier
from ..specs import ArchitectureSpec, InputSpec
from .file import Artifact, expect, read_artifact
from .header import Header
from .weights import completed, mismatches, shapes


@dataclass(frozen=True, slots=True)
class Start:
    """What ``--init`` names."""

    file: Artifact
    header: Header

    @property
    def parent(self) -> dict[str, str]:
        """For the header of what is made from it."""
        return {"role": "init", "sha256": self.file.sha256}

    def statistics_for(self, input: InputSpec) -> InputSpec:
        """``input`` with the mean and std that the weights have learned with, where the channels are theirs."""
        own = self.header.input
        if own is None or own.channels != input.channels:
            return input
        return replace(input, mean=own.mean, std=own.std)

    def put_into(self, classifier: Classifier, spec: ArchitectureSpec) -> str:
        """Copy the weights into a classifier of this architecture; what was taken, for people.

        The head, which is every tensor that changes with the number of classes, stays as it is unless the classes are
        those of the file, in the same order.

        :raises UsageError: when other tensors than those of the head do not fit, as for images of another size.
        """
        wanted = classifier.network.state_dict()
        found = completed(self.file.tensors, wanted)
        count, same = len(classifier.class_names), self.header.class_names == classifier.class_names
        head = set() if same else _changed_by_classes(spec, count, classifier.input)
        backbone = {key: value for key, value in found.items() if key not in head}
        if faults := mismatches(backbone, {key: value for key, value in wanted.items() if key not in head}):
            images = "x".join(map(str, classifier.input.shape))
            raise UsageError(
                f"--init {self.file.path}: does not fit {spec.name} for images of {images}: {faults}; "
                "take images of the channels and size that it was made for, or leave --init out"
            )
        classifier.network.load_state_dict(wanted | backbone)
        if same:
            return f"--init {self.file.path}: all of its weights, for its {count} classes"
        before = len(self.header.class_names)
        others = "others" if count == before else f"{count} instead of {before}"
        return f"--init {self.file.path}: the weights of its backbone; the head is new, for the classes are {others}"


def read_start(path: Path, spec: ArchitectureSpec) -> Start:
    """The classifier on file whose weights a network of ``spec`` begins with.

    :raises BadFile: when it is missing, damaged or no classifier that degan wrote.
    :raises UsageError: when its architecture is another one.
    """
    file = read_artifact(path)
    header = expect(file, file.header, "classifier")
    if header.architecture != spec.name:
        raise UsageError(
            f"--init {file.path}: holds the architecture {quoted(header.architecture)}, but the network here is "
            f'"{spec.name}"; take that one, or leave --init out'
        )
    return Start(file, header)


def _changed_by_classes(spec: ArchitectureSpec, classes: int, input: InputSpec) -> set[str]:
    """Names of the tensors whose shapes follow the number of classes."""
    one, other = (shapes(partial(spec.build, count, input)) for count in (classes, classes + 1))
    return {key for key, value in one.items() if key not in other or other[key].shape != value.shape}
