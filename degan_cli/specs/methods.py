"""What ways to make samples by training a generator a plugin offers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer

    from .protocols import ClassifierNetwork, ComputeEngine, GeneratorNetwork, Network


@dataclass(frozen=True, slots=True)
class NoSettings:
    """For a method that has none of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StudentRecipe:
    """How a student learns where the user says nothing else; for a method, while its samples are being made."""

    epochs: int = 200
    steps_per_epoch: int = 120
    batch_size: int = 256
    optimiser: str = "adam"
    lr: float = 1e-3
    beta1: float = 0.9
    """Of Adam."""
    drops: tuple[float, ...] = (0.4, 0.8)
    """Parts of the epochs after which the rate falls to a tenth."""
    loss: str = "kd"
    """``kd``: softened predictions; ``l1``: distance of the logits."""
    temperature: float = 20.0


class Method(Protocol):
    """A way to train a generator, as ``MethodSpec.build`` returns it."""

    generator: GeneratorNetwork
    """z (batch, latent) -> images in [0, 1]; what the artifact will hold."""

    def step(self, real: Tensor) -> dict[str, Tensor]:
        """One update of all its networks on proxy images (batch, C, H, W) in [0, 1].

        A method that uses no proxy is given an empty tensor (batch, 0, 0, 0): its length is how many images to make.
        Returns detached scalars for ``metrics.jsonl``; it must not wait for the device.
        """

    def state(self) -> dict[str, Network | Optimizer]:
        """Everything that a checkpoint must hold to go on exactly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodParts:
    """What a method is built from."""

    engine: ComputeEngine
    """Places networks, runs ``backward`` and ``autocast``, averages over processes."""
    generator: GeneratorNetwork
    discriminator: nn.Module
    classifier: ClassifierNetwork
    """Frozen, in eval mode: images (batch, C, H, W) in [0, 1], of the GAN's shape, to logits."""
    student: ClassifierNetwork | None = None
    """On the device, where a student learns meanwhile (``degan distill --method``); a step leaves it as it was."""
    latent: int
    lr: float
    settings: Any
    """An instance of ``MethodSpec.settings``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodSpec:
    """A way to make samples, by training a generator, that a user can name with ``--method``."""

    name: str
    build: Callable[[MethodParts], Method]
    uses_proxy: bool = True
    """Whether it learns from images at hand, those of ``--proxy``."""
    uses_student: bool = False
    """Whether it needs the student that learns from its samples, so that ``degan distill`` alone can run it."""
    gan: str = "dcgan"
    """Its backbone, unless ``--gan`` names another."""
    lr: float = 2e-4
    batch_size: int | None = None
    """Images per step; None takes a 25th of the proxy."""
    every: int = 1
    """Steps of the student for one of the generator, where both learn together."""
    replay: str = "none"
    """What keeps earlier samples from being forgotten there: ``none``, a ``bank`` of images, or a ``vae``."""
    proxy_share: float = 0.0
    """Of the student's images there, so many are proxy images, in [0, 0.9]; for a method that uses a proxy."""
    recipe: StudentRecipe = StudentRecipe()
    settings: type = NoSettings
    """A frozen dataclass of int, float, bool or str fields, all with defaults; ``--set name=value`` reaches them.
    ``field(metadata={"help": ..., "min": ..., "max": ..., "choices": (...)})`` documents and bounds a field."""
    source: str = ""
    kind: ClassVar[str] = "method"
    """What messages call it."""

    @property
    def conditions(self) -> frozenset[str]:
        """What holds in a run with it, and so which settings have a use there (:mod:`degan_cli.config`)."""
        return frozenset({"generator", "proxy"} if self.uses_proxy else {"generator"})

    def enrich_defaults(self) -> dict[str, Any]:
        """Settings of ``degan enrich`` that it presets."""
        return {"gan": self.gan, "lr": self.lr} | ({} if self.batch_size is None else {"batch_size": self.batch_size})

    def online_defaults(self) -> dict[str, Any]:
        """Settings of ``degan distill --method`` that it presets, beside those of :attr:`recipe`."""
        sizes = {} if self.batch_size is None else {"update_batch": self.batch_size}
        shares = {"proxy_share": self.proxy_share} if self.uses_proxy else {}
        learning = {"gan": self.gan, "update_lr": self.lr, "update_every": self.every, "replay": self.replay}
        return learning | sizes | shares
