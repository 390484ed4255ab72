"""What strong augmentation may do to an image: its ways one by one, how often, and its limits."""

from __future__ import annotations

import pytest
import torch

from degan_cli.images import augment_strongly
from degan_cli.images.strong import BLOCKS, CONTRAST, PEPPERED, SHARE

KINDS = 10
"""Blocks, zoom, turn, mirror, shift, pepper, roughness, contrast, negative, brightness."""


def only(monkeypatch: pytest.MonkeyPatch, *active: bool) -> None:
    """Let the kinds of change happen or not, in their order: those of ``KINDS``."""
    kinds = iter([*active, *[False] * (KINDS - len(active))])

    def chosen(values, otherwise):
        return values if next(kinds) else torch.full_like(values, otherwise)

    monkeypatch.setattr("degan_cli.images.strong._sometimes", chosen)


@pytest.mark.parametrize("shape", [(4, 3, 32, 32), (4, 1, 28, 20)])
def test_shape_dtype_and_range_are_kept_and_the_images_given_too(shape):
    images = torch.rand(shape)
    before = images.clone()
    found = augment_strongly(images)
    assert (found.shape, found.dtype) == (images.shape, images.dtype)
    assert found.min() >= 0
    assert found.max() <= 1
    assert torch.equal(images, before)


def test_without_any_change_the_images_come_back(monkeypatch):
    only(monkeypatch)
    images = torch.rand(3, 3, 16, 12)
    torch.testing.assert_close(augment_strongly(images), images, atol=1e-5, rtol=0)


def test_a_mirrored_image_is_mirrored_left_to_right(monkeypatch):
    only(monkeypatch, False, False, False, True)
    images = torch.rand(3, 3, 16, 12)
    torch.testing.assert_close(augment_strongly(images), images.flip(3), atol=1e-5, rtol=0)


def test_a_quarter_turn_is_an_exact_one(monkeypatch):
    only(monkeypatch, False, False, True)
    monkeypatch.setattr("torch.rand", lambda *shape, **_: torch.ones(shape))  # the largest angle
    images = torch.arange(2 * 64.0).reshape(2, 1, 8, 8) / 128
    found = augment_strongly(images)
    turned = [torch.rot90(images, turns, (2, 3)) for turns in (1, 3)]
    assert any(torch.allclose(found, each, atol=1e-5) for each in turned)


def test_an_enlarged_image_shows_its_middle(monkeypatch):
    only(monkeypatch, False, True)
    monkeypatch.setattr("torch.rand", lambda *shape, **_: torch.ones(shape))  # the nearest
    ramp = torch.linspace(-1, 1, 101)[None, None, None].expand(1, 1, 101, 101) / 2 + 0.5
    found = augment_strongly(ramp.contiguous())
    assert found[0, 0, 50, 0].item() == pytest.approx(0.2, abs=0.01)  # the middle 0.6 of 0 ... 1
    assert found[0, 0, 50, -1].item() == pytest.approx(0.8, abs=0.01)


def test_a_shift_moves_by_a_fifth_at_most_and_uncovers_black(monkeypatch):
    only(monkeypatch, False, False, False, False, True)
    torch.manual_seed(0)
    white = torch.ones(500, 1, 20, 20)
    found = augment_strongly(white)
    columns = (found[:, 0, 10] > 0.5).sum(dim=1)  # of those rows that are never uncovered
    assert columns.min() == 16
    assert columns.max() == 20


def test_pepper_and_salt_fall_alike_in_all_channels(monkeypatch):
    only(monkeypatch, False, False, False, False, False, True)
    torch.manual_seed(0)
    found = augment_strongly(torch.full((50, 3, 32, 32), 0.5))
    assert torch.equal(found[:, 0], found[:, 1])
    black, white = ((found[:, 0] == value).float().mean().item() for value in (0, 1))
    assert black == pytest.approx(PEPPERED / 2, abs=0.005)
    assert white == pytest.approx(PEPPERED / 2, abs=0.005)


def test_each_kind_of_change_befalls_its_share_of_the_images():
    torch.manual_seed(0)
    images = torch.full((4000, 1, 8, 8), 0.5)
    images[:, :, :4, :4] = 0.25
    found = augment_strongly(images)
    same = torch.isclose(found, images, atol=1e-4).flatten(1).all(dim=1).float().mean().item()
    assert same == pytest.approx((1 - SHARE) ** KINDS, abs=0.015)


def test_a_negative_is_one_and_contrast_and_brightness_stay_within_bounds(monkeypatch):
    images = torch.rand(200, 1, 4, 4)
    only(monkeypatch, False, *[False] * 7, True)
    torch.testing.assert_close(augment_strongly(images), 1 - images, atol=1e-5, rtol=0)
    only(monkeypatch, False, *[False] * 6, True)
    factors = (augment_strongly(torch.full((2000, 1, 4, 4), 0.6)) - 0.5) / 0.1
    assert factors.min().item() == pytest.approx(CONTRAST[0], abs=0.02)
    assert factors.max().item() == pytest.approx(CONTRAST[1], abs=0.02)
    only(monkeypatch, False, *[False] * 8, True)
    added = augment_strongly(torch.full((2000, 1, 4, 4), 0.5)) - 0.5
    assert added.abs().max() == 0.5  # kept within [0, 1]
    assert added.mean().abs() < 0.03


def test_about_half_of_the_blocks_of_an_image_become_one_flat_level(monkeypatch):
    only(monkeypatch, True)
    torch.manual_seed(0)
    images = 0.1 + 0.3 * torch.rand(300, 3, 16, 24)
    found = augment_strongly(images)
    flat = ~torch.isclose(found, images, atol=1e-5).all(dim=1)  # (300, 16, 24)
    blocks = flat.unfold(1, 16 // BLOCKS, 16 // BLOCKS).unfold(2, 24 // BLOCKS, 24 // BLOCKS).flatten(3).float()
    assert set(blocks.mean(dim=3).unique().tolist()) == {0.0, 1.0}  # whole blocks
    assert blocks.mean().item() == pytest.approx(0.5, abs=0.03)
    levels = [found[i].permute(1, 2, 0)[flat[i]].round(decimals=3).unique().tolist() for i in range(300)]
    assert all(len(each) == 1 for each in levels if each)
    assert {each[0] for each in levels if each} == {0.0, 0.5, 1.0}
