"""What a plugin offers: frozen, typed values, light enough to be imported for ``--help``.

Every ``build``, ``load`` or ``find`` below imports torch when it is called, never before.
Pixels are [0, 1] wherever a value crosses from one of these parts to another.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer

    from .engine import Engine
    from .models import Classifier, Generator


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSpec:
    """The images a classifier takes: pixels in [0, 1], which it normalises itself."""

    channels: int
    height: int
    width: int
    mean: tuple[float, ...]
    """One value per channel, subtracted from the pixels."""
    std: tuple[float, ...]
    """One value per channel, greater than 0, by which the difference is divided."""

    def __post_init__(self) -> None:
        """Raise ValueError unless sizes are positive and mean and std fit the channels."""
        if min(self.channels, self.height, self.width) < 1:
            raise ValueError(f"input {self.channels}x{self.height}x{self.width} has an empty side")
        if len(self.mean) != self.channels or len(self.std) != self.channels:
            raise ValueError(f"mean {self.mean} and std {self.std} must have {self.channels} values each")
        if not all(map(math.isfinite, (*self.mean, *self.std))) or min(self.std) <= 0:
            raise ValueError(f"mean {self.mean} must be finite and std {self.std} greater than 0")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of one image."""
        return self.channels, self.height, self.width

    def to_json(self) -> dict[str, Any]:
        """The value as plain JSON types; :meth:`from_json` takes it back."""
        return asdict(self) | {"mean": list(self.mean), "std": list(self.std)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> InputSpec:
        """Raises KeyError, TypeError or ValueError when ``value`` is not such an object."""
        return cls(
            channels=int(value["channels"]),
            height=int(value["height"]),
            width=int(value["width"]),
            mean=tuple(float(number) for number in value["mean"]),
            std=tuple(float(number) for number in value["std"]),
        )


def to_minus_one_one(channels: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and std that take [0, 1] to [-1, 1], as the paper's networks expect."""
    return (0.5,) * channels, (0.5,) * channels


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchitectureSpec:
    """A classifier that a user can name with ``--arch`` or ``--student``."""

    name: str
    build: Callable[[int, InputSpec], nn.Module]
    """(number of classes, input) -> a fresh module on the CPU: normalised images to logits (batch, classes)."""
    size: int | None = None
    """The side in pixels it insists on; None takes the data's, if that is at least ``min_size``."""
    min_size: int = 32
    statistics: Callable[[int], tuple[tuple[float, ...], tuple[float, ...]]] = to_minus_one_one
    """Number of channels -> (mean, std) of the input."""
    source: str = ""
    """Paper, section or table that it follows."""

    def input_for(self, channels: int, height: int, width: int) -> InputSpec:
        """The input this network takes for data of the given shape."""
        if self.size is not None:
            height = width = self.size
        mean, std = self.statistics(channels)
        return InputSpec(
            channels=channels,
            height=max(height, self.min_size),
            width=max(width, self.min_size),
            mean=mean,
            std=std,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchitectureFamily:
    """Many architectures behind one prefix, such as ``timm/``, found only when one is asked for."""

    prefix: str
    """Ends with a slash."""
    find: Callable[[str], ArchitectureSpec | None]
    """The name after the prefix -> its spec, whose name has the prefix; None when there is no such network."""
    names: Callable[[], Sequence[str]]
    """All names after the prefix; may be slow, is called for suggestions and ``degan list`` only."""
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GanShape:
    """What a GAN backbone is built for."""

    channels: int
    size: int
    """Side of the square images in pixels, a power of two."""
    latent: int = 100
    """Length of the noise vector z ~ N(0, I)."""
    width: int = 64
    """Channels of the widest-resolution hidden layer; the others are multiples of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GanSpec:
    """A pair of networks that a user can name with ``--gan``."""

    name: str
    generator: Callable[[GanShape], nn.Module]
    """Shape -> module: z (batch, latent) to images (batch, channels, size, size) in [0, 1]."""
    discriminator: Callable[[GanShape], nn.Module]
    """Shape -> module: images in [0, 1] to logits (batch,), positive for real."""
    min_size: int = 32
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSet:
    """Images in memory."""

    images: Tensor
    """uint8 (N, C, H, W), C = 1 or 3."""
    labels: Tensor | None
    """int64 (N,), indices into ``class_names``; None when the images have no labels."""
    class_names: tuple[str, ...]
    """Empty when there are no labels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetRequest:
    """What ``DatasetSpec.load`` is asked for."""

    split: str
    """``train`` or ``test``."""
    data_dir: Path
    """The folder of ``--data-dir``; it may be missing."""
    download: bool = False
    """Only then may anything be fetched over the network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetSpec:
    """A set of images that a user can name with ``--dataset``, ``--proxy`` or ``--samples``."""

    name: str
    load: Callable[[DatasetRequest], ImageSet]
    """Raises ``degan_cli.errors.BadFile`` saying which file is missing and what to type."""
    description: str = ""
    source: str = ""


class Method(Protocol):
    """A way to train a generator, as ``MethodSpec.build`` returns it."""

    generator: Generator
    """z (batch, latent) -> images in [0, 1]; what the artifact will hold."""

    def step(self, real: Tensor) -> dict[str, Tensor]:
        """One update of all its networks on proxy images (batch, C, H, W) in [0, 1].

        Returns detached scalars for ``metrics.jsonl``; it must not wait for the device.
        """

    def state(self) -> dict[str, nn.Module | Optimizer]:
        """Everything that a checkpoint must hold to go on exactly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodParts:
    """What a method is built from."""

    engine: Engine
    """Places networks, runs ``backward`` and ``autocast``, averages over processes."""
    generator: Generator
    discriminator: nn.Module
    classifier: Classifier
    """Frozen, in eval mode: images (batch, C, H, W) in [0, 1], of the GAN's shape, to logits."""
    latent: int
    lr: float
    settings: Any
    """An instance of ``MethodSpec.settings``."""


@dataclass(frozen=True, slots=True)
class NoSettings:
    """For a method that has none of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodSpec:
    """A way to make samples that a user can name with ``--method``."""

    name: str
    build: Callable[[MethodParts], Method]
    settings: type = NoSettings
    """A frozen dataclass of int, float, bool or str fields, all with defaults; ``--set name=value`` reaches them.
    ``field(metadata={"help": ..., "min": ..., "max": ..., "choices": (...)})`` documents and bounds a field."""
    source: str = ""


class Strategy(Protocol):
    """A way to teach a classifier new classes, as ``StrategySpec.build`` returns it."""

    model: Classifier
    """The extended classifier, as the engine prepared it: logits (batch, old + new classes)."""

    def parameters(self) -> list[dict[str, Any]]:
        """What the optimiser updates, as its parameter groups."""

    def train(self) -> None:
        """Put the extended classifier into the mode in which it learns, before each epoch."""

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

    engine: Engine
    """Prepares networks, averages over processes; the loop owns backward pass and optimiser."""
    model: Classifier
    """The extended classifier: its first outputs, and all that the head does not need anew, are the old one's."""
    old: Classifier
    """Frozen, on the device, in eval mode: images (batch, C, H, W) in [0, 1] to logits (batch, old classes)."""
    old_outputs: str = "softmax"
    """What the old classifier's outputs were trained as: one ``softmax``, or a ``sigmoid`` for each class."""
    head: Mapping[str, int]
    """Names of the weights of ``model.network`` that were widened, each with the axis that runs over the classes."""
    settings: Any
    """An instance of ``StrategySpec.settings``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StrategySpec:
    """A way to teach a classifier new classes that a user can name with ``--strategy``."""

    name: str
    build: Callable[[StrategyParts], Strategy]
    uses_samples: bool = False
    """Whether it wants samples of the old classes, from ``--samples`` or ``--enrich``."""
    outputs: str | None = None
    """What it trains outputs as, ``softmax`` or ``sigmoid``; None goes on as the old classifier's were."""
    settings: type = NoSettings
    """As those of :class:`MethodSpec`."""
    source: str = ""
