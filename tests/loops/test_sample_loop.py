from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from degan_cli.engine import Engine, start
from degan_cli.loops import sample
from degan_cli.loops.sample import draw, generate
from degan_cli.models import Classifier, Generator
from degan_cli.specs import GanShape, InputSpec

GREY = InputSpec(channels=1, height=2, width=2, mean=(0.0,), std=(1.0,))


class FirstNumber(nn.Module):
    """One grey level: the normal distribution function of z's first number, so uniform in [0, 1]."""

    def forward(self, z: Tensor) -> Tensor:
        level = torch.special.ndtr(z[:, :1])
        return level.view(-1, 1, 1, 1).expand(-1, 1, 2, 2)


class Shares(nn.Module):
    """Class k for the grey levels between the k-th and the next border."""

    def __init__(self, *borders: float) -> None:
        super().__init__()
        self.register_buffer("borders", torch.tensor(borders))

    def forward(self, images: Tensor) -> Tensor:
        index = (images.mean(dim=(1, 2, 3))[:, None] > self.borders).sum(1)
        return nn.functional.one_hot(index, len(self.borders) + 1).float() * 9


def classifier(*borders: float) -> Classifier:
    names = tuple("abcdef"[: len(borders) + 1])
    return Classifier(Shares(*borders), "shares", names, GREY)


@pytest.fixture
def generator() -> Generator:
    return Generator(FirstNumber(), "first", GanShape(channels=1, size=2, latent=3))


@pytest.fixture(scope="module")
def engine() -> Engine:
    return start("cpu", "fp32", 0)


def test_the_same_seed_gives_the_same_images_whatever_came_before(engine: Engine, generator: Generator) -> None:
    first = generate(engine, generator, 300, seed=4)
    torch.rand(7)
    assert first.dtype == torch.uint8
    assert first.shape == (300, 1, 2, 2)
    assert torch.equal(generate(engine, generator, 300, seed=4), first)
    assert torch.equal(generate(engine, generator, 10, seed=4), first[:10])
    assert not torch.equal(generate(engine, generator, 300, seed=5), first)


def test_without_a_wish_the_first_images_are_taken(engine: Engine, generator: Generator) -> None:
    drawn = draw(engine, generator, classifier(0.2), 50, seed=3)
    assert torch.equal(drawn.images, generate(engine, generator, 50, seed=3))
    assert drawn.logits is not None
    assert drawn.logits.shape == (50, 2)
    assert drawn.short == {}


@pytest.mark.parametrize("count", [40, 2, 601])
def test_balanced_samples_differ_by_one_at_most(engine: Engine, generator: Generator, count: int) -> None:
    drawn = draw(engine, generator, classifier(0.1, 0.2), count, balanced=True)
    assert drawn.logits is not None
    counts = torch.bincount(drawn.logits.argmax(1), minlength=3)
    assert int(counts.sum()) == len(drawn.images) == count
    assert int(counts.max() - counts.min()) <= 1
    assert drawn.short == {}


def test_logits_belong_to_the_images_as_they_are_stored(engine: Engine, generator: Generator) -> None:
    judge = classifier(0.1, 0.2)
    drawn = draw(engine, generator, judge, 40, balanced=True)
    assert torch.equal(drawn.logits, judge(drawn.images.float() / 255))


def test_only_the_wanted_classes_are_kept(engine: Engine, generator: Generator) -> None:
    drawn = draw(engine, generator, classifier(0.3, 0.6), 100, classes=[2, 0])
    assert set(drawn.logits.argmax(1).tolist()) == {0, 2}
    balanced = draw(engine, generator, classifier(0.3, 0.6), 101, classes=[2, 0], balanced=True)
    assert torch.bincount(balanced.logits.argmax(1), minlength=3).tolist() == [50, 0, 51]


def test_the_search_ends_and_says_which_classes_were_short(
    engine: Engine, generator: Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample, "LEAST_TRIES", 512)
    never, rare = 2.0, 0.99
    drawn = draw(engine, generator, classifier(rare, never), 60, balanced=True)
    assert 1200 <= drawn.tried < 1200 + sample.BATCH
    assert drawn.short[2] == 0
    assert 0 < drawn.short[1] < 20
    assert 0 not in drawn.short
    assert draw(engine, generator, classifier(never), 10, classes=[1]).short == {1: 0}
