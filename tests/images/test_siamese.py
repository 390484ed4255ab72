"""Each change by hand, and what all of them keep: the same for all batches, gradients, shapes, random numbers."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from degan_cli.images import draw_siamese
from degan_cli.images.siamese import SPREAD

KINDS = ("color", "crop", "cutout", "flip", "scale", "rotate")
LAST = 1 - 1e-6


def change(kind: str, *draws: float, spread: float = SPREAD) -> Callable[[Tensor], Tensor]:
    """The change of a kind for given numbers of [0, 1), as if they had been drawn."""
    numbers = torch.tensor([(KINDS.index(kind) + 0.5) / len(KINDS), *draws, *(3 - len(draws)) * [0.5]])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "rand", lambda count, generator=None: numbers)
        return draw_siamese(flip=True, spread=spread)


def noise(count: int = 3, channels: int = 3, height: int = 8, width: int = 8) -> Tensor:
    return torch.rand(count, channels, height, width, generator=torch.Generator().manual_seed(count + width))


def test_brightness_is_half_a_spread_at_most():
    grey = torch.full((1, 1, 4, 4), 0.4)
    assert change("color", 0.0)(grey).unique().tolist() == pytest.approx([0.4 - SPREAD / 2])
    assert change("color", 0.75)(grey).unique().tolist() == pytest.approx([0.4 + SPREAD / 4])
    assert change("color", 0.0, spread=1.0)(grey).unique().tolist() == pytest.approx([0.4 - 0.5])


def test_saturation_goes_from_grey_to_twice_the_colour():
    images = torch.tensor([0.2, 0.4, 0.9]).view(1, 3, 1, 1).expand(1, 3, 2, 2)
    assert change("color", 0.5, 0.0)(images).unique().tolist() == pytest.approx([0.5])
    doubled = change("color", 0.5, LAST)(images)[0, :, 0, 0]
    torch.testing.assert_close(doubled, torch.tensor([-0.1, 0.3, 1.3]), rtol=0, atol=1e-5)


def test_contrast_goes_from_half_to_half_as_much_again():
    images = torch.tensor([0.2, 0.6]).view(1, 1, 1, 2)
    assert change("color", 0.5, 0.5, 0.0)(images).flatten().tolist() == pytest.approx([0.3, 0.5], abs=1e-5)
    assert change("color", 0.5, 0.5, LAST)(images).flatten().tolist() == pytest.approx([0.1, 0.7], abs=1e-5)


def test_a_crop_moves_by_an_eighth_of_each_side_at_most_and_uncovers_0():
    images = noise(height=8, width=16)
    moved = torch.zeros_like(images)
    moved[..., :-1, 2:] = images[..., 1:, :-2]
    assert torch.equal(change("crop", 0.0, LAST)(images), moved)  # one up, two to the right
    assert torch.equal(change("crop", 0.5, 0.5)(images), images)


def test_a_cutout_is_half_as_wide_and_as_high_and_may_reach_over_the_edge():
    images = noise() + 0.1
    expected = images.clone()
    expected[..., 2:6, 0:2] = 0  # the centre in the middle of the height and on the left edge
    assert torch.equal(change("cutout", 0.5, 0.0)(images), expected)


def test_a_flip_is_done_or_not():
    images = noise()
    assert torch.equal(change("flip", 0.49)(images), images.flip(3))
    assert torch.equal(change("flip", 0.5)(images), images)


def test_a_larger_scale_shows_less_of_the_image_and_a_smaller_one_0_around_it():
    ones = torch.ones(1, 1, 12, 12)
    torch.testing.assert_close(change("scale", 0.0, 0.0)(ones), ones)
    smaller = change("scale", LAST, LAST)(ones)[0, 0]
    torch.testing.assert_close(smaller[1:-1, 1:-1], torch.ones(10, 10))  # 12 / 1.2
    assert smaller[0].abs().max() < 0.5
    unchanged = (1 - 1 / 1.2) / (1.2 - 1 / 1.2)
    torch.testing.assert_close(change("scale", unchanged, unchanged)(noise()), noise())


@pytest.mark.parametrize(("height", "width"), [(41, 41), (41, 61), (61, 41)])
@pytest.mark.parametrize(("draw", "degrees"), [(0.0, -15), (0.5, 0), (LAST, 15)])
def test_a_rotation_keeps_lengths_and_angles_whatever_the_aspect_ratio(height, width, draw, degrees):
    images = torch.zeros(2, 1, height, width)
    middle = (height // 2, width // 2)
    images[0, 0, middle[0] - 1 : middle[0] + 2, middle[1] + 11 : middle[1] + 14] = 1  # 12 to the right
    images[1, 0, middle[0] - 13 : middle[0] - 10, middle[1] - 1 : middle[1] + 2] = 1  # 12 up
    turned = change("rotate", draw)(images)
    for image, angle in zip(turned, (0, 90), strict=True):
        weights = image[0] / image.sum()
        up = float((weights.sum(dim=1) * (middle[0] - torch.arange(height))).sum())
        right = float((weights.sum(dim=0) * (torch.arange(width) - middle[1])).sum())
        assert math.hypot(up, right) == pytest.approx(12, abs=0.1)
        assert math.degrees(math.atan2(up, right)) == pytest.approx(angle + degrees, abs=0.7)


@pytest.mark.parametrize("kind", ["scale", "rotate"])
def test_a_resampling_under_autocast_in_16_bits_is_that_in_32(kind):
    images = noise(height=64, width=64)
    wanted = change(kind, 0.3, 0.9)(images)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(change(kind, 0.3, 0.9)(images), wanted)


@pytest.mark.parametrize("seed", range(12))
def test_every_image_of_every_batch_is_changed_alike(seed):
    torch.manual_seed(seed)
    same = draw_siamese(flip=True)
    images = noise(5)
    whole = same(images)
    assert torch.equal(same(images), whole)
    for index, image in enumerate(images):
        torch.testing.assert_close(same(image[None]), whole[index : index + 1])


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_are_those_of_finite_differences(kind):
    images = noise(2, 3, 4, 6).double().requires_grad_()
    assert torch.autograd.gradcheck(change(kind, 0.2, 0.7, 0.4), (images,))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("channels", [1, 3])
def test_shape_dtype_and_what_is_given_are_kept(kind, dtype, channels):
    images = noise(3, channels, 7, 9).to(dtype)
    before = images.clone()
    found = change(kind, 0.1, 0.9, 0.3)(images)
    assert (found.shape, found.dtype) == (images.shape, dtype)
    assert torch.equal(images, before)


@pytest.mark.parametrize(("flip", "kinds"), [(True, 6), (False, 5)])
def test_all_kinds_occur_equally_often_and_a_flip_only_if_wanted(flip, kinds):
    torch.manual_seed(0)
    images = torch.arange(1.0, 65).view(1, 1, 8, 8)
    counts = dict.fromkeys(("mirrored", "unchanged"), 0)
    for _ in range(600):
        found = draw_siamese(flip)(images)
        counts["mirrored"] += torch.equal(found, images.flip(3))
        counts["unchanged"] += torch.equal(found, images)
    crops = 600 / kinds / 9  # one crop in nine stays where it is
    assert 25 < counts["mirrored"] < 80 if flip else counts["mirrored"] == 0  # a twelfth of 600 is 50
    assert counts["unchanged"] == pytest.approx(crops + (50 if flip else 0), abs=25 if flip else 12)


def test_four_numbers_of_the_global_state_are_used_whatever_is_drawn():
    for seed in range(10):
        torch.manual_seed(seed)
        first = draw_siamese(flip=False)(noise())
        after = torch.rand(1)
        torch.manual_seed(seed)
        assert torch.equal(draw_siamese(flip=False)(noise()), first)
        torch.manual_seed(seed)
        assert torch.equal(torch.rand(5)[4:], after)
