from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from degan_cli.errors import BadFile
from degan_cli.specs import DatasetSpec, ImageSet
from degan_cli.testing import check_dataset

GOOD = ImageSet(
    images=torch.arange(2 * 3 * 4 * 4, dtype=torch.uint8).view(2, 3, 4, 4),
    labels=torch.tensor([0, 1]),
    class_names=("cat", "dog"),
)


def spec(image_set, missing=BadFile):
    def load(request):
        if not request.data_dir.exists():
            raise missing(f"{request.data_dir}: no such folder; pass --download")
        return image_set(request) if callable(image_set) else image_set

    return DatasetSpec(name="mine", load=load)


def test_passes_what_keeps_the_contract(tmp_path):
    check_dataset(spec(GOOD), tmp_path)
    check_dataset(spec(replace(GOOD, labels=None, class_names=())), tmp_path)


def test_a_set_that_needs_no_files_may_ignore_the_folder(tmp_path):
    check_dataset(DatasetSpec(name="mine", load=lambda request: GOOD), tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": GOOD.images.float()}, r"mine \(train\): images are torch.float32, not torch.uint8"),
        ({"images": GOOD.images.permute(0, 2, 3, 1)}, "images have 4 channels, not 1 or 3"),
        ({"images": GOOD.images[0]}, r"shape \(3, 4, 4\), not \(N, C, H, W\)"),
        ({"images": GOOD.images[:0], "labels": GOOD.labels[:0]}, "there are no images"),
        ({"images": torch.zeros_like(GOOD.images)}, "all pixels are 0"),
        ({"labels": GOOD.labels.int()}, "labels are torch.int32"),
        ({"labels": GOOD.labels[:1]}, r"2 images but labels \(1,\)"),
        ({"labels": torch.tensor([1, 2])}, "labels 1 to 2 for 2 class names"),
        ({"labels": torch.tensor([-1, 0])}, "labels -1 to 0 for 2 class names"),
        ({"class_names": ("cat", "cat")}, "class names repeat"),
        ({"class_names": ("cat", "")}, "a class has no name"),
        ({"labels": None}, "class names but no labels"),
    ],
)
def test_catches(change, message, tmp_path):
    with pytest.raises(AssertionError, match=message):
        check_dataset(spec(replace(GOOD, **change)), tmp_path)


def test_catches_splits_of_other_classes(tmp_path):
    other = replace(GOOD, class_names=("cat", "cow"))
    with pytest.raises(AssertionError, match="train and test have different classes"):
        check_dataset(spec(lambda request: GOOD if request.split == "train" else other), tmp_path)


def test_catches_images_that_change_from_load_to_load(tmp_path):
    def shuffled(request):
        return replace(GOOD, images=torch.randint(0, 256, (2, 3, 4, 4), dtype=torch.uint8))

    with pytest.raises(AssertionError, match="loading twice gives different images"):
        check_dataset(spec(shuffled), tmp_path)


def test_catches_an_error_that_tells_the_user_nothing(tmp_path):
    with pytest.raises(AssertionError, match="for a missing folder raises FileNotFoundError, not BadFile"):
        check_dataset(spec(GOOD, missing=FileNotFoundError), tmp_path)
