"""What ways to make samples by optimising the images themselves a plugin offers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from .methods import NoSettings, StudentRecipe

if TYPE_CHECKING:
    from torch import Generator as Noise
    from torch import Tensor
    from torch.optim import Optimizer

    from .images import ImageSet
    from .protocols import ClassifierNetwork, ComputeEngine, Network


class Inversion(Protocol):
    """A way to optimise images until a classifier takes them for what is wanted, as ``InversionSpec.build`` returns it.

    The loop owns Adam and its steps. What it optimises are *values*, in a space of the method's own choice.
    """

    def begin(self, count: int, noise: Noise) -> tuple[Tensor, Tensor]:
        """First values (count, C, H, W), and targets: classes int64 (count,) or probabilities (count, classes).

        :param noise: a generator on the CPU from which all that is random must be drawn.
        """

    def loss(self, values: Tensor, targets: Tensor, noise: Noise) -> tuple[Tensor, dict[str, Tensor]]:
        """What to minimise, with gradients for ``values``, and detached scalars to report."""

    def pixels(self, values: Tensor) -> Tensor:
        """The images (count, C, H, W) in [0, 1] of values, which may be put in order in place after each step."""

    def learn(self, images: Tensor, targets: Tensor) -> dict[str, Tensor]:
        """What else is updated after each finished batch of images in [0, 1]; detached scalars to report."""

    def state(self) -> dict[str, Network | Optimizer]:
        """Everything that a checkpoint must hold beside the images."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InversionParts:
    """What an inversion is built from."""

    engine: ComputeEngine
    classifier: ClassifierNetwork
    """Frozen, on the device, in eval mode: images (batch, C, H, W) in [0, 1] to logits (batch, classes)."""
    student: ClassifierNetwork | None = None
    """As in :class:`MethodParts`."""
    condensed: ImageSet | None = None
    """A few labelled images of the classifier's input shape and classes, if ``InversionSpec.uses_condensed``."""
    settings: Any
    """An instance of ``InversionSpec.settings``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InversionSpec:
    """A way to make samples, by optimising the images themselves, that a user can name with ``--method``."""

    name: str
    build: Callable[[InversionParts], Inversion]
    """Raises ``degan_cli.errors.UsageError`` for a classifier that it cannot invert."""
    uses_student: bool = False
    """As in :class:`MethodSpec`."""
    uses_condensed: bool = False
    """Whether it expands the few images of ``--condensed``."""
    batch_size: int = 256
    """Images that are optimised together."""
    steps: int = 2000
    """Updates of each batch."""
    lr: float = 0.05
    """Of Adam."""
    every: int = 50
    """Steps of the student for one new batch, where images are made while a student learns."""
    number: int = 10_000
    """Images that ``degan enrich`` makes."""
    recipe: StudentRecipe = StudentRecipe()
    settings: type = NoSettings
    """As those of :class:`MethodSpec`."""
    source: str = ""
    kind: ClassVar[str] = "method"
    """What messages call it."""

    @property
    def conditions(self) -> frozenset[str]:
        """As those of :class:`MethodSpec`."""
        return frozenset({"images", "condensed"} if self.uses_condensed else {"images"})

    def enrich_defaults(self) -> dict[str, Any]:
        """Settings of ``degan enrich`` that it presets."""
        return {"number": self.number, "batch_size": self.batch_size, "steps": self.steps, "lr": self.lr}

    def online_defaults(self) -> dict[str, Any]:
        """Settings of ``degan distill --method`` that it presets, beside those of :attr:`recipe`."""
        return {
            "update_batch": self.batch_size,
            "update_steps": self.steps,
            "update_lr": self.lr,
            "update_every": self.every,
        }
