"""Damaged and lying image files, archives and lists of them: refused in one line, within bounded memory."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import tarfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from fuzz.harness import Answers, bounded_memory, drawn
from fuzz.mutations import damaged_bytes
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from degan_cli.datasets import image_files
from degan_cli.datasets.reading import Reading
from degan_cli.datasets.resolve import open_images
from degan_cli.errors import BadFile
from degan_cli.plugins import Plugins

SHAPE = (1, 8, 8)
FORMATS = {
    "png": {}, "jpg": {"progressive": True}, "gif": {}, "bmp": {}, "webp": {}, "tiff": {"compression": "tiff_lzw"},
    "tga": {"compression": "tga_rle"}, "ppm": {}, "jp2": {},
}  # fmt: skip


def picture(suffix: str) -> bytes:
    """A small image of noise, with orientation where the format has one."""
    levels = np.random.default_rng(0).integers(0, 256, (12, 10, 3), np.uint8)
    file, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = 6
    more = {"exif": exif} if suffix in ("png", "jpg", "webp") else {}
    Image.fromarray(levels).save(file, Image.registered_extensions()[f".{suffix}"], **FORMATS[suffix], **more)
    return file.getvalue()


def zipped(name: str = "cat/a.png") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, picture("png"))
        archive.writestr("cat/a.cls", "1")
    return file.getvalue()


def tarred() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in (("a.png", picture("png")), ("a.cls", b"1")):
            about = tarfile.TarInfo(name)
            about.size = len(content)
            archive.addfile(about, io.BytesIO(content))
    return file.getvalue()


GOOD = {suffix: picture(suffix) for suffix in FORMATS if suffix != "jp2" or ".jp2" in Image.registered_extensions()}
LISTS = {"zip": zipped(), "tar": tarred(), "csv": b"path,label,split\na.png,cat,test\nb.png,dog,test\n"}


def read(path: Path, fit: str = "crop", shape=SHAPE):
    return open_images(str(path), "test", plugins=Plugins(), data_dir=path, shape=shape, reading=Reading(fit=fit))


def test_a_damaged_picture_is_refused_in_one_line(tmp_path):
    folder, answers = tmp_path / "pictures", Answers()
    folder.mkdir()

    @drawn(share=3)
    @given(draw=st.data(), suffix=st.sampled_from(sorted(GOOD)), fit=st.sampled_from(["crop", "squash", "pad"]))
    def try_one(draw, suffix: str, fit: str) -> None:
        path = folder / f"a.{suffix}"
        path.write_bytes(draw.draw(damaged_bytes(GOOD[suffix], 60)))
        answers.to(lambda: read(folder, fit))
        path.unlink()

    with bounded_memory():
        try_one()
    assert answers.codes[3] > answers.codes.total() / 4
    answers.record("pictures")


@pytest.mark.parametrize("suffix", LISTS)
def test_a_damaged_archive_or_list_is_refused_in_one_line(suffix, tmp_path):
    path, answers = tmp_path / f"images.{suffix}", Answers()
    (tmp_path / "a.png").write_bytes(GOOD["png"])
    (tmp_path / "b.png").write_bytes(GOOD["png"])

    @drawn(share=0.5)
    @given(data=damaged_bytes(LISTS[suffix], len(LISTS[suffix])))
    def try_one(data: bytes) -> None:
        path.write_bytes(data)
        answers.to(lambda: read(path))

    with bounded_memory():
        try_one()
    assert answers.codes[3]
    answers.record(f"image sets: {suffix}")


def png(width: int, height: int, rows: int, colour: int = 2, depth: int = 8) -> bytes:
    """A PNG of ``rows`` black rows that claims to have ``height``."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    packer = zlib.compressobj(1)
    row = bytes(1 + (width * depth * {0: 1, 2: 3, 6: 4}[colour] + 7) // 8)
    data = b"".join(packer.compress(row) for _ in range(rows)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "fit"),
    [
        (png(2**31 - 1, 2**31 - 1, 1), "crop"),
        (png(5793, 5793, 1), "crop"),
        (png(5792, 5792, 10)[:-20], "crop"),
        (png(2**24, 2, 2), "pad"),
    ],
    ids=["claims all", "claims too many pixels", "claims more than it has", "too narrow to be padded"],
)
def test_a_lying_picture_is_refused_in_bounded_memory(tmp_path, content, fit):
    (tmp_path / "a.png").write_bytes(content)
    answers = Answers((3,))
    with bounded_memory():
        answers.to(lambda: read(tmp_path, fit))


@pytest.mark.slow
@pytest.mark.parametrize(("colour", "depth"), [(2, 8), (6, 8), (0, 16), (2, 16)])
@pytest.mark.parametrize("width", [5792, 2**19])
@pytest.mark.parametrize("fit", ["crop", "squash"])
def test_the_largest_pictures_take_bounded_memory(tmp_path, colour, depth, width, fit):
    height = image_files.MAX_PIXELS // width
    (tmp_path / "a.png").write_bytes(png(width, height, height, colour, depth))
    with bounded_memory():
        read(tmp_path, fit, (3, 32, 32))
        if width < 2**16:
            image_files.read_image(tmp_path / "a.png")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("suffix", "mode", "how"),
    [
        ("jpg", "CMYK", {"progressive": True}),
        ("jpg", "RGB", {"progressive": True, "quality": 100, "subsampling": 0}),
        ("webp", "RGBA", {"quality": 50, "method": 0}),
        ("jp2", "RGBA", {"irreversible": True}),
        ("avif", "RGB", {"speed": 10, "subsampling": "4:4:4"}),
        ("tiff", "CMYK", {"compression": "jpeg"}),
    ],
)
def test_the_largest_pictures_of_other_formats_take_bounded_memory(tmp_path, suffix, mode, how):
    name = Image.registered_extensions().get(f".{suffix}")
    if name not in Image.SAVE:
        pytest.skip(f"Pillow cannot write {suffix} here")
    width = 5120
    size = (width, image_files.MOST_PIXELS.get(name, image_files.MAX_PIXELS) // width)
    script = f"from PIL import Image; Image.new({mode!r}, {size}, 'red').save('a.{suffix}', **{how})"
    subprocess.run([sys.executable, "-c", script], check=True, cwd=tmp_path)  # in a process of its own: it takes memory
    with bounded_memory():
        read(tmp_path, "crop", (3, 32, 32))
        image_files.read_image(tmp_path / f"a.{suffix}")


def test_a_format_that_takes_more_memory_may_have_fewer_pixels(tmp_path):
    Image.new("RGB", (5500, 5500)).save(tmp_path / "a.webp", method=0)
    with pytest.raises(BadFile, match=r"5500x5500 pixels, more than 29,360,128; scale it down"):
        image_files.read_image(tmp_path / "a.webp")


def test_pictures_that_are_decoded_side_by_side_share_the_room():
    room = image_files.Room()
    with room.taken(image_files.MAX_PIXELS - 1), room.taken(1):
        assert room._left == 0
    assert room._left == image_files.MAX_PIXELS
