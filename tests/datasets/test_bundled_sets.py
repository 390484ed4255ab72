from __future__ import annotations

import pytest
import torch

from degan_cli.datasets.digits import load_digits
from degan_cli.datasets.noise import load_noise
from degan_cli.datasets.photos import load_photos
from degan_cli.errors import BadFile
from degan_cli.images import digest


def test_digits_splits_are_disjoint_and_make_the_whole() -> None:
    from sklearn import datasets

    whole = datasets.load_digits()
    train, test = load_digits("train"), load_digits("test")
    assert len(train.images) + len(test.images) == len(whole.images)
    rows = [image.numpy().tobytes() for split in (train, test) for image in split.images]
    assert sorted(rows) == sorted((image * 255 / 16).round().astype("uint8").tobytes() for image in whole.images)


def test_digits_are_stratified_labelled_and_of_full_range() -> None:
    train, test = load_digits("train"), load_digits("test")
    assert train.class_names == tuple("0123456789")
    assert train.labels is not None
    assert test.labels is not None
    share = torch.bincount(test.labels) / (torch.bincount(test.labels) + torch.bincount(train.labels))
    assert torch.all((share > 0.19) & (share <= 0.2))
    assert train.images.dtype == torch.uint8
    assert train.images.shape[1:] == (1, 8, 8)
    assert (train.images.min(), train.images.max()) == (0, 255)


def test_digits_do_not_depend_on_the_seed() -> None:
    torch.manual_seed(1)
    first = load_digits("test").images
    torch.manual_seed(2)
    assert torch.equal(load_digits("test").images, first)
    assert digest(first) == "67e44daf2163d48e374314db687a96938be9987d16afc87617accc73f347aba1"


@pytest.mark.parametrize(
    ("split", "count", "sha256"),
    [
        ("train", 50_000, "541ba41dc08af27236b7739057dfb060463773a57766044425a97b5e1d1305bb"),
        ("test", 10_000, "a28fc84ecf81d21e24073088ce54c0fdb4d8b32637a12d47b85aafc9bb44ec5c"),
    ],
)
def test_noise_is_the_same_everywhere(split: str, count: int, sha256: str) -> None:
    noise = load_noise(split)
    assert noise.images.shape == (count, 3, 32, 32)
    assert noise.labels is None
    assert noise.class_names == ()
    assert digest(noise.images) == sha256


def test_noise_is_uniform() -> None:
    images = load_noise("test").images
    levels = torch.bincount(images.flatten().int(), minlength=256) / images.numel()
    assert levels.shape == (256,)
    assert torch.all((levels * 256 - 1).abs() < 0.03)


def test_photos_are_crops_of_two_photographs_in_turn() -> None:
    photos = load_photos("test")
    assert photos.images.shape == (2000, 3, 32, 32)
    assert (photos.labels, photos.class_names) == (None, ())
    torch.manual_seed(9)
    assert torch.equal(load_photos("test").images, photos.images)
    red, green, blue = photos.images.double().mean(dim=(2, 3)).unbind(dim=1)
    # The temple's sky is bright and grey, the flower orange before dark leaves.
    assert (blue[0::2].mean(), blue[1::2].mean()) == (pytest.approx(150, abs=25), pytest.approx(60, abs=25))
    assert (red - blue)[1::2].max() > 100 > (red - blue)[0::2].max()


def test_photos_are_cut_in_the_size_that_is_asked_for() -> None:
    large, small = load_photos("test", (3, 64, 64)).images[:200], load_photos("test", (1, 8, 8)).images
    assert large.shape == (200, 3, 64, 64)
    assert small.shape == (2000, 1, 8, 8)
    blurred = torch.nn.functional.avg_pool2d(large.double(), 2)
    blurred = torch.nn.functional.interpolate(blurred, scale_factor=2, mode="bilinear")
    assert (large - blurred).abs().mean() > 1.5  # finer than images of 32 pixels that are enlarged
    with pytest.raises(BadFile, match=r"photos: china\.jpg: 640x427 pixels, too small for crops of 512x512"):
        load_photos("test", (3, 512, 512))


def test_photos_for_training() -> None:
    train = load_photos("train", (1, 8, 8)).images
    assert train.shape == (20_000, 1, 8, 8)
    assert len(train.flatten(1).unique(dim=0)) > 19_000
