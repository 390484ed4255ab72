"""What networks a plugin offers: classifiers, and GAN backbones."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn


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

    def describe(self) -> str:
        """In words: channels, width and height in pixels, mean and std of pixels in [0, 1]."""
        kind = {1: "grey", 3: "colour"}.get(self.channels, f"{self.channels} channels")
        mean, std = (",".join(f"{value:.4g}" for value in values) for values in (self.mean, self.std))
        return f"{kind} {self.width}x{self.height}, mean {mean}, std {std}"

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
    """(number of classes, input) -> a fresh module on the CPU: normalised images to logits (batch, classes).

    Its attribute ``feature_layer``, if it has one, names the layer whose input is what DAFL takes for features; without
    it that is the linear layer which runs last.
    """
    channels: tuple[int, ...] = (1, 3)
    """Those that it takes: 1 is grey, 3 is colour. Images of the other kind are turned into the first one here."""
    size: int | None = None
    """The side in pixels it insists on; None takes the data's, if that is at least ``min_size``."""
    min_size: int = 32
    statistics: Callable[[int], tuple[tuple[float, ...], tuple[float, ...]]] = to_minus_one_one
    """Number of channels -> (mean, std) of the input."""
    published_size: tuple[int, int] | None = None
    """Height and width in pixels of the images for which its published weights are meant, as ``statistics`` are; None
    where there are none."""
    source: str = ""
    """Paper, section or table that it follows."""

    def __post_init__(self) -> None:
        """Raise ValueError for channels of images that there are not."""
        if not self.channels or not set(self.channels) <= {1, 3}:
            raise ValueError(f'architecture "{self.name}": channels are (1,), (3,) or (1, 3), not {self.channels}')

    def input_for(self, channels: int, height: int, width: int) -> InputSpec:
        """The input this network takes for data of the given shape, which is then fitted to it."""
        if channels not in self.channels:
            channels = self.channels[0]
        if self.size is not None:
            height = width = self.size
        else:
            height, width = max(height, self.min_size), max(width, self.min_size)
        mean, std = self.statistics(channels)
        return InputSpec(channels=channels, height=height, width=width, mean=mean, std=std)


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
    """Side of the square images in pixels."""
    latent: int = 100
    """Length of the noise vector z ~ N(0, I)."""
    width: int = 64
    """Channels of the widest-resolution hidden layer; the others are multiples of it."""

    @property
    def doublings(self) -> int:
        """How often a smallest map of 4 to 7 pixels a side is doubled: 3 times to 32 pixels, 4 times to 64 and 96."""
        return (self.size // 4).bit_length() - 1

    @property
    def start(self) -> int:
        """Side of that smallest map: 4 for 32, 64, 128, ... and 6 for 48, 96, 192, ... pixels."""
        return self.size >> self.doublings


@dataclass(frozen=True, slots=True, kw_only=True)
class GanSpec:
    """A pair of networks that a user can name with ``--gan``."""

    name: str
    generator: Callable[[GanShape], nn.Module]
    """Shape -> module: z (batch, latent) to images (batch, channels, size, size) in [0, 1]."""
    discriminator: Callable[[GanShape], nn.Module]
    """Shape -> module: images in [0, 1] to logits (batch,), positive for real."""
    min_size: int = 32
    starts: tuple[int, ...] = (4,)
    """Sides of the smallest maps that it can double: (4,) makes 32, 64, 128, ... pixels, (4, 6) also 48, 96, ..."""
    source: str = ""

    def shape_for(self, input: InputSpec, latent: int, width: int) -> GanShape:
        """What to build it for, to make images for a classifier: the least size that has both of its sides."""
        side = max(self.min_size, input.height, input.width)
        size = min(start << (math.ceil(side / start) - 1).bit_length() for start in self.starts)
        return GanShape(channels=input.channels, size=size, latent=latent, width=width)
