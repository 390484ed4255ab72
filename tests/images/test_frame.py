"""Crop, squash and pad, worked out by hand."""

from __future__ import annotations

import pytest
import torch

from degan_cli.images import frame

WIDE = torch.arange(12, dtype=torch.uint8).view(1, 1, 2, 6)  # rows 0 ... 5 and 6 ... 11


def test_a_crop_keeps_the_middle():
    assert frame(WIDE, 5, 5, "crop").tolist() == [[[[2, 3], [8, 9]]]]
    assert frame(WIDE, 10, 20, "crop").tolist() == [[[[1, 2, 3, 4], [7, 8, 9, 10]]]]
    tall = WIDE.transpose(2, 3)
    assert frame(tall, 5, 5, "crop").tolist() == [[[[2, 8], [3, 9]]]]


def test_a_pad_adds_black_on_both_sides():
    padded = frame(WIDE, 4, 6, "pad")
    assert padded.tolist() == [[[[0] * 6, [0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11], [0] * 6]]]
    tall = frame(WIDE.transpose(2, 3), 6, 3, "pad")
    assert tall.shape == (1, 1, 6, 3)
    assert tall[0, 0, 0].tolist() == [0, 6, 0]  # of an odd rest one column less comes first


def test_a_squash_and_what_has_the_shape_already_stay_as_they_are():
    assert frame(WIDE, 5, 5, "squash") is WIDE
    for how in ("crop", "squash", "pad"):
        assert frame(WIDE, 1, 3, how) is WIDE
        assert frame(WIDE, 20, 60, how) is WIDE


def test_no_side_vanishes():
    line = torch.ones(1, 1, 1, 9)
    assert frame(line, 9, 1, "crop").shape == (1, 1, 1, 1)


def test_another_way_is_refused():
    with pytest.raises(ValueError, match="'stretch'"):
        frame(WIDE, 5, 5, "stretch")
