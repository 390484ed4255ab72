"""Broken files in one pass, how images are fitted, and the cache of large sets."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from picture_files import BROKEN, png, write
from PIL import Image
from torch import Tensor

from degan_cli.datasets import decoding, image_cache
from degan_cli.datasets.folders import list_folder
from degan_cli.datasets.reading import Reading, read_files
from degan_cli.errors import BadFile, UsageError
from degan_cli.images import ImageStore
from degan_cli.images import store as image_store
from degan_cli.specs import ImageSet

SHAPE = (1, 4, 4)
LEVELS = {f"{name}.png": png(level) for level, name in enumerate("abcdefgh", 1)}
BAD = LEVELS | {"b.png": BROKEN, "d.jpg": b"", "e.png": png(5)[:-30], "g.png": BROKEN}


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that were decoded, in their order."""
    names: list[str] = []
    real = decoding.read_fitted

    def counted(file, *how) -> Tensor:
        names.append(Path(file.name).name)
        return real(file, *how)

    monkeypatch.setattr(decoding, "read_fitted", counted)
    return names


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "photos", LEVELS)


def read(folder: Path, **options) -> ImageSet:
    """Through a cache, however few they are."""
    options = {"small_bytes": 0, "cache_dir": folder.parent / "cache", "quiet": True} | options
    return read_files(list_folder(folder, "train"), SHAPE, Reading(**options))


def levels(images: ImageSet) -> list[int]:
    return images.images[:, 0, 0, 0].tolist()


@pytest.mark.parametrize("small_bytes", [0, 2**20], ids=["cache", "memory"])
def test_all_broken_files_are_found_in_one_pass(tmp_path: Path, small_bytes: int) -> None:
    folder = write(tmp_path / "photos", BAD)
    with pytest.raises(BadFile) as caught:
        read(folder, small_bytes=small_bytes)
    said = str(caught.value)
    assert said.startswith(
        f"{folder}: 4 of 9 images broken: {folder}/b.png: no image that can be read (cannot identify"
    )
    assert f"; {folder}/d.jpg: " in said
    assert f"; {folder}/e.png: no image that can be read (" in said
    assert "g.png" not in said
    assert said.endswith("; and 1 more; repair or remove them, or leave them out with --skip-broken 0.5")


@pytest.mark.parametrize("small_bytes", [0, 2**20], ids=["cache", "memory"])
def test_broken_files_are_left_out_up_to_a_share_with_their_labels(
    tmp_path: Path, small_bytes: int, capsys: pytest.CaptureFixture[str]
) -> None:
    files = {f"{'xy'[int(name[0] > 'd')]}/{name}": content for name, content in BAD.items()}
    folder = write(tmp_path / "photos", files)
    skipped: dict[str, int] = {}
    found = read(folder, small_bytes=small_bytes, skip_broken=0.5, skipped=skipped)
    assert levels(found) == [1, 3, 4, 6, 8]
    assert found.labels is not None
    assert found.labels.tolist() == [0, 0, 0, 1, 1]
    assert skipped == {str(folder): 4}
    assert "4 of 9 images broken: " in capsys.readouterr().err
    with pytest.raises(BadFile, match=r"4 of 9 images broken: .*; --skip-broken 0\.4 allows fewer; repair"):
        read(folder, small_bytes=small_bytes, skip_broken=0.4)


def test_a_set_of_broken_files_alone_is_refused_whatever_may_be_skipped(tmp_path: Path) -> None:
    folder = write(tmp_path / "photos", {"a.png": BROKEN, "b.png": b""})
    for shape in (SHAPE, None):
        with pytest.raises(BadFile, match=r"2 of 2 images broken: .*; repair or remove them$"):
            read_files(list_folder(folder, "train"), shape, Reading(skip_broken=1.0))


def test_a_second_start_decodes_nothing(folder: Path, decoded: list[str]) -> None:
    first = read(folder)
    assert sorted(decoded) == sorted(LEVELS)
    assert levels(first) == [1, 2, 3, 4, 5, 6, 7, 8]
    decoded.clear()
    assert torch.equal(read(folder).images, first.images)
    assert decoded == []


def test_a_cache_holds_the_pixels_that_memory_would(tmp_path: Path) -> None:
    """Of colour pictures of several sizes, larger and smaller than they are wanted."""
    noise = torch.Generator().manual_seed(0)
    for index, size in enumerate([(9, 20, 3), (40, 31, 3), (8, 8, 3), (600, 900, 3)]):
        pixels = torch.randint(0, 256, size, dtype=torch.uint8, generator=noise)
        (tmp_path / "photos").mkdir(exist_ok=True)
        Image.fromarray(pixels.numpy()).save(tmp_path / "photos" / f"{index}.png")
    for fit in ("crop", "squash", "pad"):
        found = [
            read_files(list_folder(tmp_path / "photos", "train"), (3, 8, 8), reading).images
            for reading in (Reading(fit=fit), Reading(fit=fit, small_bytes=0, cache_dir=tmp_path / "cache", quiet=True))
        ]
        assert torch.equal(*found)
        assert found[0].unique().numel() > 100


def test_what_was_found_broken_is_remembered(tmp_path: Path, decoded: list[str]) -> None:
    folder = write(tmp_path / "photos", BAD)
    with pytest.raises(BadFile, match="4 of 9"):
        read(folder)
    decoded.clear()
    assert levels(read(folder, skip_broken=0.5)) == [1, 3, 4, 6, 8]
    assert decoded == []


@pytest.mark.parametrize("change", ["content", "time", "new", "fit"])
def test_another_file_time_or_fit_makes_a_new_cache(folder: Path, decoded: list[str], change: str) -> None:
    read(folder)
    decoded.clear()
    if change == "content":
        (folder / "c.png").write_bytes(png(77))
    elif change == "time":
        os.utime(folder / "c.png", ns=(0, 0))
    elif change == "new":
        write(folder, {"z.png": png(9)})
    again = read(folder, fit="pad" if change == "fit" else None)
    assert len(decoded) == len(again.images) == 8 + (change == "new")
    assert levels(again)[2] == (77 if change == "content" else 3)


def test_a_build_that_was_killed_goes_on_where_it_was(
    folder: Path, decoded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "BLOCK_BYTES", 3 * 16)  # three images at a time
    write(folder, {"b.png": BROKEN})
    real = image_cache.replacing
    accounts: list[object] = []

    def killed(path):
        accounts.append(path)
        if len(accounts) == 2:
            raise KeyboardInterrupt  # the pixels of the second block are written, but not accounted for
        return real(path)

    monkeypatch.setattr(image_cache, "replacing", killed)
    with pytest.raises(KeyboardInterrupt):
        read(folder, skip_broken=0.5)
    monkeypatch.setattr(image_cache, "replacing", real)
    (place,) = (folder.parent / "cache").iterdir()
    assert [path.name for path in (place / "blocks").iterdir()] == ["000000000.json"]
    decoded.clear()
    assert levels(read(folder, skip_broken=0.5)) == [1, 3, 4, 5, 6, 7, 8]
    assert sorted(decoded) == [f"{name}.png" for name in "defgh"]
    assert (place / "images.u8").stat().st_size == 7 * 16
    assert sorted(path.name for path in place.iterdir()) == ["about.json", "images.u8", "lock"]


def test_what_is_killed_while_gaps_are_closed_is_decoded_anew(
    folder: Path, decoded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder, {"b.png": BROKEN})
    real = image_cache.replacing

    def killed(path):
        if path.name == "about.json":
            raise KeyboardInterrupt
        return real(path)

    monkeypatch.setattr(image_cache, "replacing", killed)
    with pytest.raises(KeyboardInterrupt):
        read(folder, skip_broken=0.5)
    monkeypatch.setattr(image_cache, "replacing", real)
    assert levels(read(folder, skip_broken=0.5)) == [1, 3, 4, 5, 6, 7, 8]
    assert len(decoded) == 16


READ = """
import sys, time
from pathlib import Path
from degan_cli.datasets import decoding
from degan_cli.datasets.folders import list_folder
from degan_cli.datasets.reading import Reading, read_files

folder, name, others = Path(sys.argv[1]), sys.argv[2], sys.argv[3:]
decoding.BLOCK_BYTES = 16  # an image
real = decoding.read_fitted

def read(file, *how):
    with open(folder.parent / name, "a") as log:
        print(Path(file.name).name, file=log)
    while not all((folder.parent / other).exists() for other in others):
        time.sleep(0.01)
    return real(file, *how)

decoding.read_fitted = read
reading = Reading(small_bytes=0, cache_dir=folder.parent / "cache", quiet=True, skip_broken=0.5)
print(read_files(list_folder(folder, "train"), (1, 4, 4), reading).images[:, 0, 0, 0].tolist())
"""
"""Reads a folder, and at each image waits until others have begun."""


def start(folder: Path, name: str, *others: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, "-c", READ, str(folder), name, *others], stdout=subprocess.PIPE, text=True)


def test_several_processes_decode_a_part_each(folder: Path) -> None:
    write(folder, {"b.png": BROKEN})
    names = ("first", "second", "third")
    readers = [start(folder, name, *names) for name in names]
    said = [reader.communicate()[0] for reader in readers]
    assert said == ["[1, 3, 4, 5, 6, 7, 8]\n"] * 3
    parts = [(folder.parent / name).read_text().split() for name in names]
    assert all(parts)
    assert sorted(sum(parts, [])) == sorted(LEVELS)  # each once


def test_what_a_killed_process_was_at_the_others_do(folder: Path) -> None:
    stuck = start(folder, "stuck", "never")
    while not (folder.parent / "stuck").exists():
        time.sleep(0.01)
    other = start(folder, "other")
    (place,) = (folder.parent / "cache").iterdir()
    while not (place / "blocks").exists() or len(list((place / "blocks").glob("*.json"))) < 7:
        time.sleep(0.01)
    stuck.kill()
    assert other.communicate()[0] == "[1, 2, 3, 4, 5, 6, 7, 8]\n"
    assert stuck.communicate()[0] == ""
    assert (folder.parent / "other").read_text().split()[-1] == (folder.parent / "stuck").read_text().strip()


def test_a_cache_that_lost_its_pixels_is_made_anew(folder: Path, decoded: list[str]) -> None:
    read(folder)
    (place,) = (folder.parent / "cache").iterdir()
    for damage in (lambda: (place / "images.u8").write_bytes(b"x"), lambda: (place / "about.json").write_text("{")):
        decoded.clear()
        damage()
        assert levels(read(folder)) == [1, 2, 3, 4, 5, 6, 7, 8]
        assert len(decoded) == 8


def test_a_disk_without_room_is_refused_before_anything_is_decoded(
    folder: Path, decoded: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_cache, "SPARE_BYTES", 2**60)
    with pytest.raises(UsageError, match=r"8 images of 4x4 take 0\.0 GiB, but .*cache has .* GiB left; .*--cache-dir"):
        read(folder)
    assert decoded == []


def test_what_cannot_be_a_cache_folder_is_named(folder: Path) -> None:
    (folder.parent / "file").write_text("x")
    with pytest.raises(UsageError, match=r"--cache-dir .*file: cannot be written \(.*\); name another folder"):
        read(folder, cache_dir=folder.parent / "file")


def test_few_small_files_need_no_cache(folder: Path) -> None:
    assert levels(read(folder, small_bytes=2**20)) == [1, 2, 3, 4, 5, 6, 7, 8]
    assert not (folder.parent / "cache").exists()


def test_a_loop_over_a_mapped_set_copies_none_of_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(image_store, "PART_BYTES", 0)
    images = read(folder).images
    for rows, expected in ((None, [1, 2, 3, 4, 5, 6, 7, 8]), (torch.tensor([6, 1, 3]), [7, 2, 4])):
        store = ImageStore(images, torch.device("cpu"), rows)
        assert store.images.data_ptr() == images.data_ptr()
        assert [int(part[0, 0, 0, 0]) for part in store.batches(1)] == expected
        assert store.take(torch.tensor([2, 0]))[:, 0, 0, 0].tolist() == [expected[2], expected[0]]
        assert len(store) == len(expected)
