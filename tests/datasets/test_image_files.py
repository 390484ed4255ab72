from __future__ import annotations

import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from degan_cli.datasets.image_files import decode, quiet, read_fitted, read_image, shape_of
from degan_cli.datasets.listing import PathFile
from degan_cli.errors import BadFile
from degan_cli.images import fit_uint8, frame

RED = (200, 30, 10)


def saved(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)
    return path


@pytest.mark.parametrize(
    ("name", "mode", "colour"),
    [("a.png", "RGB", RED), ("a.png", "RGBA", (*RED, 9)), ("a.bmp", "RGB", RED), ("a.tiff", "RGB", RED)],
)
def test_colour_keeps_its_levels(tmp_path: Path, name: str, mode: str, colour: tuple[int, ...]) -> None:
    image = read_image(saved(tmp_path / name, Image.new(mode, (3, 2), colour)))
    assert image.dtype == torch.uint8
    assert image.shape == (3, 2, 3)
    assert image[:, 0, 0].tolist() == list(RED)


def test_palette_becomes_rgb(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", Image.new("RGB", (3, 2), RED).quantize(4))
    with Image.open(path) as image:
        assert image.mode == "P"
    assert read_image(path)[:, 1, 2].tolist() == list(RED)


def test_cmyk_becomes_rgb(tmp_path: Path) -> None:
    image = read_image(saved(tmp_path / "a.jpg", Image.new("CMYK", (8, 8), (0, 255, 255, 0)), quality=100))
    red, green, blue = image[:, 4, 4].tolist()
    assert (red, green, blue) == (pytest.approx(254, abs=2), pytest.approx(0, abs=2), pytest.approx(0, abs=2))


@pytest.mark.parametrize(("mode", "colour", "level"), [("L", 77, 77), ("LA", (77, 5), 77), ("1", 1, 255)])
def test_grey_stays_grey(tmp_path: Path, mode: str, colour: int | tuple[int, int], level: int) -> None:
    image = read_image(saved(tmp_path / "a.png", Image.new(mode, (3, 2), colour)))
    assert image.shape == (1, 2, 3)
    assert image.unique().tolist() == [level]


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.pgm"])
def test_sixteen_bits_become_eight_without_clipping(tmp_path: Path, name: str) -> None:
    levels = np.array([[0, 257, 256 * 128, 65535]], dtype=np.uint16)
    image = read_image(saved(tmp_path / name, Image.fromarray(levels)))
    assert image.tolist() == [[[0, 1, 128, 255]]]


@pytest.mark.parametrize("orientation", range(10))
def test_exif_orientation_turns_the_image_upright(tmp_path: Path, orientation: int) -> None:
    levels = torch.arange(6, dtype=torch.uint8).view(2, 3)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path / "a.png", Image.fromarray(levels.numpy()), exif=exif)
    with Image.open(path) as image:
        upright = np.asarray(ImageOps.exif_transpose(image))
    assert (upright.tolist() == levels.tolist()) == (orientation not in range(2, 9))
    assert read_image(path)[0].tolist() == upright.tolist()


def test_broken_exif_costs_no_image(tmp_path: Path) -> None:
    for number, exif in enumerate((b"Exif\0\0junk", b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\x01")):
        path = saved(tmp_path / f"{number}.jpg", Image.new("RGB", (8, 8), RED), exif=exif)
        with quiet():
            assert read_image(path).shape == (3, 8, 8)


def test_quiet_hides_warnings_that_name_no_file(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.jpg", Image.new("RGB", (8, 8)), exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff\x12\x01")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(BadFile, match="Corrupt EXIF"):
            read_image(path)
        with quiet():
            assert read_image(path).shape == (3, 8, 8)


def test_first_frame_of_an_animation(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (4, 4), colour) for colour in (RED, (0, 0, 255))]
    path = saved(tmp_path / "a.gif", frames[0], save_all=True, append_images=frames[1:])
    assert read_image(path)[:, 0, 0].tolist() == list(RED)


def test_truncated_file_is_named(tmp_path: Path) -> None:
    noise = torch.randint(0, 256, (32, 32, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    for name in ("a.png", "a.jpg"):
        path = saved(tmp_path / name, Image.fromarray(noise.numpy()))
        path.write_bytes(path.read_bytes()[:-400])
        with pytest.raises(BadFile, match=rf"{name}: no image that can be read \(.*\); repair or remove it"):
            read_image(path)


@pytest.mark.parametrize("content", [b"", b"no image at all", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"])
def test_other_content_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(content)
    with pytest.raises(BadFile, match=r"a\.png: no image that can be read \(cannot identify"):
        read_image(path)


@pytest.mark.parametrize("side", [12_000, 100_000])
def test_decompression_bomb_is_not_unpacked(tmp_path: Path, side: int) -> None:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    path = tmp_path / "a.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(9999))))
    with pytest.raises(BadFile, match=r"a\.png: .*(more than 33,554,432|decompression bomb)"), quiet():
        read_image(path)


@pytest.mark.parametrize(("name", "mode"), [("a.jpg", "RGB"), ("a.jpg", "L"), ("a.jpg", "CMYK"), ("a.png", "RGBA")])
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_large_picture_is_decoded_smaller_and_looks_the_same(
    tmp_path: Path, name: str, mode: str, orientation: int
) -> None:
    """900 rows are enough to be halved three times: 112 are more than twice 32, and 56 would not be."""
    across, down = np.meshgrid(np.linspace(0, 255, 1200), np.linspace(0, 255, 900))
    picture = Image.fromarray(np.stack([across, down, 255 - across], axis=2).astype(np.uint8)).convert(mode)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path / name, picture, exif=exif)
    whole, smaller = decode(PathFile(path)), decode(PathFile(path), (32, 32))
    assert shape_of(PathFile(path)) == whole.shape
    assert min(smaller.shape[1:]) == -(-900 // 8)
    shape = (whole.shape[0], 32, 32)
    expected = fit_uint8(frame(whole.unsqueeze(0), 32, 32, "crop"), *shape)[0]
    assert (read_fitted(PathFile(path), shape, "crop").int() - expected.int()).abs().max() <= 6


def test_a_small_picture_is_never_decoded_smaller(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.jpg", Image.new("RGB", (700, 700), RED))
    assert decode(PathFile(path), (8, 8)).shape == (3, 700, 700)


def test_fitting_is_that_of_packs(tmp_path: Path) -> None:
    pixels = torch.randint(0, 256, (1, 3, 9, 7), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    path = saved(tmp_path / "a.png", Image.fromarray(pixels[0].permute(1, 2, 0).numpy()))
    assert torch.equal(read_fitted(PathFile(path), (1, 4, 4), "squash"), fit_uint8(pixels, 1, 4, 4)[0])
