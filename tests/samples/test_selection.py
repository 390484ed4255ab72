"""Of images at hand those of which the classifier is most certain: what is chosen, counted and said."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from degan_cli.engine import Engine
from degan_cli.models import Classifier
from degan_cli.samples import selection
from degan_cli.samples.selection import Selection
from degan_cli.specs import InputSpec


class Levels(nn.Module):
    """Images of one pixel: a class for every 256 / classes levels, the more certain the higher the level in it."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        level = images.flatten(1)[:, :1] * 255  # (batch, 1)
        width = 256 / self.classes
        label = (level / width).floor().long()
        return torch.zeros(len(images), self.classes).scatter(1, label, level - label * width + 1)


def classifier(classes: int) -> Classifier:
    names = tuple(f"c{label}" for label in range(classes))
    return Classifier(Levels(classes), "levels", names, InputSpec(channels=1, height=1, width=1, mean=(0,), std=(1,)))


def pixels(*levels: int) -> torch.Tensor:
    return torch.tensor(levels, dtype=torch.uint8).view(-1, 1, 1, 1)


def test_the_most_certain_are_kept_in_their_order_and_counted(engine: Engine) -> None:
    chooser = Selection(engine, classifier(2), 3)
    chosen = chooser.choose(pixels(5, 127, 128, 200, 90, 60), "mine")
    assert chosen.flatten().tolist() == [127, 200, 90]
    assert chooser.counts == {"c0": 2, "c1": 1}
    assert chooser.summaries == ["mine: 3 of 6 images are selected; the classifier sees c0 (2), c1 (1)"]


def test_shares_of_the_classes(engine: Engine) -> None:
    chooser = Selection(engine, classifier(2), 4, balanced=True)
    chosen = chooser.choose(pixels(127, 126, 125, 124, 129, 130), "mine")
    assert chosen.flatten().tolist() == [127, 126, 129, 130]


def test_all_are_kept_where_there_are_no_more(engine: Engine) -> None:
    chooser = Selection(engine, classifier(3), 1000)
    images = pixels(3, 2, 1)
    assert torch.equal(chooser.choose(images, "mine"), images)
    assert chooser.summaries == [
        "mine: all 3 images are kept, for there are fewer than the 1,000 of --select; "
        "the classifier sees c0 (3), and none of c1, c2"
    ]


def test_several_sets_are_chosen_from_apart_and_counted_together(engine: Engine) -> None:
    chooser = Selection(engine, classifier(2), 1)
    chooser.choose(pixels(5, 6), "a")
    chooser.choose(pixels(128, 129), "b")
    assert chooser.counts == {"c0": 1, "c1": 1}
    assert [summary.partition(":")[0] for summary in chooser.summaries] == ["a", "b"]


def test_of_many_classes_the_most_frequent_are_named(engine: Engine) -> None:
    chooser = Selection(engine, classifier(16), 20)
    chooser.choose(pixels(*[16] * 9, *[32] * 8, 0, 64, 80, 96, 112), "mine")
    (summary,) = chooser.summaries
    assert summary.endswith("sees c1 (9), c2 (8), c0 (1), c4 (1), c5 (1), and no image of 11 classes")
    assert sum(chooser.counts.values()) == 20


def test_the_size_of_the_batches_changes_nothing(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    images = torch.randint(0, 256, (100, 1, 1, 1), dtype=torch.uint8)
    whole = Selection(engine, classifier(4), 30, balanced=True).choose(images, "mine")
    monkeypatch.setattr(selection, "BATCH", 7)
    assert torch.equal(Selection(engine, classifier(4), 30, balanced=True).choose(images, "mine"), whole)
