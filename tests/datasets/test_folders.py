from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import torch
from PIL import Image

from degan_cli.datasets.folders import list_folder
from degan_cli.datasets.reading import Reading, read_files
from degan_cli.errors import BadFile
from degan_cli.specs import ImageSet


def put(path: Path, level: int = 0, size: tuple[int, int] = (4, 4), mode: str = "L") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, level if mode == "L" else (level, 0, 0)).save(path)
    return path


def load_folder(folder: Path, split: str, shape: tuple[int, int, int] | None = None) -> ImageSet:
    return read_files(list_folder(folder, split), shape, Reading())


def levels(images: ImageSet) -> list[int]:
    return images.images[:, 0, 0, 0].tolist()


def labels(images: ImageSet) -> list[int]:
    assert images.labels is not None
    return images.labels.tolist()


def test_sub_folders_are_classes(tmp_path: Path) -> None:
    put(tmp_path / "dog" / "1.png", 3)
    put(tmp_path / "cat" / "b.PNG", 2)
    put(tmp_path / "cat" / "a.png", 1)
    put(tmp_path / "cat" / "more" / "c.png", 9)
    images = load_folder(tmp_path, "train")
    assert images.class_names == ("cat", "dog")
    assert levels(images) == [1, 2, 9, 3]
    assert labels(images) == [0, 0, 0, 1]
    assert images.images.shape == (4, 1, 4, 4)
    assert images.images.dtype == torch.uint8


def test_flat_folder_has_no_labels(tmp_path: Path) -> None:
    put(tmp_path / "b.png", 2)
    put(tmp_path / "a.png", 1)
    images = load_folder(tmp_path, "test")
    assert images.labels is None
    assert images.class_names == ()
    assert levels(images) == [1, 2]


def test_images_in_and_below_the_folder_have_no_labels(tmp_path: Path) -> None:
    put(tmp_path / "cat" / "a.png", 1)
    put(tmp_path / "b.png", 2)
    images = load_folder(tmp_path, "train")
    assert images.labels is None
    assert levels(images) == [2, 1]


def test_what_is_no_image_is_left_out(tmp_path: Path) -> None:
    put(tmp_path / "cat" / "a.png", 1)
    put(tmp_path / "cat" / ".b.png", 2)
    put(tmp_path / ".cache" / "c.png", 3)
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "read.txt").write_text("a.png")
    (tmp_path / "cat" / "labels.csv").write_text("a,b")
    (tmp_path / "cat" / "gone.png").symlink_to("nowhere.png")
    images = load_folder(tmp_path, "train")
    assert images.class_names == ("cat",)
    assert levels(images) == [1]


@pytest.mark.parametrize("other", ["test", "val", "valid", "validation", "Test"])
def test_split_folders(tmp_path: Path, other: str) -> None:
    put(tmp_path / "train" / "cat" / "a.png", 1)
    put(tmp_path / other / "cat" / "a.png", 2)
    put(tmp_path / other / "dog" / "a.png", 3)
    assert levels(load_folder(tmp_path, "train")) == [1]
    test = load_folder(tmp_path, "test")
    assert levels(test) == [2, 3]
    assert test.class_names == ("cat", "dog")


def test_split_folders_above_flat_ones(tmp_path: Path) -> None:
    put(tmp_path / "train" / "a.png", 1)
    put(tmp_path / "test" / "a.png", 2)
    put(tmp_path / "val" / "a.png", 3)
    (tmp_path / "docs").mkdir()
    assert load_folder(tmp_path, "train").labels is None
    assert levels(load_folder(tmp_path, "train")) == [1]
    assert levels(load_folder(tmp_path, "test")) == [2]


def test_missing_split_is_an_error_and_not_the_other_one(tmp_path: Path) -> None:
    put(tmp_path / "train" / "cat" / "a.png")
    with pytest.raises(BadFile, match='has train, but no folder "test"'):
        load_folder(tmp_path, "test")


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    put(tmp_path / "bus" / "a.png", 1)
    put(tmp_path / "train" / "a.png", 2)
    for split in ("train", "test"):
        images = load_folder(tmp_path, split)
        assert images.class_names == ("bus", "train")
        assert levels(images) == [1, 2]


def test_one_colour_image_makes_all_of_them_rgb(tmp_path: Path) -> None:
    put(tmp_path / "a.png", 100)
    assert load_folder(tmp_path, "train").images.shape == (1, 1, 4, 4)
    put(tmp_path / "b.png", 50, mode="RGB")
    assert load_folder(tmp_path, "train").images[:, :, 0, 0].tolist() == [[100, 100, 100], [50, 0, 0]]


def test_sizes_that_differ_need_a_shape(tmp_path: Path) -> None:
    put(tmp_path / "a.png", 7, size=(4, 4))
    put(tmp_path / "b.png", 8, size=(6, 5), mode="RGB")
    with pytest.raises(BadFile, match=r"differ in size \(a.png is 4x4, b.png is 6x5\).*--image-size 32"):
        load_folder(tmp_path, "train")
    images = load_folder(tmp_path, "train", (3, 8, 8))
    assert images.images.shape == (2, 3, 8, 8)
    assert images.images[:, :, 3, 3].tolist() == [[7, 7, 7], [8, 0, 0]]


def test_order_does_not_depend_on_threads(tmp_path: Path) -> None:
    for number in range(40):
        put(tmp_path / f"{number:03}.png", number, size=(64, 64) if number % 3 == 0 else (2, 2))
    assert levels(load_folder(tmp_path, "train", (1, 2, 2))) == list(range(40))


def test_damaged_image_is_named(tmp_path: Path) -> None:
    put(tmp_path / "a.png")
    (tmp_path / "b.jpg").write_bytes(b"\xff\xd8\xff\xe0junk")
    with pytest.raises(BadFile, match=r"b\.jpg: no image that can be read"):
        load_folder(tmp_path, "train", (1, 2, 2))


def test_warnings_that_name_no_file_are_kept_from_people(tmp_path: Path) -> None:
    path = put(tmp_path / "a.jpg", 9)
    Image.new("L", (4, 4)).save(path, exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\x01")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load_folder(tmp_path, "train").images.shape == (1, 1, 4, 4)


@pytest.mark.parametrize("file", [None, "cat/readme.txt"])
def test_folder_without_images(tmp_path: Path, file: str | None) -> None:
    if file:
        (tmp_path / file).parent.mkdir()
        (tmp_path / file).write_text("")
    with pytest.raises(BadFile, match=r"no image in it; degan reads avif, bmp, .*png"):
        load_folder(tmp_path, "train")


def test_links_in_a_circle_are_harmless(tmp_path: Path) -> None:
    put(tmp_path / "cat" / "a.png", 1)
    put(tmp_path / "dog" / "b.png", 2)
    (tmp_path / "cat" / "self").symlink_to(".")
    (tmp_path / "cat" / "up").symlink_to("..")
    (tmp_path / "cat" / "top").symlink_to("/")
    images = load_folder(tmp_path, "train")
    assert images.class_names == ("cat", "dog")
    assert levels(images) == [1, 2]


def test_many_links_across_take_no_time(tmp_path: Path) -> None:
    folders = [tmp_path / "cat" / str(number) for number in range(12)]
    for folder in folders:
        put(folder / "a.png", 1)
    for folder in folders:
        for other in folders:
            (folder / f"to-{other.name}").symlink_to(other)
    assert levels(load_folder(tmp_path, "train")) == [1] * 12


def test_linked_classes_are_read(tmp_path: Path) -> None:
    put(tmp_path / "store" / "a.png", 4)
    root = tmp_path / "set"
    put(root / "dog" / "b.png", 5)
    (root / "cat").symlink_to(tmp_path / "store")
    images = load_folder(root, "train")
    assert images.class_names == ("cat", "dog")
    assert levels(images) == [4, 5]
