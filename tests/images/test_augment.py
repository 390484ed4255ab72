"""What augmentation may do to an image, checked against every window and mirror image there is."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from degan_cli.images import AUGMENTS, augment


def distinct(count: int, channels: int, height: int, width: int, dtype: torch.dtype = torch.uint8) -> Tensor:
    """Noise without black, so that windows and mirror images all differ and what a crop uncovers is known."""
    generator = torch.Generator().manual_seed(height * width)
    levels = torch.randint(1, 256, (count, channels, height, width), dtype=torch.uint8, generator=generator)
    return levels if dtype == torch.uint8 else levels.to(dtype) / 255


def place_of(image: Tensor, original: Tensor) -> tuple[int, int] | None:
    """Which window (row, column) of the original, padded with black by an eighth of each side, an image is."""
    height, width = image.shape[1:]
    down, right = height // 8, width // 8
    padded = F.pad(original, (right, right, down, down))
    for row, column in itertools.product(range(2 * down + 1), range(2 * right + 1)):
        if torch.equal(image, padded[:, row : row + height, column : column + width]):
            return row, column
    return None


def test_none_returns_the_images_themselves():
    images = distinct(3, 1, 8, 8)
    assert augment(images, "none") is images


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_flip_gives_each_image_or_its_mirror_image(channels, dtype):
    images = distinct(60, channels, 8, 16, dtype)
    torch.manual_seed(0)
    found = augment(images, "flip")
    same = (found == images).flatten(1).all(dim=1)
    mirrored = (found == images.flip(3)).flatten(1).all(dim=1)
    assert (same ^ mirrored).all()
    assert 15 < mirrored.sum() < 45  # a fair coin leaves these bounds once in ten thousand times


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_crop_is_a_window_of_the_image_on_black_and_never_mirrored(channels, dtype):
    images = distinct(40, channels, 8, 16, dtype)
    torch.manual_seed(0)
    places = [place_of(*pair) for pair in zip(augment(images, "crop"), images, strict=True)]
    assert None not in places
    assert len(set(places)) > 5  # drawn for each image by itself


def test_all_windows_occur_and_none_more_often_than_chance_allows():
    images = distinct(1, 1, 8, 16).expand(600, -1, -1, -1)  # 3 x 5 windows, each 40 times on average
    torch.manual_seed(0)
    places = [place_of(image, images[0]) for image in augment(images, "crop")]
    counts = {place: places.count(place) for place in itertools.product(range(3), range(5))}
    assert sum(counts.values()) == 600
    assert 15 < min(counts.values()) <= max(counts.values()) < 70


def test_a_32_pixel_image_moves_by_four_pixels_at_most_and_a_tiny_one_by_one():
    image = torch.zeros(1, 1, 32, 32)
    image[..., 16, 16] = 1
    torch.manual_seed(0)
    spots = augment(image.expand(2000, -1, -1, -1), "crop").nonzero()[:, 2:]  # (2000, 2)
    assert spots.amin(dim=0).tolist() == [12, 12]
    assert spots.amax(dim=0).tolist() == [20, 20]
    tiny = torch.zeros(1, 1, 3, 3)
    tiny[..., 1, 1] = 1
    spots = augment(tiny.expand(200, -1, -1, -1), "crop").nonzero()[:, 2:]
    assert (spots.amin(dim=0).tolist(), spots.amax(dim=0).tolist()) == ([0, 0], [2, 2])


def test_crop_flip_gives_windows_of_images_and_of_mirror_images():
    images = distinct(60, 3, 8, 16)
    torch.manual_seed(0)
    found = augment(images, "crop-flip")
    upright = [place_of(*pair) for pair in zip(found, images, strict=True)]
    mirrored = [place_of(*pair) for pair in zip(found, images.flip(3), strict=True)]
    assert all((left is None) != (right is None) for left, right in zip(upright, mirrored, strict=True))
    assert 15 < upright.count(None) < 45
    assert len(set(upright)) > 5
    assert len(set(mirrored)) > 5


@pytest.mark.parametrize("kind", AUGMENTS)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.bfloat16])
def test_shape_and_dtype_are_kept(kind, dtype):
    images = distinct(5, 3, 16, 8, dtype)
    found = augment(images, kind)
    assert (found.shape, found.dtype) == (images.shape, images.dtype)


@pytest.mark.parametrize("kind", AUGMENTS)
def test_the_images_given_are_left_as_they_were(kind):
    images = distinct(9, 1, 8, 8)
    before = images.clone()
    augment(images, kind)
    assert torch.equal(images, before)


def test_equal_seeds_give_equal_images_and_others_do_not():
    images = distinct(20, 1, 8, 8)
    results = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        results.append(augment(images, "crop-flip"))
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="no augmentation 'rotate'; there are none, crop, flip, crop-flip"):
        augment(distinct(1, 1, 8, 8), "rotate")
