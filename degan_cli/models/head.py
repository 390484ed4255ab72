"""Where a network turns features into classes: the one linear layer that grew for new ones."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn

from ..errors import UsageError
from ..specs import ClassifierNetwork


def head_layer(classifier: ClassifierNetwork, widened: Mapping[str, int]) -> tuple[str, nn.Linear]:
    """Name within ``classifier.network`` of its head, and the layer.

    :param widened: the weights that grew, as :func:`degan_cli.models.widen` gives them.
    :raises UsageError: when other weights than those of one linear layer grew.
    """
    names = {name.rpartition(".")[0] for name in widened}
    name = min(names)
    layer = classifier.network.get_submodule(name)
    if len(names) > 1 or not isinstance(layer, nn.Linear):
        raise UsageError(
            f'the strategy needs a network whose classes are the outputs of one linear layer, and "'
            f'{classifier.architecture}" has them in {", ".join(sorted(names))}; take --strategy replay'
        )
    return name, layer
