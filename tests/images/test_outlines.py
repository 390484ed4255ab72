"""Outlines of images, worked out by hand, and how often an image becomes them."""

from __future__ import annotations

import pytest
import torch

from degan_cli.images import augmentation
from degan_cli.images.outlines import OUTLINED, outline_some, outlines


def test_an_edge_becomes_a_line_on_black():
    image = torch.zeros(1, 1, 4, 6)
    image[..., 3:] = 0.5  # 0 0 0 .5 .5 .5
    assert outlines(image)[0, 0].tolist() == [[0, 0, 1, 1, 0, 0]] * 4


def test_a_point_becomes_a_square_around_it():
    image = torch.zeros(1, 1, 5, 5)
    image[0, 0, 2, 2] = 1
    wanted = torch.zeros(5, 5)
    wanted[1:4, 1:4] = 1
    assert torch.equal(outlines(image)[0, 0], wanted)


def test_the_largest_gradient_of_all_channels_becomes_one_and_each_channel_has_its_own():
    image = torch.zeros(1, 3, 2, 2)
    image[0, 0, :, 1], image[0, 1, :, 1] = 0.4, 0.2
    assert outlines(image)[0].amax(dim=(1, 2)).tolist() == pytest.approx([1.0, 0.5, 0.0])


def test_a_faint_edge_stays_faint_and_a_plain_image_becomes_black():
    image = torch.zeros(2, 1, 2, 2)
    image[0, 0, :, 1] = 0.05
    assert outlines(image).amax(dim=(1, 2, 3)).tolist() == pytest.approx([0.5, 0.0])


@pytest.mark.parametrize(("side", "width"), [(16, 2), (32, 2), (64, 4), (96, 6)])
def test_lines_are_as_wide_whatever_the_size(side, width):
    image = torch.zeros(1, 1, side, side)
    image[..., side // 2 :] = 1
    assert outlines(image)[0, 0, 0].sum() == width


def test_some_images_become_their_outlines_and_the_others_stay():
    torch.manual_seed(0)
    images = torch.rand(2000, 1, 4, 4)
    found = outline_some(images)
    stayed, drawn = ((found == wanted).flatten(1).all(dim=1) for wanted in (images, outlines(images)))
    assert (stayed ^ drawn).all()
    assert drawn.float().mean().item() == pytest.approx(OUTLINED, abs=0.03)


def test_the_option_changes_strongly_what_was_drawn(monkeypatch):
    monkeypatch.setattr("degan_cli.images.strong._sometimes", lambda values, _: values)  # every change, to all
    images = torch.rand(8, 3, 16, 16)
    before = images.clone()
    found = augmentation("outlined")(images)
    assert found.shape == images.shape
    assert 0 <= found.min() <= found.max() <= 1
    assert not torch.equal(found, images)
    assert torch.equal(images, before)
