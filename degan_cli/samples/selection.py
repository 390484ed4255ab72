"""Of images at hand, those of which a classifier is most certain."""

from __future__ import annotations

import torch
from torch import Tensor

from ..console import shortened
from ..engine import Engine
from ..images import to_unit, within
from ..metrics import class_counts, most_certain
from ..models import Classifier

BATCH = 512
"""Fixed, since sums of another batch size may round otherwise: a resumed run chooses the same images again."""
FEW = 10
"""So many classes at most are all named in a summary."""


class Selection:
    """Chooses images by a classifier's certainty, and counts what it chose.

    :param classifier: on the device; it is put into eval mode.
    :param count: how many images of each set are kept.
    :param balanced: whether each predicted class has a share; :func:`degan_cli.metrics.certainty.most_certain` says
        how, and names the source.
    """

    def __init__(self, engine: Engine, classifier: Classifier, count: int, balanced: bool = False) -> None:
        self.engine = engine
        self.classifier = classifier.eval()
        self.count = count
        self.balanced = balanced
        self.counts = dict.fromkeys(classifier.class_names, 0)
        """Name of each class -> how many of the chosen images the classifier takes for it."""
        self.summaries: list[str] = []
        """What was found in each set, for people."""

    def choose(self, images: Tensor, name: str) -> Tensor:
        """The most certain of images uint8 (N, C, H, W), in their order; all of them where there are no more.

        :param name: what people call the set.
        """
        with torch.no_grad(), self.engine.autocast(), self.engine.eager():
            size = within(BATCH, images.shape[1:], self.classifier.input.shape)
            parts = [self.classifier(to_unit(part.to(self.engine.device))) for part in torch.split(images, size)]
        logits = torch.cat([part.float().cpu() for part in parts])  # (N, classes)
        chosen = most_certain(logits, self.count, self.balanced)
        found = class_counts(logits[chosen].argmax(dim=1), len(self.counts)).tolist()
        counts = dict(zip(self.counts, found, strict=True))
        self.counts = {label: self.counts[label] + count for label, count in counts.items()}
        self.summaries.append(f"{name}: {self._kept(len(images))}; {_described(counts)}")
        return images[chosen]

    def _kept(self, there: int) -> str:
        if self.count > there:
            return f"all {there:,} images are kept, for there are fewer than the {self.count:,} of --select"
        return f"{self.count:,} of {there:,} images are selected"


def _described(counts: dict[str, int]) -> str:
    """How many images of each class, all classes if they are few, else the most frequent; and those without any."""
    found = [label for label, count in counts.items() if count]
    if few := len(counts) <= FEW:
        most = FEW
    else:
        found.sort(key=lambda label: -counts[label])
        most = 5
    text = f"the classifier sees {shortened([f'{label} ({counts[label]:,})' for label in found], most)}"
    missing = [label for label, count in counts.items() if not count]
    if not missing:
        return text
    return (
        f"{text}, and none of {shortened(missing, most)}" if few else f"{text}, and no image of {len(missing)} classes"
    )
