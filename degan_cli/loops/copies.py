"""Whether samples are copies: how near each is to images that it may have been copied from."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..engine import Engine
from ..images import fit_uint8
from ..metrics import nearest
from ..models import Classifier
from .predict import predict_with_features

MOST_PROXY = 5000
MOST_BYTES = 2**28
"""Of the proxy images that are compared with: a random draw of more."""
SPACED = 300
"""Proxy images whose own neighbours say how near is near."""
PIXEL_SIDE = 64
"""At most so many pixels of a side are compared; a copy stays one when it is made smaller."""


@dataclass(frozen=True, kw_only=True)
class Nearness:
    """Of each sample (N,), the nearest proxy image in pixels and in a classifier's features."""

    proxy: Tensor
    """uint8 (M, C, H, W), what was compared with."""
    side: int
    """Of the images whose pixels were compared."""
    by_pixels: Tensor
    """Indices int64 (N,) into ``proxy``."""
    by_features: Tensor
    levels: Tensor
    """Root mean square of the difference in pixels, of 255 levels."""
    pixel_ratio: Tensor
    """The distance in pixels, in units of the median distance of a proxy image to its nearest other one."""
    feature_ratio: Tensor
    """The same in features."""


def find_nearest(engine: Engine, samples: Tensor, proxy: Tensor, classifier: Classifier, seed: int = 0) -> Nearness:
    """Compare samples uint8 (N, C, H, W) with proxy images of the same shape, two at least.

    :param seed: of the draw of the proxy images, where there are too many.
    """
    most = max(2, min(MOST_PROXY, MOST_BYTES // proxy[0].numel()))
    chosen = torch.randperm(len(proxy), generator=torch.Generator().manual_seed(seed))[:most].sort().values
    proxy = proxy[chosen]
    shape = (proxy.shape[1], *(min(PIXEL_SIDE, side) for side in proxy.shape[2:]))
    small_samples, small_proxy = (fit_uint8(images, *shape).flatten(1) for images in (samples, proxy))
    distance, by_pixels = nearest(small_samples, small_proxy)
    _, features, _ = predict_with_features(classifier, samples, engine.device, autocast=engine.autocast)
    _, proxy_features, _ = predict_with_features(classifier, proxy, engine.device, autocast=engine.autocast)
    feature_distance, by_features = nearest(features, proxy_features)
    return Nearness(
        proxy=proxy,
        side=max(shape[1:]),
        by_pixels=by_pixels,
        by_features=by_features,
        levels=distance / small_proxy.shape[1] ** 0.5,
        pixel_ratio=distance / _spacing(small_proxy),
        feature_ratio=feature_distance / _spacing(proxy_features),
    )


def _spacing(points: Tensor) -> float:
    """How far a point (M, D) is from the one next to it, in the median of some; never 0."""
    number = min(SPACED, len(points))
    some = torch.arange(number) * len(points) // number  # spread out: folders have one class after another
    return max(float(nearest(points[some], points, own=some)[0].median()), 1e-12)
