"""Where a student's images come from: a generator, stored images, or a weighted mixture of such sources."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor
from torch.optim import Optimizer

from ..errors import BadFile
from ..images import ImageStore, Shuffle, augment, draws, fit, to_uint8, to_unit, within
from ..specs import Network

if TYPE_CHECKING:
    from ..models import Generator

HELD_OUT_FRACTION = 0.2
"""Share of stored images that is kept for selection, as the authors split their proxy data."""


def never() -> int:
    """Nothing interrupts."""
    return 0


class Source(Protocol):
    """Images to learn from, endlessly, and others of the same kind to select by."""

    online: bool
    """Whether the images change while a student learns from them, so that no score can be compared with an earlier."""

    @property
    def device(self) -> torch.device:
        """Where the images are."""

    @property
    def stored_bytes(self) -> int:
        """What must be kept so that the images can be had again."""

    def learn(self, interrupted: Callable[[], int] = never) -> dict[str, Tensor] | None:
        """What changes the images, once before each step of the student; detached scalars to report.

        :param interrupted: asked within what takes long; anything but 0 ends it.
        :returns: None if it was interrupted: all is then as before, so that it can be done again, the same.
        """

    def parts(self) -> dict[str, Network | Optimizer]:
        """Networks and optimisers that a checkpoint must hold."""

    def draw(self, count: int) -> Tensor:
        """This process's next images (count, C, H, W) in [0, 1], on the device."""

    def held_out(self, count: int) -> Tensor:
        """At most ``count`` images uint8 (n, C, H, W) on the device; where a student is selected, ``draw`` has none."""

    def state(self) -> dict[str, Tensor]:
        """What a checkpoint must hold to go on with the next image."""

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Take up what :meth:`state` gave."""


class FixedSource:
    """A source that stays what it is."""

    online = False

    def learn(self, interrupted: Callable[[], int] = never) -> dict[str, Tensor] | None:
        """Nothing to learn: the samples do not change."""
        return {}

    def parts(self) -> dict[str, Network | Optimizer]:
        """Empty: nothing is trained."""
        return {}


class GeneratorSource(FixedSource):
    """Fresh images from a generator in eval mode, so its BatchNorm uses running statistics (as the authors do).

    :param shape: (C, H, W) to fit the images to: a generator's side is a power of two, a classifier's need not be.
    """

    def __init__(self, generator: Generator, device: torch.device, shape: tuple[int, int, int] | None = None) -> None:
        self.generator = generator.eval().requires_grad_(False)
        self.device = device
        self.stored_bytes = network_bytes(generator)
        self._flips = "none"
        own = generator.shape
        self.shape = shape or (own.channels, own.size, own.size)

    def draw(self, count: int) -> Tensor:
        """New noise each time."""
        with torch.no_grad():
            images: Tensor = self.generator(draws.randn(count, self.generator.shape.latent, device=self.device))
        return augment(fit(images, *self.shape), self._flips)

    def mirror_in_turn(self) -> None:
        """From now on mirror every second image, by chance: none comes twice."""
        self._flips = "flip"

    def held_out(self, count: int) -> Tensor:
        """Images from a noise of their own that is the same whenever it is asked for.

        The authors draw new validation noise in each epoch; the best of many noisy scores is biased upward.
        """
        noise = torch.Generator().manual_seed(20)
        z = torch.randn(count, self.generator.shape.latent, generator=noise)
        with torch.no_grad():
            parts = torch.split(z.to(self.device), within(256, self.shape))
            return torch.cat([to_uint8(fit(self.generator(part), *self.shape)) for part in parts])

    def state(self) -> dict[str, Tensor]:
        """Empty: the noise comes from the random state of the run."""
        return {}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """There is no state: the noise comes from the random state of the run."""


class StoredSource(FixedSource):
    """Images uint8 (N, C, H, W), in memory or mapped; a fixed random fifth is held out.

    :param selects: whether a student is selected by those; where nothing is, they are drawn like all others.
    """

    def __init__(self, images: Tensor, device: torch.device, seed: int, name: str, selects: bool = True) -> None:
        if len(images) < 2:
            raise BadFile(
                f"{name}: {len(images)} image(s), but a student needs at least 2: one to learn from, one to select by"
            )
        order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
        kept = max(1, round(len(images) * HELD_OUT_FRACTION))
        self.device = device
        self.stored_bytes = images.nbytes
        self._held_out = ImageStore(images, device, order[:kept])
        self._store = ImageStore(images, device, order[kept:] if selects else None)
        self._shuffle = Shuffle(len(self._store), self._store.home)
        self._mirrored: Tensor | None = None  # bool (N,): how each image comes next time

    def draw(self, count: int) -> Tensor:
        """Each image once per pass, in a new order each pass."""
        indices = self._shuffle.take(count)
        images = to_unit(self._store.take(indices))
        if self._mirrored is None:
            return images
        now = self._mirrored[indices]
        drawn = draws.together(indices.to(self.device)).to(indices.device)  # by all processes
        self._mirrored[drawn] = ~self._mirrored[drawn]
        return torch.where(now.to(self.device)[:, None, None, None], images.flip(3), images)

    def mirror_in_turn(self) -> None:
        """From now on mirror each image every second time.

        Which images begin mirrored is drawn; then each changes from pass to pass, so that two passes show all sides.

        Source: Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", 2024, section 3.6: random flips show half of
        the images the same side twice in a row.
        """
        self._mirrored = torch.randint(2, (len(self._store),)).bool().to(self._store.home)

    def held_out(self, count: int) -> Tensor:
        """The held-out fifth, or the first ``count`` of it."""
        return self._held_out.first(count)

    def state(self) -> dict[str, Tensor]:
        """The order and the position in it, and how each image comes next time."""
        return self._shuffle.state() | ({} if self._mirrored is None else {"mirrored": self._mirrored})

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Take up what :meth:`state` gave."""
        self._shuffle.load_state(state)
        if "mirrored" in state:
            self._mirrored = state["mirrored"].to(self._store.home)


class Mixture(FixedSource):
    """Several sources, each image from one of them with a probability proportional to its weight."""

    def __init__(self, sources: Sequence[Source], weights: Sequence[float]) -> None:
        self.sources = list(sources)
        self.weights = torch.tensor(weights, dtype=torch.float64) / sum(weights)
        self.device = self.sources[0].device
        self.stored_bytes = sum(source.stored_bytes for source in self.sources)

    def draw(self, count: int) -> Tensor:
        """Images in the order of their sources."""
        # The same counts in all processes, which draw together. Chosen on the CPU: the counts are needed there, and
        # reading them from the device would wait for it.
        chosen = torch.multinomial(self.weights, count, replacement=True)
        counts = torch.bincount(chosen, minlength=len(self.sources)).tolist()
        return torch.cat([source.draw(n) for source, n in zip(self.sources, counts, strict=True) if n])

    def held_out(self, count: int) -> Tensor:
        """Held-out images of each source, in proportion to the weights; a source that has fewer repeats them."""
        shares = [max(1, round(float(weight) * count)) for weight in self.weights]
        found = [source.held_out(share) for source, share in zip(self.sources, shares, strict=True)]
        fullest = max(len(images) / share for images, share in zip(found, shares, strict=True))
        numbers = [max(1, round(fullest * share)) for share in shares]
        return torch.cat([images[torch.arange(n) % len(images)] for images, n in zip(found, numbers, strict=True)])

    def state(self) -> dict[str, Tensor]:
        """The states of all sources."""
        return {f"{i}.{k}": v for i, source in enumerate(self.sources) for k, v in source.state().items()}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Give each source its state back."""
        for i, source in enumerate(self.sources):
            source.load_state({k.split(".", 1)[1]: v for k, v in state.items() if k.startswith(f"{i}.")})


def network_bytes(network: Network) -> int:
    """Of all weights and buffers of a network."""
    return sum(value.nbytes for value in network.state_dict().values())
