"""What ways to teach a classifier new classes a plugin offers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from .methods import NoSettings

if TYPE_CHECKING:
    from torch import Tensor

    from .protocols import ClassifierNetwork, ComputeEngine, Network


class Strategy(Protocol):
    """A way to teach a classifier new classes, as ``StrategySpec.build`` returns it."""

    model: ClassifierNetwork
    """The extended classifier, as the engine prepared it: logits (batch, old + new classes)."""

    def parameters(self) -> list[dict[str, Any]]:
        """What the optimiser updates, as its parameter groups."""

    def parts(self) -> dict[str, Network]:
        """What else learns, by name, so that a checkpoint holds it; usually nothing."""

    def train(self, progress: float) -> None:
        """Put the extended classifier into the mode in which it learns, before each epoch.

        :param progress: the part of all epochs that is over, in [0, 1).
        """

    def loss(self, images: Tensor, labels: Tensor, samples: Tensor | None) -> tuple[Tensor, dict[str, Tensor]]:
        """What to minimise, and detached scalars for ``metrics.jsonl``; it must not wait for the device.

        :param images: new images (batch, C, H, W) in [0, 1].
        :param labels: their classes int64 (batch,), in old ... old + new - 1.
        :param samples: images (batch, C, H, W) in [0, 1] that stand for the old data; None unless ``uses_samples``.
        """

    def finish(self) -> None:
        """What remains to be done to the network after the last update."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategyParts:
    """What a strategy is built from."""

    engine: ComputeEngine
    """Prepares networks, averages over processes; the loop owns backward pass and optimiser."""
    model: ClassifierNetwork
    """The extended classifier: its first outputs, and all that the head does not need anew, are the old one's."""
    old: ClassifierNetwork
    """Frozen, on the device, in eval mode: images (batch, C, H, W) in [0, 1] to logits (batch, old classes)."""
    old_outputs: str = "softmax"
    """What the old classifier's outputs were trained as: one ``softmax``, or a ``sigmoid`` for each class."""
    head: Mapping[str, int]
    """Names of the weights of ``model.network`` that were widened, each with the axis that runs over the classes."""
    settings: Any
    """An instance of ``StrategySpec.settings``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IncrementRecipe:
    """How an extended classifier learns where the user says nothing else."""

    lr: float
    """Of ``--optimiser sgd``; Adam keeps its own."""
    weight_decay: float
    """Of ``--optimiser sgd``: what is added to the gradient of the loss is this times the weight."""
    drops: tuple[float, ...]
    """Parts of the epochs after which the rate falls."""
    drop_factor: float
    """By which it is divided each time."""
    adam_drops: tuple[float, ...] | None = None
    """In place of ``drops`` with ``--optimiser adam``; None takes the same."""


def _never(settings: Any) -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategySpec:
    """A way to teach a classifier new classes that a user can name with ``--strategy``."""

    name: str
    build: Callable[[StrategyParts], Strategy]
    uses_samples: bool = False
    """Whether it wants samples of the old classes, from ``--samples`` or ``--enrich``."""
    keeps_apart: Callable[[Any], bool] = _never
    """By its settings: whether it takes samples for images of no new class, so that new images cannot be samples."""
    one_linear_head: bool = False
    """Whether all classes must be outputs of one linear layer of the network; other networks are refused at once."""
    outputs: str | None = None
    """What it trains outputs as, ``softmax`` or ``sigmoid``; None goes on as the old classifier's were."""
    recipe: IncrementRecipe | None = None
    """None is the tool's own: the optimiser's, and a tenth of the rate after 40, 60 and 80 % of the epochs."""
    settings: type = NoSettings
    """As those of :class:`MethodSpec`."""
    source: str = ""
    kind: ClassVar[str] = "strategy"
    """What messages call it."""
