"""Gives a classifier more classes: a wider head of the same architecture, with everything it knows kept in place."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ..errors import BadFile
from ..specs import ArchitectureSpec
from .classifier import Classifier


def widen(old: Classifier, spec: ArchitectureSpec, new_names: Sequence[str]) -> tuple[Classifier, dict[str, int]]:
    """A classifier for the old classes, in their places, and then the new ones.

    The same architecture is built for all classes; every tensor that did not grow is copied, and of those that did,
    the part of the old classes. What belongs to the new classes is initialised as in a fresh network.

    :param spec: the architecture of ``old``.
    :returns: the classifier on the CPU, and the tensors that grew, each with the axis that runs over the classes.
    :raises BadFile: when the network's tensors change otherwise with the number of classes.
    """
    names = (*old.class_names, *new_names)
    network = spec.build(len(names), old.input)
    before, after = old.network.state_dict(), network.state_dict()
    head: dict[str, int] = {}
    with torch.no_grad():
        for key, value in after.items():
            known = before.get(key)
            if known is None or known.ndim != value.ndim:
                raise _unfit(spec, key)
            axes = [i for i, n in enumerate(value.shape) if n != known.shape[i]]
            if [(known.shape[i], value.shape[i]) for i in axes] not in ([], [(len(old.class_names), len(names))]):
                raise _unfit(spec, key)
            if axes:
                head[key] = axes[0]
                value = value.narrow(axes[0], 0, known.shape[axes[0]])
            value.copy_(known)
    if lost := before.keys() - after.keys():
        raise _unfit(spec, min(lost))
    if not head:
        raise BadFile(f'"{spec.name}" cannot take more classes: no weight of it grows with their number')
    return Classifier(network, old.architecture, names, old.input), head


def _unfit(spec: ArchitectureSpec, key: str) -> BadFile:
    return BadFile(f'"{spec.name}" cannot take more classes: its {key} changes in more than its outputs')
