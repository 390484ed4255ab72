"""Differentiable augmentation: each image by itself, by hand where it can be, gradients passing."""

from __future__ import annotations

import pytest
import torch

from degan_cli.images import diff_augment

SIDE = 32


def grey(count, level=0.75, channels=1):
    return torch.full((count, channels, SIDE, SIDE), level)


def changed(images, seed=0):
    torch.manual_seed(seed)
    return diff_augment(images)


@pytest.fixture
def fixed(monkeypatch):
    """Lets all images have these seven random numbers."""

    def fix(*draws):
        monkeypatch.setattr(
            torch, "rand", lambda *shape, **_: torch.tensor(draws)[:, None, None, None, None].expand(shape).clone()
        )

    return fix


STILL = (0.5, 0.5, 0.5)
"""Colour that changes nothing."""
CENTRED = (0.5, 0.5)
"""No translation."""


def test_colour_by_hand(fixed):
    images = torch.tensor([0.2, 0.6])[None, None, None, :].expand(1, 1, SIDE, 2)
    fixed(1.0, 0.5, 0.0, *CENTRED, 0.0, 0.0)
    # + 0.25: 0.45 and 0.85; half of their distance from the mean 0.65: 0.55 and 0.75
    seen = diff_augment(images)[0, 0, -1]  # the hole is in the first corner
    torch.testing.assert_close(seen, torch.tensor([0.55, 0.75]))


def test_no_saturation_is_grey(fixed):
    images = torch.rand(2, 3, SIDE, SIDE)
    fixed(0.5, 0.0, 0.5, *CENTRED, 0.0, 0.0)
    seen = diff_augment(images)
    torch.testing.assert_close(seen[:, 0], seen[:, 2])


def test_translation_and_hole_by_hand(fixed):
    # of offsets -4 ... 4 the first row draw takes -4, and the columns stay; the hole is rows 8 to 23, columns -8 to 7
    fixed(*STILL, 0.0, 0.5, 0.5, 0.0)
    images = torch.arange(SIDE).float()[None, None, :, None].expand(1, 1, SIDE, SIDE) / SIDE
    seen = diff_augment(images)[0, 0]
    expected = torch.cat([torch.full((4, SIDE), 0.5), images[0, 0, :-4]])
    expected[8:24, :8] = 0.5
    torch.testing.assert_close(seen, expected)


def test_each_image_is_changed_by_itself_and_all_kinds_come():
    seen = changed(grey(200))
    assert len({tuple(image.flatten().tolist()) for image in seen}) == 200
    untouched = seen != 0.5
    sizes = untouched.sum(dim=(1, 2, 3)).tolist()
    assert min(sizes) >= 28 * 28 - 16 * 16
    assert max(sizes) <= SIDE * SIDE - 8 * 8  # a hole with its centre in a corner still covers a quarter of itself


def test_shifts_reach_an_eighth_of_the_side_both_ways_and_no_further():
    images = grey(2000, 0.0)
    images[:, :, 16, 16] = 1.0
    moved = [tuple((image[0] == image.max()).nonzero()[0].tolist()) for image in changed(images) if image.max() > 0.6]
    rows, columns = zip(*moved, strict=True)
    assert {min(rows), min(columns)} == {12}
    assert {max(rows), max(columns)} == {20}


def test_gradients_reach_what_is_left_in_sight(fixed):
    images = torch.rand(2, 1, SIDE, SIDE, requires_grad=True)
    fixed(*STILL, *CENTRED, 0.0, 0.0)
    diff_augment(images).sum().backward()
    torch.testing.assert_close(images.grad[:, :, 8:, :], torch.ones(2, 1, SIDE - 8, SIDE), atol=0.2, rtol=0)
    assert images.grad.sum() == pytest.approx(2 * (SIDE * SIDE - 64), rel=1e-4)


def test_dtype_stays_and_the_images_are_left_as_they_are():
    images = torch.rand(4, 3, 8, 12).to(torch.bfloat16)
    before = images.clone()
    assert changed(images).dtype == torch.bfloat16
    assert changed(images).shape == images.shape
    assert torch.equal(images, before)


def test_the_same_random_state_gives_the_same():
    images = torch.rand(4, 3, 8, 8)
    assert torch.equal(changed(images), changed(images))
    assert not torch.equal(changed(images), changed(images, seed=1))
