from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import random
import stat
import subprocess
import sys
import types
import zipfile
from pathlib import Path

import pytest
import safetensors.torch
import torch

from degan_cli.artifact import read_metadata, read_tensors, write_tensors
from degan_cli.errors import BadFile

TENSORS = {
    "layer.weight": torch.arange(12, dtype=torch.float32).reshape(3, 4),
    "layer.half": torch.tensor([1.5, -2.0], dtype=torch.bfloat16),
    "images": torch.arange(7, dtype=torch.uint8),
    "labels": torch.tensor([3, -1]),
    "flag": torch.tensor(True),
    "empty": torch.zeros(0, 5),
}


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.safetensors"
    write_tensors(path, TENSORS, {"degan": "{}"})
    return path


def raw(header: object, data: bytes = b"") -> bytes:
    """A safetensors file with any header, also an impossible one."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def entry(dtype: str = "F32", shape: tuple[int, ...] = (1,), offsets: tuple[int, int] = (0, 4)) -> dict[str, object]:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


def refusal(path: Path) -> str:
    with pytest.raises(BadFile) as error:
        read_tensors(path)
    message = str(error.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message


def test_what_is_written_is_read_back(good: Path):
    tensors, metadata, sha256 = read_tensors(good)
    assert tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert tensors[name].dtype == tensor.dtype
        assert torch.equal(tensors[name], tensor)
    assert metadata == {"format": "pt", "degan": "{}"} == read_metadata(good)
    assert sha256 == hashlib.sha256(good.read_bytes()).hexdigest()


def test_the_reference_implementation_reads_it(good: Path):
    tensors = safetensors.torch.load_file(good)
    assert tensors.keys() == TENSORS.keys()
    for name, tensor in tensors.items():
        assert tensor.dtype == TENSORS[name].dtype
        assert torch.equal(tensor, TENSORS[name])


def test_every_tensor_is_aligned_to_its_elements(good: Path):
    data = good.read_bytes()
    size = int.from_bytes(data[:8], "little")
    assert size % 8 == 0
    header = json.loads(data[8 : 8 + size])
    for name, tensor in TENSORS.items():
        assert header[name]["data_offsets"][0] % tensor.element_size() == 0


def test_strided_tensors_keep_their_values(tmp_path: Path):
    tensor = torch.arange(24.0).reshape(1, 2, 3, 4).to(memory_format=torch.channels_last).transpose(2, 3)
    write_tensors(tmp_path / "t", {"t": tensor}, {})
    assert torch.equal(read_tensors(tmp_path / "t")[0]["t"], tensor)


def test_equal_content_gives_equal_bytes_in_any_process_and_order(tmp_path: Path):
    script = (
        "import sys, torch; from degan_cli.artifact import write_tensors\n"
        "names = sorted({f'tensor{i}' for i in range(40)}, key=hash)\n"
        "metadata = {k: k for k in sorted({'degan', 'a', 'b', 'c', 'd'}, key=hash)}\n"
        "print(write_tensors(sys.argv[1], {n: torch.full((3,), float(n[6:])) for n in names}, metadata))"
    )
    digests = set()
    for seed in ("1", "2"):
        path = tmp_path / seed
        command = [sys.executable, "-c", script, str(path)]
        printed = subprocess.run(
            command, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        )
        assert printed.stdout.strip() == hashlib.sha256(path.read_bytes()).hexdigest()
        digests.add(printed.stdout)
    assert len(digests) == 1


def test_streams_take_the_place_of_files(good: Path, monkeypatch, capsysbinary):
    write_tensors("-", TENSORS, {"degan": "{}"})
    written = capsysbinary.readouterr().out
    assert written == good.read_bytes()
    monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(buffer=io.BytesIO(written)))
    assert torch.equal(read_tensors("-")[0]["labels"], TENSORS["labels"])
    monkeypatch.setattr(sys, "stdin", types.SimpleNamespace(buffer=io.BytesIO(written[:-1])))
    with pytest.raises(BadFile, match=r"^stdin: cut off"):
        read_tensors("-")


def test_unwritable_tensors_are_refused_before_anything_is_written(tmp_path: Path):
    with pytest.raises(ValueError, match="tensor t has elements of torch.complex64"):
        write_tensors(tmp_path / "t", {"t": torch.zeros(1, dtype=torch.complex64)}, {})
    with pytest.raises(ValueError, match="20001 tensors"):
        write_tensors(tmp_path / "t", dict.fromkeys(map(str, range(20001)), torch.zeros(0)), {})
    assert list(tmp_path.iterdir()) == []


def test_nan_and_infinity_are_refused_by_name_unless_wanted(tmp_path: Path):
    for value in (float("nan"), float("inf"), float("-inf")):
        for dtype in (torch.float32, torch.bfloat16, torch.float16, torch.float64):
            path = tmp_path / "t"
            write_tensors(path, {"a": torch.zeros(3), "b.weight": torch.tensor([0, value, 0], dtype=dtype)}, {})
            assert 'tensor "b.weight" holds NaN or infinity' in refusal(path)
            assert len(read_tensors(path, allow_nonfinite=True)[0]) == 2


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("data.pkl", "x")
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"abc", "is not a safetensors file"),
        (random.Random(0).randbytes(1000), "is not a safetensors file"),
        (zipped(), "looks like a pickled PyTorch file"),
        (pickle.dumps({"a": 1}, protocol=2), "looks like a pickled PyTorch file"),
        (raw({"a": entry()}, bytes(4))[:-1], "cut off, "),
        (raw({"a": entry()}, bytes(4))[:20], "or is cut off"),
        (raw({"a": entry()}, bytes(5)), "more than the"),
        (raw(b'{"a": {}, "a": {}}'), "a key stands twice"),
        (raw(b'{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}', bytes(4)), "a key stands twice"),
        (raw(b"{]"), "damaged header"),
        (raw(b"[]"), "damaged header"),
        (raw(b"\xff\xff"), "damaged header"),
        (raw(b"[" * 100_000), "damaged header"),
        (raw({"a": entry(offsets=(0, int("9" * 4000)))}), "cut off"),
        (raw({"a": entry(offsets=(0, -4))}), "damaged"),
        (raw({"a": []}), "damaged header"),
        (raw({"__metadata__": {"degan": 1}}), "metadata that is not text"),
        (raw({"../../etc/x": entry()}, bytes(4)), "tensor name '../../etc/x'"),
        (raw({"/etc/x": entry()}, bytes(4)), "tensor name '/etc/x'"),
        (raw({"a\x1b[2J": entry()}, bytes(4)), r"tensor name 'a\x1b[2J'"),
        (raw({"a": entry("C64", (1,), (0, 8))}, bytes(8)), "elements of 'C64'"),
        (raw({"a": entry(shape=(3,))}, bytes(4)), "damaged"),
        (raw({"a": entry(), "b": entry()}, bytes(4)), "damaged"),
        (raw({"a": entry(offsets=(4, 8))}, bytes(8)), "damaged"),
        (raw({"a": entry(shape=(2**40, 2**40))}, bytes(4)), "damaged"),
        (raw({str(i): entry(shape=(0,), offsets=(0, 0)) for i in range(20_001)}), "20001 tensors"),
        ((10**15).to_bytes(8, "little") + b"{}", "is not a safetensors file"),
    ],
)
def test_hostile_and_damaged_files_are_refused_with_one_line(tmp_path: Path, data: bytes, message: str):
    path = tmp_path / "x.safetensors"
    path.write_bytes(data)
    assert message in refusal(path)


def test_missing_files_and_folders_are_named(tmp_path: Path):
    assert "no such file" in refusal(tmp_path / "none.safetensors")
    assert "is a folder" in refusal(tmp_path)
    with pytest.raises(BadFile, match="cannot be read"):
        read_tensors("nul\0byte")


class Evil:
    def __reduce__(self):
        return os.mkdir, (self.folder,)


@pytest.mark.parametrize("zip_format", [True, False])
def test_a_pickle_is_never_opened(tmp_path: Path, zip_format: bool):
    evil = Evil()
    evil.folder = str(tmp_path / "owned")
    path = tmp_path / "teacher.pth"
    torch.save({"weight": evil}, path, _use_new_zipfile_serialization=zip_format)
    message = refusal(path)
    assert "degan import makes a model file of it" in message
    assert not (tmp_path / "owned").exists()


def test_mutated_files_are_read_or_refused_and_nothing_else(good: Path, tmp_path: Path):
    """Seeded fuzzing: bytes changed, removed, inserted and repeated, mostly in the header."""
    original, rng = good.read_bytes(), random.Random(0)
    header_end = 8 + int.from_bytes(original[:8], "little")
    path, refused = tmp_path / "mutant", 0
    for _ in range(400):
        data = bytearray(original)
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(header_end) if rng.random() < 0.8 else rng.randrange(len(data))
            match rng.randrange(4):
                case 0:
                    data[at : at + 1] = rng.randbytes(1)
                case 1:
                    del data[at : at + rng.randint(1, 9)]
                case 2:
                    data[at:at] = rng.choice([b"9", b"0", b'"', b"-", b"{", b"}", b"[", b",", b"e9", b"\x00", b"null"])
                case 3:
                    data[at:at] = data[at : at + rng.randint(1, 40)]
        path.write_bytes(data)
        try:
            read_tensors(path)
        except BadFile:
            refused += 1
    assert refused > 300


@pytest.mark.skipif(os.name != "posix", reason="modes of POSIX")
@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o007, 0o660), (0o077, 0o600)])
def test_the_mode_follows_the_umask(tmp_path: Path, umask: int, mode: int):
    before = os.umask(umask)
    try:
        write_tensors(tmp_path / "t", TENSORS, {})
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "t").stat().st_mode) == mode


@pytest.mark.parametrize("size", [640, 896, 1152, 1408])
def test_a_header_whose_length_looks_like_a_pickle_is_read(tmp_path, size):
    path = tmp_path / "x.safetensors"
    for padding in range(size):
        write_tensors(path, {"w": torch.zeros(2)}, {"degan": "x" * padding})
        if int.from_bytes(path.read_bytes()[:8], "little") == size:
            break
    assert path.read_bytes()[0] == 0x80
    assert torch.equal(read_tensors(path)[0]["w"], torch.zeros(2))
