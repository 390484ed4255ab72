from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from degan_cli.artifact import png_folder as image_folder
from degan_cli.artifact.png_folder import check_folder, folder_names, write_folder
from degan_cli.errors import Unwritable, UsageError

IMAGES = torch.randint(0, 256, (3, 3, 4, 5), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def files(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_names_are_safe_and_different() -> None:
    names = ["cat", "Cat", "a/b", "a:b", "../x", "..", "", "nul", "x" * 300]
    safe = folder_names(names)
    assert safe[0] == "cat"
    assert len({name.lower() for name in safe}) == len(names)
    assert all(Path(name).name == name and name.strip(" .") == name and 0 < len(name) < 110 for name in safe)
    assert "nul" not in safe


def test_pixels_come_back(tmp_path: Path) -> None:
    write_folder(tmp_path / "flat", IMAGES)
    assert files(tmp_path / "flat") == ["00000.png", "00001.png", "00002.png"]
    assert np.array_equal(np.asarray(Image.open(tmp_path / "flat" / "00001.png")), IMAGES[1].permute(1, 2, 0).numpy())
    write_folder(tmp_path / "grey", IMAGES[:, :1], ["a", "b", "a"])
    assert files(tmp_path / "grey") == ["a/00000.png", "a/00002.png", "b/00001.png"]
    picture = Image.open(tmp_path / "grey" / "b" / "00001.png")
    assert picture.mode == "L"
    assert np.array_equal(np.asarray(picture), IMAGES[1, 0].numpy())


def test_the_folder_has_the_mode_of_the_umask(tmp_path: Path) -> None:
    old = os.umask(0o022)
    try:
        write_folder(tmp_path / "out", IMAGES)
    finally:
        os.umask(old)
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o755


def test_a_failure_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = image_folder._write_png

    def break_at_last(path: Path, image: torch.Tensor) -> None:
        if path.name == "00002.png":
            raise OSError("no space left")
        write(path, image)

    monkeypatch.setattr(image_folder, "_write_png", break_at_last)
    with pytest.raises(Unwritable, match="out: cannot be written: no space left"):
        write_folder(tmp_path / "out", IMAGES)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_with_images_needs_force_and_is_then_replaced(tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_folder(out, IMAGES, ["a", "b", "a"])
    with pytest.raises(UsageError, match="not empty.*--force"):
        check_folder(out, force=False)
    check_folder(out, force=True)
    write_folder(out, IMAGES[:1])
    assert files(out) == ["00000.png"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("name", ["notes.txt", "mine.png"])
def test_files_of_others_are_never_touched(tmp_path: Path, name: str) -> None:
    out = tmp_path / "out"
    write_folder(out, IMAGES)
    Image.new("L", (4, 4)).save(out / name, format="PNG")
    with pytest.raises(UsageError, match=f"{name} was not written by degan"):
        check_folder(out, force=True)
    with pytest.raises(UsageError, match=name):
        write_folder(out, IMAGES)
    assert len(files(out)) == 4


def test_a_file_is_no_folder_and_an_empty_folder_is_free(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="this is a file"):
        check_folder(tmp_path / "file", force=True)
    (tmp_path / "empty").mkdir()
    check_folder(tmp_path / "empty", force=False)
    write_folder(tmp_path / "empty", IMAGES)
    assert len(files(tmp_path / "empty")) == 3
