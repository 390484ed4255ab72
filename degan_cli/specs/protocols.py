"""What the parts that a method or strategy is built from can do, as protocols: the contract names no class of ours.

The classes that play these roles are :class:`degan_cli.models.Classifier`, :class:`degan_cli.models.Generator` and
:class:`degan_cli.engine.Engine`; a plugin's own tests may use others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn
    from torch.optim import Optimizer

    from .networks import GanShape, InputSpec


class Network(Protocol):
    """What is used here of ``torch.nn.Module``, which every network is."""

    training: bool

    def parameters(self) -> Iterator[nn.Parameter]:
        """All weights."""

    def named_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        """All weights by name."""

    def modules(self) -> Iterator[nn.Module]:
        """The network and all its layers."""

    def named_modules(self) -> Iterator[tuple[str, nn.Module]]:
        """The network and all its layers by name."""

    def get_parameter(self, target: str) -> nn.Parameter:
        """The weight of that name."""

    def state_dict(self) -> dict[str, Any]:
        """All weights and buffers by name."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> Any:
        """Take up weights and buffers."""

    def train(self, mode: bool = True) -> Self:
        """Into the mode in which it learns."""

    def eval(self) -> Self:
        """Into the mode in which it is used."""

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Let its weights take gradients, or not."""

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Move it to a device, or give it another memory format."""

    def register_forward_hook(self, hook: Any) -> Any:
        """Call ``hook(network, arguments, result)`` after each call; gives a handle that removes it."""

    def compile(self) -> None:
        """Translate it into machine code at its next call."""


class ClassifierNetwork(Network, Protocol):
    """Images (batch, C, H, W) in [0, 1] to logits (batch, classes); it fits and normalises the images itself."""

    network: nn.Module
    """Normalised images to logits; its ``state_dict`` is what an artifact stores."""
    architecture: str
    class_names: tuple[str, ...]
    input: InputSpec
    mean: Tensor
    """(1, C, 1, 1), of pixels in [0, 1]."""
    std: Tensor
    """(1, C, 1, 1), of pixels in [0, 1]."""

    def __call__(self, images: Tensor) -> Tensor:
        """Logits of images."""


class GeneratorNetwork(Network, Protocol):
    """Noise (batch, latent) to images (batch, C, S, S) in [0, 1]."""

    network: nn.Module
    gan: str
    """Name of the backbone."""
    shape: GanShape

    def __call__(self, z: Tensor) -> Tensor:
        """Images from noise."""


AnyNetwork = TypeVar("AnyNetwork", bound=Network)


class ComputeEngine(Protocol):
    """Where and how a run computes: it places networks, runs backward passes, and averages over processes."""

    @property
    def device(self) -> torch.device:
        """Of all tensors in a step."""

    @property
    def precision(self) -> str:
        """``fp32``, ``bf16`` or ``fp16``."""

    @property
    def processes(self) -> int:
        """How many processes share this run."""

    @property
    def is_main(self) -> bool:
        """Whether this process writes files."""

    def place(self, network: AnyNetwork) -> AnyNetwork:
        """Move a network that is not trained, such as the frozen classifier, to the device."""

    def prepare(self, network: AnyNetwork) -> AnyNetwork:
        """Move a network to the device and let :meth:`backward` average its gradients over the processes."""

    def unwrap(self, network: AnyNetwork) -> AnyNetwork:
        """The network itself, without what :meth:`prepare` put around it."""

    def adam(self, parameters: Iterable[Tensor] | Iterable[dict[str, Any]], lr: float, beta1: float = 0.9) -> Optimizer:
        """Adam with betas (beta1, 0.999)."""

    def autocast(self) -> AbstractContextManager[object]:
        """Compute in the run's precision inside this context."""

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of ``loss``, averaged over the processes."""

    def mean_over_processes(self, values: Tensor) -> Tensor:
        """Mean of a tensor over all processes, for a loss whose gradients :meth:`backward` averages."""
