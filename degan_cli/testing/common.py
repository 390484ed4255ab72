"""What several checks need: a claim, a build that must be clean, and claims on networks."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import wraps
from typing import Concatenate, ParamSpec, Protocol, TypeVar

import torch
from torch import Tensor, nn

from ..models import Classifier
from ..specs import InputSpec, Network

P = ParamSpec("P")
Spec = TypeVar("Spec", bound="Named")


class Broken(AssertionError):
    """A claim of a contract that does not hold; other than an assertion in the author's own code, it says which."""


class Named(Protocol):
    """What every spec has."""

    @property
    def name(self) -> str:
        """As users give it."""


def naming_the_spec(check: Callable[Concatenate[Spec, P], None]) -> Callable[Concatenate[Spec, P], None]:
    """Whatever the author's code raises in a check becomes an AssertionError that names the spec and the check."""

    @wraps(check)
    def checked(spec: Spec, /, *arguments: P.args, **named: P.kwargs) -> None:
        try:
            check(spec, *arguments, **named)
        except Broken:
            raise
        except Exception as error:  # an author's code may raise anything
            reason = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(": ")
            raise Broken(f"{check.__name__} of {spec.name}: its code raises {reason}") from error

    return checked


def require(claim: bool, broken: str) -> None:
    """Raise AssertionError(broken) unless the claim holds; other than ``assert``, also under ``python -O``."""
    if not claim:
        raise Broken(broken)


def built(what: str, build: Callable[[], nn.Module]) -> nn.Module:
    """Build twice under one seed and return the first: equal, plain tensors, no traces in torch's global state."""
    before = _global_state()
    torch.manual_seed(0)
    network = build()
    torch.manual_seed(0)
    again = build()
    require(isinstance(network, nn.Module), f"{what}: build returned {type(network).__name__}, not nn.Module")
    require(_global_state() == before, f"{what}: building changes torch's default dtype, device, grad mode or threads")
    state = network.state_dict()
    for key, value in state.items():
        require(isinstance(value, Tensor), f"{what}: {key} of its state_dict is {type(value).__name__}, not a tensor")
        require(value.device.type == "cpu", f"{what}: {key} is on {value.device}; build on the CPU")
        require(bool(torch.isfinite(value).all()), f"{what}: {key} is not finite when built")
    for key, parameter in network.named_parameters():
        require(parameter.dtype == torch.float32, f"{what}: {key} is {parameter.dtype}, not torch.float32")
        require(parameter.requires_grad, f"{what}: {key} is frozen when built")
    require(equal_states(state, again.state_dict()), f"{what}: two builds under the same seed differ")
    return network


def _global_state() -> tuple[object, ...]:
    return torch.get_default_dtype(), torch.get_default_device(), torch.is_grad_enabled(), torch.get_num_threads()


def equal_states(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    """Whether two state dicts have the same keys and values."""
    return one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def loaded(what: str, network: nn.Module, build: Callable[[], nn.Module]) -> nn.Module:
    """A second network, built under another seed, that took the state dict of the first."""
    torch.manual_seed(1)
    other = build()
    try:
        other.load_state_dict(network.state_dict())
    except RuntimeError as error:
        raise Broken(f"{what}: does not load its own state_dict: {error}") from error
    return other.train(network.training)


def independent(what: str, network: nn.Module, inputs: Tensor) -> Tensor:
    """In eval mode: the same output twice, and for one input alone as in a batch; returns that of the batch."""
    network.eval()
    with torch.no_grad():
        outputs: Tensor = network(inputs)
        again = network(inputs)
        alone = network(inputs[:1])
    require(torch.equal(outputs, again), f"{what}: two passes in eval mode differ")
    require(
        alone.shape == outputs[:1].shape and torch.allclose(alone, outputs[:1], rtol=1e-3, atol=1e-4),
        f"{what}: in eval mode an output depends on the other inputs of the batch",
    )
    return outputs


def require_tensor(what: str, value: object, shape: tuple[int, ...]) -> None:
    """A finite floating point tensor of that shape."""
    if not isinstance(value, Tensor):
        raise Broken(f"{what}: {type(value).__name__}, not a tensor")
    require(tuple(value.shape) == shape, f"{what}: shape {tuple(value.shape)}, not {shape}")
    require(value.is_floating_point(), f"{what}: {value.dtype}, not floating point")
    require(bool(torch.isfinite(value).all()), f"{what}: not finite")


def require_pixels(what: str, images: Tensor) -> None:
    """All of [0, 1]."""
    lowest, highest = float(images.detach().min()), float(images.detach().max())
    require(lowest >= 0 and highest <= 1, f"{what}: pixels from {lowest:.3f} to {highest:.3f}, not in [0, 1]")


def require_gradients(what: str, tensors: Iterable[tuple[str, Tensor]], nonzero: bool = False) -> None:
    """Each of these named tensors got a finite gradient, if wanted one that is not 0 all over."""
    for name, tensor in tensors:
        gradient = tensor.grad
        if gradient is None:
            raise Broken(f"{what}: no gradient reaches {name}")
        require(bool(torch.isfinite(gradient).all()), f"{what}: the gradient of {name} is not finite")
        require(not nonzero or bool(gradient.any()), f"{what}: the gradient of {name} is 0")


def require_rows(what: str, row: dict[str, Tensor]) -> None:
    """Finite, detached scalars."""
    for name, value in row.items():
        require_tensor(f"{what}: {name} of its row", value, ())
        require(not value.requires_grad, f"{what}: {name} of its row is not detached")


@dataclass(frozen=True)
class Snapshot:
    """How a network was, to tell later that it still is so."""

    network: Network
    state: dict[str, Tensor]
    modes: list[bool]
    learning: list[bool]

    @classmethod
    def of(cls, network: Network) -> Snapshot:
        """The network as it is now, without gradients."""
        modes = [module.training for module in network.modules()]
        learning = [weight.requires_grad for weight in network.parameters()]
        return cls(network, copy.deepcopy(network.state_dict()), modes, learning)

    def require_kept(self, what: str, whose: str) -> None:
        """Weights, buffers, modes and what takes gradients are as they were, and there are no gradients or hooks."""
        now = Snapshot.of(self.network)
        require(equal_states(self.state, now.state), f"{what}: changes the {whose}'s weights or buffers")
        require(self.modes == now.modes, f"{what}: leaves the {whose} in another mode, train or eval, than it was in")
        require(self.learning == now.learning, f"{what}: leaves the {whose}'s weights with another requires_grad")
        graded = any(weight.grad is not None for weight in self.network.parameters())
        require(not graded, f"{what}: computes gradients of the {whose}'s weights")
        hooked = any(m._forward_hooks or m._forward_pre_hooks for m in self.network.modules())
        require(not hooked, f"{what}: leaves hooks in the {whose}")


def tiny_classifier(shape: tuple[int, int, int], classes: int) -> Classifier:
    """A classifier with BatchNorm for images (batch, C, H, W) of that shape, H and W divisible by 4."""
    channels, height, width = shape
    features = nn.Sequential(nn.Conv2d(channels, 8, 4, 4), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten())
    network = nn.Sequential(features, nn.Linear(8 * (height // 4) * (width // 4), classes))
    input = InputSpec(channels=channels, height=height, width=width, mean=(0.5,) * channels, std=(0.5,) * channels)
    return Classifier(network, "tiny", tuple(f"class {index}" for index in range(classes)), input)
