from __future__ import annotations

from pathlib import Path

import pytest
from picture_files import png, write

from degan_cli.datasets.reading import Reading, read_files
from degan_cli.datasets.tables import list_csv
from degan_cli.errors import BadFile


def read(folder: Path, text: str, split: str = "train") -> tuple[list[int], list[int] | None, tuple[str, ...]]:
    """Levels, labels and class names of the images that a table in ``folder`` names."""
    write(folder, {"a.png": png(1), "more/b.png": png(2), "c.png": png(3)})
    (folder / "t.csv").write_text(text)
    images = read_files(list_csv(folder / "t.csv", split), (1, 4, 4), Reading())
    labels = None if images.labels is None else images.labels.tolist()
    return images.images[:, 0, 0, 0].tolist(), labels, images.class_names


@pytest.mark.parametrize(
    "text",
    [
        "path,label\na.png,dog\nmore/b.png,cat\n",
        "Class;note;Filename\ndog;x;a.png\ncat;;more/b.png\n",
        "image\tlabel\na.png\tdog\n\nmore/b.png\tcat\n",
        "\ufeffa.png,dog\nmore/b.png,cat\n",
    ],
    ids=["names", "other-order", "tabs", "no-names"],
)
def test_paths_and_labels(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) == ([1, 2], [1, 0], ("cat", "dog"))


def test_without_a_column_of_labels_there_are_none(tmp_path: Path) -> None:
    assert read(tmp_path, "path\nc.png\na.png\n") == ([3, 1], None, ())
    assert read(tmp_path, "c.png\na.png\n") == ([3, 1], None, ())


def test_numbers_are_classes_in_the_order_of_numbers(tmp_path: Path) -> None:
    assert read(tmp_path, "path,label\na.png,10\nmore/b.png,9\nc.png,09\n") == ([1, 2, 3], [1, 0, 0], ("9", "10"))


def test_a_column_of_splits_chooses(tmp_path: Path) -> None:
    text = "path,label,split\na.png,x,train\nmore/b.png,y,val\nc.png,y,TRAIN\n"
    assert read(tmp_path, text) == ([1, 3], [0, 1], ("x", "y"))
    assert read(tmp_path, text, "test") == ([2], [0], ("y",))


def test_an_absolute_path_is_taken_as_it_is(tmp_path: Path) -> None:
    elsewhere = write(tmp_path / "elsewhere", {"z.png": png(7)}) / "z.png"
    assert read(tmp_path / "here", f"path\n{elsewhere}\n") == ([7], None, ())


def test_a_name_with_a_null_byte_is_a_broken_image(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match=r"1 of 2 images broken: .*embedded null byte"):
        read(tmp_path, "path\na.png\n\0.png\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("x,y\n1,2\n", 'no column "path" and names no image'),
        ("path,label\na.png,\n", "row 2 has no label"),
        ("path,label\na.png\n", "row 2 has 1 columns"),
        ("path,split\na.png,test\n", "names no images of the split train"),
        ("path\na.png\ngone.png\n", r"1 of 2 images broken: .*gone\.png: .*No such file"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadFile, match=said):
        read(tmp_path, text)
