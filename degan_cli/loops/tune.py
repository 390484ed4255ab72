"""Choosing loss weights without real data: short runs on a grid, scored by what the classifier says of the samples.

The paper tunes lambda_e and lambda_d "by class counts and confidence" and gives no rule. Ours is one number: the
evenness of the classes among samples, times the mean confidence. ``benchmarks/tuning.py`` measures how well this and
other signals agree with the accuracy of the students that the samples teach: at the end of a run well, early in it not.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Any

LAMBDA_E = (0.0, 1.0, 5.0)
LAMBDA_D = (1.0, 5.0, 20.0)


def weight_grid() -> Iterator[tuple[float, float]]:
    """Pairs (lambda_e, lambda_d) to try."""
    yield from itertools.product(LAMBDA_E, LAMBDA_D)


def evenness(counts: Mapping[str, int]) -> float:
    """How many classes there would be if all were as frequent, as a share of all classes, in [0, 1].

    The exponential of the entropy of the class frequencies, divided by the number of classes; 0 without samples.
    """
    total = sum(counts.values())
    if not total:
        return 0.0
    shares = [count / total for count in counts.values() if count]
    return math.exp(-sum(share * math.log(share) for share in shares)) / len(counts)


def score(seen: Mapping[str, Any]) -> float:
    """How useful samples seem to the classifier, in [0, 1]; ``seen`` is what ``enrich`` measures of them."""
    return evenness(seen["class_counts"]) * float(seen["confidence"])
