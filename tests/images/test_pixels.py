from __future__ import annotations

import pytest
import torch

from degan_cli.images import digest, fit, fit_uint8, to_uint8, to_unit

COLOURS = torch.rand(2, 3, 6, 5, generator=torch.Generator().manual_seed(0))


def test_every_level_survives_the_round_trip() -> None:
    levels = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    unit = to_unit(levels)
    assert unit.dtype == torch.float32
    assert (unit.min(), unit.max()) == (0, 1)
    assert torch.equal(to_uint8(unit), levels)


def test_to_uint8_rounds_and_clamps() -> None:
    given = torch.tensor([-0.5, 0.0, 0.4 / 255, 0.6 / 255, 1.0, 7.0])
    assert to_uint8(given).tolist() == [0, 0, 0, 1, 255, 255]
    assert to_uint8(torch.tensor([1.0], dtype=torch.bfloat16)).tolist() == [255]


def test_to_unit_leaves_its_argument_alone() -> None:
    levels = torch.tensor([[3]], dtype=torch.uint8)
    to_unit(levels)
    assert levels.item() == 3


def test_images_that_fit_are_returned_as_they_are() -> None:
    assert fit(COLOURS, 3, 6, 5) is COLOURS
    levels = to_uint8(COLOURS)
    assert fit_uint8(levels, 3, 6, 5) is levels


def test_rgb_becomes_grey_by_luma() -> None:
    primaries = torch.eye(3).view(3, 3, 1, 1)  # a red, a green and a blue image
    assert fit(primaries, 1, 1, 1).flatten().tolist() == pytest.approx([0.299, 0.587, 0.114])


def test_rgb_becomes_grey_as_pillow_does_it() -> None:
    import numpy as np
    from PIL import Image

    levels = to_uint8(COLOURS)
    grey = fit_uint8(levels, 1, 6, 5)
    for ours, image in zip(grey, levels, strict=True):
        theirs = Image.fromarray(image.permute(1, 2, 0).contiguous().numpy()).convert("L")
        assert np.abs(ours[0].numpy().astype(int) - np.asarray(theirs, dtype=int)).max() <= 1


def test_grey_survives_the_way_through_rgb() -> None:
    grey = COLOURS[:, :1]
    rgb = fit(grey, 3, 6, 5)
    assert rgb.shape == (2, 3, 6, 5)
    assert all(torch.equal(rgb[:, [channel]], grey) for channel in range(3))
    torch.testing.assert_close(fit(rgb, 1, 6, 5), grey)


@pytest.mark.parametrize("size", [(3, 3), (12, 9), (6, 10), (1, 1)])
def test_size_changes_keep_range_and_flat_images(size: tuple[int, int]) -> None:
    resized = fit(COLOURS, 3, *size)
    assert resized.shape == (2, 3, *size)
    assert COLOURS.min() <= resized.min() <= resized.max() <= COLOURS.max() + 1e-6
    torch.testing.assert_close(fit(torch.full((1, 1, 6, 5), 0.3), 3, *size), torch.full((1, 3, *size), 0.3))


def test_shrinking_is_antialiased() -> None:
    stripes = torch.tensor([0.0, 1.0]).repeat(16).view(1, 1, 1, 32).expand(1, 1, 32, 32)
    small = fit(stripes, 1, 8, 8)
    assert (small[..., 1:-1] - 0.5).abs().max() < 0.1


def test_gradients_pass() -> None:
    for channels in (1, 3):
        images = COLOURS.clone().requires_grad_()
        fit(images, channels, 3, 4).sum().backward()
        assert images.grad is not None
        assert torch.all(images.grad > 0)


def test_other_channel_counts_are_refused() -> None:
    with pytest.raises(ValueError, match="images of 2 channels cannot be fitted to 3"):
        fit(torch.rand(1, 2, 4, 4), 3, 4, 4)


def test_chunks_do_not_change_the_result() -> None:
    levels = torch.randint(0, 256, (7, 3, 6, 5), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    whole = fit_uint8(levels, 1, 8, 8)
    assert whole.dtype == torch.uint8
    assert torch.equal(fit_uint8(levels, 1, 8, 8, values=2 * 8 * 8), whole)
    assert fit_uint8(levels[:0], 1, 8, 8).shape == (0, 1, 8, 8)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("have", [1, 3])
def test_a_large_picture_is_fitted_channel_by_channel(have: int, channels: int) -> None:
    torch.manual_seed(0)
    picture = torch.randint(0, 256, (1, have, 40, 60), dtype=torch.uint8)
    whole = fit_uint8(picture, channels, 7, 5)
    apart = fit_uint8(picture, channels, 7, 5, values=100)
    assert apart.shape == (1, channels, 7, 5)
    assert int((whole.int() - apart.int()).abs().max()) <= 1


def test_digest_tells_content_and_shape_apart() -> None:
    levels = torch.zeros((2, 1, 2, 2), dtype=torch.uint8)
    changed = levels.clone()
    changed[1, 0, 1, 1] = 1
    assert digest(levels) == digest(levels.clone())
    assert len({digest(levels), digest(changed), digest(levels.view(1, 2, 2, 2))}) == 3
    turned = torch.arange(4, dtype=torch.uint8).view(1, 1, 2, 2)
    assert digest(turned.transpose(2, 3)) == digest(turned.transpose(2, 3).contiguous())
