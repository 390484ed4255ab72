"""Where a network turns features into classes: the one linear layer that grew for new ones."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from ..errors import UsageError
from ..specs import ClassifierNetwork


def has_linear_head(classifier: ClassifierNetwork, widened: Mapping[str, int]) -> bool:
    """Whether the weights that grew, as :func:`degan_cli.models.widen` gives them, are those of one linear layer."""
    first, *others = _grown(widened)
    return not others and isinstance(classifier.network.get_submodule(first), nn.Linear)


def head_layer(classifier: ClassifierNetwork, widened: Mapping[str, int]) -> tuple[str, nn.Linear]:
    """Name within ``classifier.network`` of its head, and the layer.

    :param widened: the weights that grew, as :func:`degan_cli.models.widen` gives them.
    :raises UsageError: when other weights than those of one linear layer grew.
    """
    names = _grown(widened)
    if not has_linear_head(classifier, widened):
        raise UsageError(
            f'the strategy needs a network whose classes are the outputs of one linear layer, and "'
            f'{classifier.architecture}" has them in {", ".join(names)}; take --strategy replay'
        )
    layer = classifier.network.get_submodule(names[0])
    assert isinstance(layer, nn.Linear)
    return names[0], layer


def _grown(widened: Mapping[str, int]) -> list[str]:
    """Names of the layers whose weights grew."""
    return sorted({name.rpartition(".")[0] for name in widened})
