"""Crops of large pictures: how many, the same bytes always, nothing from outside the picture, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from degan_cli.datasets import crops
from degan_cli.datasets.crops import load_crops, make_crops
from degan_cli.errors import BadFile
from degan_cli.images import digest


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crops, "COUNTS", {"train": 60, "test": 20})


def ramp(height: int, width: int) -> torch.Tensor:
    """RGB (3, H, W): red grows from 60 to 180 to the right, green from 60 to 180 downwards, blue is 200."""
    across = torch.linspace(60, 180, width).expand(height, width)
    down = torch.linspace(60, 180, height)[:, None].expand(height, width)
    return torch.stack([across, down, torch.full((height, width), 200.0)]).round().to(torch.uint8)


def save(path: Path, picture: torch.Tensor) -> Path:
    Image.fromarray(picture.permute(1, 2, 0).numpy()).save(path)
    return path


def plain(level: int, side: int = 40) -> Image.Image:
    return Image.new("RGB", (side, side), (level, level, level))


def test_ten_thousand_for_training_and_others_for_testing(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", ramp(50, 60))
    train, test = load_crops(path, "train", (1, 8, 8)), load_crops(path, "test", (1, 8, 8))
    assert train.images.shape == (10_000, 1, 8, 8)
    assert test.images.shape == (2_000, 1, 8, 8)
    assert (train.labels, train.class_names) == (None, ())
    assert not torch.equal(train.images[:2000], test.images)


def test_the_same_bytes_whatever_the_seed_of_the_process(few, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    torch.manual_seed(1)
    first = load_crops(tmp_path / "a.png", "train").images
    torch.manual_seed(2)
    state = torch.get_rng_state()
    again = load_crops(tmp_path / "a.png", "train").images
    assert first.shape == (60, 3, 32, 32)
    assert torch.equal(first, again)
    assert digest(first) == "dc12da9cd58454c60fb2f81da8d995fd9fa2ad92f4e5ac043423160909fafc82"
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("side", [8, 32, 45])
def test_crops_lie_inside_the_picture_and_are_turned_and_mirrored_squares_of_all_sizes(side: int) -> None:
    height, width = 150, 300
    images = make_crops([("p", ramp(height, width))], 1, 400, 1, (3, side, side), "p").float()
    assert (images[:, :2] >= 60).all()
    assert (images[:, :2] <= 180).all()  # a corner from outside would be black, or a repeated edge
    assert (images[:, 2] == 200).all()
    # A pixel of the crop moves by (dx, dy) in the picture: the differences of red and green tell how far.
    x = (images[:, 0] - 60) / 120 * (width - 1)
    y = (images[:, 1] - 60) / 120 * (height - 1)

    def slope(values: torch.Tensor, axis: int) -> torch.Tensor:
        ends = values.narrow(axis, side - 1, 1), values.narrow(axis, 0, 1)
        return (ends[0] - ends[1]).mean(dim=(1, 2)) / (side - 1)

    across, down = torch.stack([slope(x, 2), slope(y, 2)]), torch.stack([slope(x, 1), slope(y, 1)])
    lengths = down.norm(dim=0) * side
    assert torch.allclose(across.norm(dim=0) * side, lengths, atol=6)  # square; a level of red is 2.5 pixels
    assert lengths.min() > side - 6
    assert lengths.max() <= height + 6
    assert lengths.max() > 0.8 * height
    assert (across * down).sum(dim=0).abs().div(across.norm(dim=0) * down.norm(dim=0)).median() < 0.1
    angles = torch.atan2(-down[0], down[1]).rad2deg()
    assert angles.abs().max() < 42
    assert angles.max() > 25
    assert angles.min() < -25
    mirrored = (across[0] < 0).float().mean()
    assert 0.4 < mirrored < 0.6


def test_a_side_is_log_uniform_from_the_target_to_what_fits() -> None:
    wider = 1.25
    assert [crops._side_of_box(scale, wider, 32, 640) for scale in (0.0, 0.5, 1.0)] == [40, 160, 640]
    assert crops._side_of_box(0.5, 1.4, 32, 32) == 32  # turned, 32 pixels do not fit any more


def test_a_crop_that_is_not_turned_is_the_picture_scaled_down() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    whole = Image.fromarray(noise)
    crop = crops._turned([whole], [[0.5, 1.0, 0.0, 0.0, 0.0], [0.5, 1.0, 0.0, 0.0, 0.9]], 32)
    expected = np.asarray(whole.resize((32, 32), Image.Resampling.BILINEAR)).transpose(2, 0, 1)
    assert np.array_equal(crop[0], expected)
    assert np.array_equal(crop[1], expected[:, :, ::-1])


def test_large_pictures_are_scaled_down_without_aliasing() -> None:
    stripes = torch.zeros(1, 512, 512, dtype=torch.uint8)
    stripes[..., ::2] = 200  # of one pixel: at a sixteenth of the size nothing but their mean is left
    crop = crops._crops_of(stripes, [[0.5, 1.0, 0.0, 0.0, 0.0], [0.9, 1.0, 0.0, 0.0, 0.0]], 32)
    assert np.abs(crop.astype(int) - 100).max() <= 2


def test_pictures_take_turns(few, tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    (folder / "more" / "deep").mkdir(parents=True)
    for name, level in (("b.png", 20), ("a.jpg", 10), ("more/c.png", 30), ("more/deep/d.png", 40), (".hidden.png", 99)):
        plain(level).save(folder / name)
    (folder / "notes.txt").write_text("no picture")
    levels = load_crops(folder, "train").images[:, 0].float().mean(dim=(1, 2)).round().tolist()
    assert levels == [10, 20, 30, 40] * 15


def test_of_many_pictures_each_gives_one(few, tmp_path: Path) -> None:
    for number in range(30):
        plain(number).save(tmp_path / f"{number:02}.png")
    assert load_crops(tmp_path, "test").images[:, 0, 0, 0].tolist() == list(range(30))


def test_grey_pictures_among_coloured_ones_and_a_grey_classifier(few, tmp_path: Path) -> None:
    plain(50).convert("L").save(tmp_path / "a.png")
    Image.new("RGB", (40, 40), (255, 0, 0)).save(tmp_path / "b.png")
    colour = load_crops(tmp_path, "test").images
    assert colour[0, :, 0, 0].tolist() == [50, 50, 50]
    assert colour[1, :, 0, 0].tolist() == [255, 0, 0]
    grey = load_crops(tmp_path, "test", (1, 16, 16)).images
    assert grey.shape == (20, 1, 16, 16)
    assert grey[:2, 0, 0, 0].tolist() == [50, 76]  # 0.299 * 255


def test_crops_need_not_be_square(few, tmp_path: Path) -> None:
    plain(50, 64).save(tmp_path / "a.png")
    assert load_crops(tmp_path / "a.png", "test", (3, 48, 24)).images.shape == (20, 3, 48, 24)


@pytest.mark.parametrize(
    ("size", "shape", "message"),
    [
        ((200, 31), None, "a.png: 200x31 pixels, too small for crops of 32x32; take a picture of 32 pixels or more to"),
        ((31, 200), (1, 8, 8), "a.png: 31x200 pixels, too small for crops of 8x8; take a picture of 32 pixels or more"),
        ((63, 63), (3, 64, 48), "a.png: 63x63 pixels, too small for crops of 48x64; take a picture of 64 pixels or mo"),
    ],
)
def test_a_small_picture_is_named(few, tmp_path: Path, size, shape, message: str) -> None:
    Image.new("RGB", size).save(tmp_path / "a.png")
    plain(1, 200).save(tmp_path / "b.png")
    with pytest.raises(BadFile, match=message):
        load_crops(tmp_path, "train", shape)


def test_the_smallest_picture_that_will_do(few, tmp_path: Path) -> None:
    plain(77, 32).save(tmp_path / "a.png")
    assert load_crops(tmp_path / "a.png", "train").images.unique().tolist() == [77]


def test_unreadable_and_missing_pictures_are_named(few, tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="no image in it; degan reads avif, bmp"):
        load_crops(tmp_path, "train")
    plain(1).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes(b"no picture")
    with pytest.raises(BadFile, match=r"b\.png: no image that can be read"):
        load_crops(tmp_path, "train")
