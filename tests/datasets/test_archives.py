from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

import pytest
from picture_files import png, write_tar, write_zip

from degan_cli.datasets import archives
from degan_cli.datasets.archives import list_tars, list_zip, shard_paths
from degan_cli.datasets.listing import FileSet
from degan_cli.datasets.reading import Reading, read_files
from degan_cli.errors import BadFile

CLASSES = {"cat/a.png": png(1), "cat/deep/b.PNG": png(2), "dog/c.png": png(3), "dog/notes.txt": b"no image"}
SHAPE = (1, 4, 4)


def read(files: FileSet) -> tuple[list[int], list[int] | None, tuple[str, ...]]:
    """Levels, labels and class names."""
    images = read_files(files, SHAPE, Reading())
    return (
        images.images[:, 0, 0, 0].tolist(),
        None if images.labels is None else images.labels.tolist(),
        images.class_names,
    )


def listed(kind: str, folder: Path, files: dict[str, bytes], split: str = "train") -> FileSet:
    if kind == "zip":
        return list_zip(write_zip(folder / "a.zip", files), split)
    return list_tars("a.tar", [write_tar(folder / "a.tar", files)], split)


@pytest.mark.parametrize("kind", ["zip", "tar"])
@pytest.mark.parametrize("around", ["", "set/", "some/set/"])
def test_folders_in_an_archive_are_classes_and_one_around_all_of_them_is_none(
    tmp_path: Path, kind: str, around: str
) -> None:
    files = {around + name: content for name, content in CLASSES.items()}
    assert read(listed(kind, tmp_path, files)) == ([1, 2, 3], [0, 0, 1], ("cat", "dog"))


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_images_in_no_folder_have_no_labels(tmp_path: Path, kind: str) -> None:
    assert read(listed(kind, tmp_path, {"b.png": png(2), "a.png": png(1)})) == ([2, 1], None, ())
    assert read(listed(kind, tmp_path, {"b.png": png(2), "cat/a.png": png(1)})) == ([2, 1], None, ())


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_splits_are_folders_of_their_names(tmp_path: Path, kind: str) -> None:
    files = {"set/train/cat/a.png": png(1), "set/Val/cat/b.png": png(2), "set/Val/dog/c.png": png(3)}
    assert read(listed(kind, tmp_path, files)) == ([1], [0], ("cat",))
    assert read(listed(kind, tmp_path, files, "test")) == ([2, 3], [0, 1], ("cat", "dog"))
    with pytest.raises(BadFile, match='has train, but no folder "test"'):
        listed(kind, tmp_path, {"train/cat/a.png": png(1)}, "test")


def test_hidden_files_and_those_that_macos_adds_are_no_images(tmp_path: Path) -> None:
    files = {"a.png": png(1), ".b.png": b"x", "__MACOSX/._a.png": b"x", ".cache/c.png": b"x"}
    assert read(listed("zip", tmp_path, files)) == ([1], None, ())


def test_a_web_dataset_has_its_classes_in_files_beside_the_images(tmp_path: Path) -> None:
    shards = [
        write_tar(tmp_path / "s-00.tar", {"1.jpg": png(1), "1.cls": b"10", "2.jpg": png(2), "2.cls": b"9\n"}),
        write_tar(tmp_path / "s-01.tar", {"1.jpg": png(3), "1.cls": b"2", "1.json": b"{}"}),
    ]
    # Equal names in two shards are two samples; numbers are sorted as numbers.
    assert read(list_tars("s", shards, "train")) == ([1, 2, 3], [2, 1, 0], ("2", "9", "10"))
    named = write_tar(tmp_path / "named.tar", {"x.jpg": png(1), "x.cls": b"cat", "y.jpg": png(2), "y.cls": b"bee"})
    assert read(list_tars("s", [named], "train")) == ([1, 2], [1, 0], ("bee", "cat"))


def test_a_range_of_shards() -> None:
    assert [str(path) for path in shard_paths("d/s-{0008..0010}.tar")] == [
        "d/s-0008.tar",
        "d/s-0009.tar",
        "d/s-0010.tar",
    ]
    assert [str(path) for path in shard_paths("{0..1}-{2..3}.tar")] == ["0-2.tar", "0-3.tar", "1-2.tar", "1-3.tar"]
    assert shard_paths("plain.tar") == [Path("plain.tar")]
    with pytest.raises(BadFile, match=r"\{3\.\.1\} runs backwards; write \{1\.\.3\}"):
        shard_paths("s-{3..1}.tar")


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_no_name_in_an_archive_leads_anywhere_on_the_disk(tmp_path: Path, kind: str) -> None:
    outside = tmp_path / "outside.png"
    outside.write_bytes(png(9))
    folder = tmp_path / "set"
    folder.mkdir()
    names = {"../outside.png": png(1), "/etc/a.png": png(2), f"{outside}": png(3)}
    before = sorted(tmp_path.rglob("*"))
    levels, *_ = read(listed(kind, folder, names))
    assert sorted(levels) == [1, 2, 3]  # what is in the archive, not what lies at that path
    assert [path for path in sorted(tmp_path.rglob("*")) if path.suffix != f".{kind}"] == before
    assert outside.read_bytes() == png(9)


def test_links_and_devices_in_a_tar_are_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(png(9))
    path = write_tar(tmp_path / "a.tar", {"a.png": png(1)})
    with tarfile.open(path, "a") as archive:
        for name, kind in (("b.png", tarfile.SYMTYPE), ("c.png", tarfile.LNKTYPE), ("d.png", tarfile.CHRTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, str(secret)
            archive.addfile(info)
    assert read(list_tars("a.tar", [path], "train")) == ([1], None, ())


def test_what_would_fill_the_memory_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_BYTES", 1000)
    files = {"a.png": png(1), "bomb.png": bytes(100_000)}
    for kind in ("zip", "tar"):
        with pytest.raises(BadFile, match=r"1 of 2 images broken: .*bomb\.png: .*100,000 bytes.* more than 1,000"):
            read(listed(kind, tmp_path, files))


def test_an_encrypted_member_is_a_broken_image(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"a.png": png(1), "b.png": png(2)})
    content = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        at = archive.getinfo("b.png").header_offset
    content[at + 6] |= 1
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(BadFile, match=r"1 of 2 images broken: .*a\.zip/b\.png: .*encrypted"):
        read(list_zip(path, "train"))


def test_archives_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"PK nothing")
    (tmp_path / "a.tar").write_bytes(b"\x1f\x8b compressed")
    with pytest.raises(BadFile, match=r"a\.zip: no zip that can be read"):
        list_zip(tmp_path / "a.zip", "train")
    with pytest.raises(BadFile, match=r"a\.tar: no tar that can be read .*gunzip"):
        list_tars("a", [tmp_path / "a.tar"], "train")
    with pytest.raises(BadFile, match=r"s-2\.tar: no such file"):
        list_tars("s", [tmp_path / "s-2.tar"], "train")
    with pytest.raises(BadFile, match=r"a\.zip: no image in it; degan reads avif"):
        list_zip(write_zip(tmp_path / "a.zip", {"a.txt": b"x"}), "train")
