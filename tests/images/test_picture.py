"""The picture of a generator's samples: what it shows of whom, and that it fits on a screen."""

from __future__ import annotations

import pytest
import torch
from PIL import Image

from degan_cli.images.picture import by_class, class_picture, emptiest_and_fullest, grid


def test_few_classes_keep_their_order() -> None:
    assert emptiest_and_fullest([5, 0, 9], 3) == [0, 1, 2]


def test_of_many_classes_the_emptiest_come_first_then_the_fullest() -> None:
    assert emptiest_and_fullest([5, 0, 9, 1, 7], 4) == [1, 3, 2, 4]
    assert emptiest_and_fullest([5, 0, 9, 1, 7], 3) == [1, 3, 2]
    assert emptiest_and_fullest([2, 2, 2, 2], 2) == [0, 3]


def test_a_row_holds_the_best_of_its_class_and_is_white_beyond() -> None:
    images = torch.tensor([0.1, 0.2, 0.3, 0.4]).view(4, 1, 1, 1)
    rows = by_class(images, torch.tensor([0, 1, 0, 0]), [1, 0], rank=torch.tensor([0.5, 1.0, 0.9, 0.1]), columns=2)
    assert rows.flatten(1).tolist() == [pytest.approx([0.2, 1.0]), pytest.approx([0.3, 0.1])]


@pytest.mark.parametrize(("classes", "channels", "side"), [(10, 1, 32), (10, 3, 224), (100, 3, 32), (2, 3, 2000)])
def test_a_picture_is_at_most_1500_pixels_wide_and_high(tmp_path, classes, channels, side) -> None:
    images, labels = torch.rand(4, channels, side, side), torch.tensor([0, 1, 1, classes - 1])
    names = [f"a class with a long name, as those of ImageNet are, {k}" for k in range(classes)]
    class_picture(images, labels, names, tmp_path / "p.png")
    with Image.open(tmp_path / "p.png") as picture:
        assert max(picture.size) <= 1500
        assert min(picture.size) > 20
        assert picture.mode == ("L" if channels == 1 else "RGB")


def test_class_names_are_written_left_of_the_images_and_only_there(tmp_path) -> None:
    white = torch.ones(1, 1, 1, 8, 8)
    grid(white, tmp_path / "plain.png")
    grid(white, tmp_path / "cat.png", ["cat"])
    grid(white, tmp_path / "dog.png", ["a dog\nof two lines"])
    with Image.open(tmp_path / "plain.png") as plain:
        assert plain.getextrema() == (255, 255)
        assert plain.size == (18, 18)  # magnified twice, a pixel apart
    with Image.open(tmp_path / "cat.png") as cat, Image.open(tmp_path / "dog.png") as dog:
        assert cat.width < dog.width
        for picture in (cat, dog):
            ink = picture.point(lambda level: 255 - level).getbbox()
            assert ink is not None
            assert ink[2] <= picture.width - 17
            assert picture.height == 18
