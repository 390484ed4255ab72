from __future__ import annotations

from pathlib import Path

import pytest
import torch

from degan_cli.artifact import load_images, save_dataset, save_samples, write_tensors
from degan_cli.artifact.header import Header
from degan_cli.errors import BadFile
from degan_cli.specs import ImageSet

IMAGES = torch.arange(4 * 3 * 2 * 2, dtype=torch.uint8).reshape(4, 3, 2, 2)
LABELS = torch.tensor([0, 1, 1, 0])
SOFT = torch.softmax(torch.arange(8.0).reshape(4, 2), 1)
NAMES = ("cat", "dog")


def test_a_pack_comes_back_whole(tmp_path: Path):
    given = ImageSet(images=IMAGES, labels=LABELS, class_names=NAMES)
    sha256 = save_dataset(tmp_path / "pets-train.safetensors", given, "pets", "train")
    images, soft, header, digest = load_images(tmp_path / "pets-train.safetensors")
    assert torch.equal(images.images, IMAGES)
    assert images.labels is not None
    assert torch.equal(images.labels, LABELS)
    assert images.class_names == NAMES
    assert soft is None
    assert (header.kind, header.name, header.split) == ("dataset", "pets", "train")
    assert digest == sha256


def test_samples_keep_their_soft_labels_and_need_no_labels(tmp_path: Path):
    save_samples(tmp_path / "s", IMAGES, SOFT, None, NAMES)
    images, soft, header, _ = load_images(tmp_path / "s")
    assert torch.equal(images.images, IMAGES)
    assert (images.labels, images.class_names) == (None, ())
    assert soft is not None
    assert torch.equal(soft, SOFT)
    assert (header.kind, header.class_names) == ("samples", NAMES)


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({}, "holds no images"),
        ({"images": IMAGES.float()}, "holds no images uint8"),
        ({"images": IMAGES[0]}, "holds no images uint8"),
        ({"images": IMAGES[:, :2]}, "holds no images uint8"),
        ({"images": IMAGES[..., :0]}, "without pixels"),
        ({"images": IMAGES, "labels": LABELS[:3]}, r"labels must be int64 \(4,\)"),
        ({"images": IMAGES, "labels": LABELS.int()}, r"labels must be int64 \(4,\), not torch.int32"),
        ({"images": IMAGES, "labels": LABELS + 1}, "labels from 1 to 2 do not fit 2 class names"),
        ({"images": IMAGES, "labels": LABELS - 1}, "labels from -1 to 0 do not fit"),
        ({"images": IMAGES, "soft_labels": SOFT[:, :1]}, r"soft labels must be float \(4, 2\)"),
    ],
)
def test_images_that_do_not_fit_together_are_refused(tmp_path: Path, tensors: dict[str, torch.Tensor], message: str):
    header = Header(kind="samples", class_names=NAMES).to_text()
    write_tensors(tmp_path / "s", tensors, {"degan": header})
    with pytest.raises(BadFile, match=message):
        load_images(tmp_path / "s")


def test_writing_what_could_not_be_read_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="do not fit 1 class names"):
        save_samples(tmp_path / "s", IMAGES, None, LABELS, ("cat",))
    assert not (tmp_path / "s").exists()


def test_other_files_are_named(tmp_path: Path):
    header = Header(kind="generator", class_names=NAMES).to_text()
    write_tensors(tmp_path / "g", {}, {"degan": header})
    with pytest.raises(BadFile, match="holds a generator, and a dataset is needed here; --samples"):
        load_images(tmp_path / "g")
    write_tensors(tmp_path / "f", {"images": IMAGES}, {})
    with pytest.raises(BadFile, match='has no "degan" header'):
        load_images(tmp_path / "f")
