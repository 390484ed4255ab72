from __future__ import annotations

import pytest
import torch

from degan_cli.config import CondenseSettings
from degan_cli.images import to_uint8
from degan_cli.samples.true_images import TrueImages, statistics
from degan_cli.specs import ImageSet


def two_classes() -> TrueImages:
    """Levels 0 ... 9, each an image; the even ones are class 0, and there are six of them with 200."""
    levels = torch.tensor([*range(10), 200], dtype=torch.uint8)
    labels = levels.long() % 2
    images = levels.view(-1, 1, 1, 1).expand(-1, 3, 2, 2).contiguous()
    return TrueImages(ImageSet(images=images, labels=labels, class_names=("even", "odd")), torch.device("cpu"))


def levels(true: TrueImages, images: torch.Tensor) -> list[int]:
    return sorted(to_uint8(true.restore(images))[:, 0, 0, 0].tolist())


def test_images_of_one_class_are_drawn_without_repetition_and_no_more_than_there_are():
    true = two_classes()
    assert levels(true, true.draw(1, 99)) == [1, 3, 5, 7, 9]
    torch.manual_seed(0)
    draws = [levels(true, true.draw(0, 4)) for _ in range(30)]
    assert all(len(set(draw)) == 4 and set(draw) <= {0, 2, 4, 6, 8, 200} for draw in draws)
    assert len(set(map(tuple, draws))) > 5
    assert true.most == 6


def test_the_whole_set_is_normalised():
    true = two_classes()
    whole = torch.cat([true.draw(label, 99) for label in (0, 1)])
    assert float(whole.mean()) == pytest.approx(0, abs=1e-5)
    assert float(whole.std(correction=0)) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("init", ["real", "noise"])
def test_a_start_depends_on_the_seed_alone_and_leaves_the_random_state(init):
    run = CondenseSettings(dataset="d", per_class=3, steps=1, lr=1.0, init=init, seed=7, device="cpu", precision="fp32")
    true = two_classes()
    torch.manual_seed(0)
    first = true.start(run)
    after = torch.rand(1)
    torch.manual_seed(0)
    assert torch.equal(torch.rand(1), after)
    assert [tuple(images.shape) for images in first] == [(3, 3, 2, 2)] * 2
    assert all(torch.equal(one, other) for one, other in zip(first, true.start(run), strict=True))
    pixels = true.restore(torch.cat(first))
    assert float(pixels.min()) > -1e-6
    assert float(pixels.max()) < 1 + 1e-6


def test_statistics_by_hand_and_of_blank_images():
    images = torch.tensor([0, 255, 255, 0, 51, 51, 51, 51], dtype=torch.uint8).view(1, 2, 2, 2).expand(5000, -1, -1, -1)
    mean, std = statistics(images)
    assert mean.flatten().tolist() == pytest.approx([0.5, 0.2])
    assert std.flatten().tolist() == pytest.approx([0.5, 0.01])
