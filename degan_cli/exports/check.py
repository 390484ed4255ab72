"""Whether what was written gives what the classifier gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from ..errors import Diverged, turned_into
from .about import Export

BOUND = 1e-4
"""The largest difference that passes, as a share of the largest output, or of 1 where outputs are smaller: float32
sums in another order come to about 1e-6."""
BATCHES = (1, 7)
"""One image, and a number that nobody traced with."""
ADVICE = "nothing was written; choose another format with --to"


def opened(
    export: Export, load: Callable[[Export, Path], Callable[[Tensor], Tensor]], path: Path, loader: str
) -> Callable[[Tensor], Tensor]:
    """What ``load`` makes of a file or folder that was just written; raises Diverged when it cannot open it.

    :param loader: what loads it, for messages.
    """
    failed = f"{loader} cannot open the result"
    with turned_into(lambda error: Diverged(f"{failed} ({type(error).__name__}: {error}); {ADVICE}")):
        return load(export, path)


def largest_difference(export: Export, run: Callable[[Tensor], Tensor], loader: str) -> tuple[float, float]:
    """The largest difference between outputs on the same random images in [0, 1], and the bound it keeps.

    :param run: pixels (batch, C, H, W) to outputs (batch, classes), as a user of the written file has them.
    :param loader: what loaded it, for messages.
    :raises Diverged: when the difference is above the bound, or the result does not run.
    """
    generator = torch.Generator().manual_seed(0)
    images = torch.rand((max(BATCHES), *export.classifier.input.shape), generator=generator)
    differences, largest = [], 1.0
    with torch.no_grad():
        for batch in (images[:count] for count in BATCHES):
            logits = export.classifier(batch)
            expected = logits.softmax(dim=1) if export.softmax else logits
            differences.append(float((_outputs(run, batch, loader) - expected).abs().max()))
            largest = max(largest, float(expected.abs().max()))
    difference, bound = float(torch.tensor(differences).max()), BOUND * largest  # NaN stays NaN
    if not difference <= bound:  # which NaN is not either
        raise Diverged(
            f"{loader} gives outputs that differ by {difference:.2g} from the classifier's, more than {bound:.2g}; "
            f"{ADVICE}"
        )
    return difference, bound


def _outputs(run: Callable[[Tensor], Tensor], images: Tensor, loader: str) -> Tensor:
    failed = f"{loader} cannot run the result with {len(images)} images"
    with turned_into(lambda error: Diverged(f"{failed} ({type(error).__name__}: {error}); {ADVICE}")):
        return run(images)
