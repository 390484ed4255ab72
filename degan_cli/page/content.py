"""What a report page shows: values that the job collects and measures, and that the other modules here write down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Ancestor:
    """What an artifact was made from."""

    role: str
    """Such as ``teacher``, ``proxy`` or ``data``."""
    sha256: str
    file: str = ""
    """Where it lies, if it is still there."""
    kind: str = ""
    parents: Sequence[Ancestor] = ()


@dataclass(frozen=True, kw_only=True)
class Subject:
    """An artifact and its run, as files tell of them; all of it may come from a stranger."""

    name: str
    """Short, and different from those of the page's other subjects."""
    file: str
    kind: str
    """``classifier``, ``generator``, ``samples``, ``dataset``, or ``run`` where there is no artifact (yet)."""
    what: str = ""
    """Its architecture or GAN and method."""
    sha256: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, Any] = field(default_factory=dict)
    provider: str = ""
    parents: Sequence[Ancestor] = ()
    rows: Sequence[Mapping[str, Any]] = ()
    """Of its ``metrics.jsonl``."""


@dataclass(frozen=True, kw_only=True)
class Neighbour:
    """A sample and the proxy image that is nearest to it, in pixels and in a classifier's features."""

    sample: Tensor
    """uint8 (C, H, W), as are the other two."""
    by_pixels: Tensor
    by_features: Tensor
    levels: float
    """Root mean square of the difference in pixels, of 255 levels."""
    pixel_ratio: float
    """The distance in pixels, in units of the median distance of a proxy image to its nearest other one."""
    feature_ratio: float
    """The same in features."""

    @property
    def verdict(self) -> str:
        """``copy``, ``near`` or ``new``."""
        if self.levels <= COPY_LEVELS:
            return "copy"
        return "near" if min(self.pixel_ratio, self.feature_ratio) < NEAR else "new"


COPY_LEVELS = 2.0
"""Of 255: a difference that nobody sees."""
NEAR = 1 / 3
"""Of the distance between proxy images, below which a sample is told as nearly one of them."""


@dataclass(frozen=True, kw_only=True)
class Copies:
    """Whether samples are copies of proxy images."""

    proxy: str
    proxy_images: int
    """Compared with."""
    pixel_side: int
    """Of the images whose pixels were compared."""
    samples: int
    verdicts: Mapping[str, int]
    """How many samples of each verdict."""
    nearest: Sequence[Neighbour]
    """The most suspicious samples, the nearest first."""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Samples of one generator or file, as a classifier sees them."""

    images: Tensor
    """uint8 (N, C, H, W)."""
    classes: Tensor | None
    """int64 (N,), predicted; None where there is no classifier."""
    confidence: Tensor | None
    """(N,) in [0, 1]."""
    class_names: Sequence[str]
    copies: Copies | None = None


@dataclass(frozen=True, kw_only=True)
class Content:
    """All that a page shows."""

    subjects: Sequence[Subject]
    seen: Mapping[str, Seen] = field(default_factory=dict)
    """By the name of the subject."""
    measured: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What :func:`degan_cli.loops.evaluate.evaluate_classifier` gave, by the name of the subject."""
    dataset: str = ""
    """On which it was measured."""
    version: str = ""
    """Of the tool."""
    date: str = ""
