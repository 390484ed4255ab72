"""Images put together by pairs, and random resized crops."""

import pytest
import torch

from degan_cli.images import mix, resized_crop


def flat(levels):
    """One flat 3x8x8 image of each level."""
    return torch.tensor(levels)[:, None, None, None].expand(-1, 3, 8, 8).clone()


def test_mixup_blends_each_image_with_its_neighbour_by_one_share():
    torch.manual_seed(0)
    mixed = mix(flat([0.0, 1.0]), "mixup")
    share = mixed[1, 0, 0, 0]
    assert 0 < share < 1
    torch.testing.assert_close(mixed, flat([1 - float(share), float(share)]))


def test_cutmix_pastes_a_box_of_the_neighbour():
    torch.manual_seed(3)
    mixed = mix(flat([0.0, 1.0]), "cutmix")
    assert set(mixed.unique().tolist()) == {0.0, 1.0}
    torch.testing.assert_close(mixed[0], 1 - mixed[1])  # the same box in both
    assert 0 < mixed[0].mean() < 1


def test_both_is_now_one_and_now_the_other_and_none_is_the_images_themselves():
    images = flat([0.0, 1.0])
    assert mix(images, "none") is images
    torch.manual_seed(0)
    only_pasted = {set(mix(images, "both").unique().tolist()) <= {0.0, 1.0} for _ in range(40)}
    assert only_pasted == {True, False}


def test_a_crop_shows_a_part_of_its_own_image_enlarged():
    ramp = torch.linspace(0, 1, 32).expand(64, 1, 32, 32)  # rises to the right
    torch.manual_seed(0)
    crops = resized_crop(ramp, flip=False)
    assert crops.shape == ramp.shape
    rise = crops[..., -1] - crops[..., 0]  # (64, 1, 32)
    assert (rise > 0).all()  # none is mirrored
    assert rise.mean() < 0.95  # enlarged, and each by its own factor
    assert rise[:, 0, 0].std() > 0.05
    assert 0 <= crops.min() <= crops.max() <= 1


def test_a_crop_never_uncovers_anything():
    torch.testing.assert_close(resized_crop(torch.ones(64, 3, 9, 7), flip=True), torch.ones(64, 3, 9, 7))


def test_about_half_of_the_crops_are_mirrored():
    ramp = torch.linspace(0, 1, 32).expand(400, 1, 32, 32)
    torch.manual_seed(0)
    crops = resized_crop(ramp, flip=True)
    mirrored = (crops[:, 0, 0, -1] < crops[:, 0, 0, 0]).float().mean()
    assert mirrored == pytest.approx(0.5, abs=0.1)
