"""Tensors in one safetensors file: written in one step and always the same, read with distrust.

The raw layer under ``artifact``; only this package knows the format
(https://github.com/huggingface/safetensors, "Format"). Nothing here unpickles, ever.
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import safetensors.torch
import torch
from torch import Tensor

from ..errors import BadFile
from .atomic import replacing

T = TypeVar("T")

MAX_TENSORS = 20_000
MAX_HEADER = 16 * 2**20
"""Bytes; 20 000 tensors need 3 MB, so what claims more is another format or hostile."""
CHUNK = 2**20

DTYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
"""The element types that are written and read, with their names in the format."""


def write_tensors(path: str | Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> str:
    """Write ``tensors`` and ``metadata``, with ``format: "pt"``; the SHA-256 of the file.

    Equal content gives equal bytes. The file appears complete or not at all; see
    :func:`degan_cli.artifact.atomic.replacing`, also for links, modes and ``-``.

    :raises DeganError: when the file cannot be written.
    :raises ValueError: for an element type that is not in ``DTYPES``, or more than 20 000 tensors.
    """
    if len(tensors) > MAX_TENSORS:
        raise ValueError(f"{len(tensors)} tensors are more than the {MAX_TENSORS} that can be read back")
    # Widest elements first, as in the reference implementation: every tensor is then aligned to its elements.
    order = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))
    header: dict[str, Any] = {"__metadata__": {"format": "pt", **metadata}}
    end = 0
    for name in order:
        tensor, begin = tensors[name], end
        if tensor.dtype not in DTYPES:
            raise ValueError(f"tensor {name} has elements of {tensor.dtype}, which cannot be stored")
        end += tensor.numel() * tensor.element_size()
        header[name] = {"dtype": DTYPES[tensor.dtype], "shape": list(tensor.shape), "data_offsets": [begin, end]}
    text = json.dumps(header, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    digest = hashlib.sha256()
    with replacing(path) as file:
        pieces: list[bytes | Tensor] = [len(text).to_bytes(8, "little"), text, *(tensors[name] for name in order)]
        for piece in pieces:
            for chunk in _chunks(piece):
                digest.update(chunk)
                file.write(chunk)
    return digest.hexdigest()


def _chunks(piece: bytes | Tensor) -> Iterator[memoryview]:
    if isinstance(piece, Tensor):
        flat = piece.detach().cpu().contiguous().reshape(-1)
        view: memoryview = flat.view(torch.uint8).numpy().data
    else:
        view = memoryview(piece)
    for start in range(0, len(view), CHUNK):
        yield view[start : start + CHUNK]


def read_tensors(path: str | Path, allow_nonfinite: bool = False) -> tuple[dict[str, Tensor], dict[str, str], str]:
    """Tensors on the CPU, metadata and SHA-256 of a safetensors file that may come from anywhere.

    The bytes are read once, so the digest is that of what was loaded; memory is about twice the file.
    ``-`` reads stdin.

    :param allow_nonfinite: take NaN and infinities, which have no place in a model.
    :raises BadFile: when there is no such file, or it is damaged, hostile or of another format.
    """

    def read(file: BinaryIO, name: str) -> tuple[dict[str, Tensor], dict[str, str], str]:
        head, length, metadata = _read_head(file, name)
        data = _read_rest(file, name, head, length)
        digest = hashlib.sha256(data).hexdigest()
        try:
            tensors = dict(sorted(safetensors.torch.load(data).items()))
        except MemoryError:
            raise
        except Exception as error:  # whatever it finds wrong, the file is at fault
            raise BadFile(f"{name}: damaged ({error}); fetch or make it again") from error
        del data
        if not allow_nonfinite:
            check_tensors_finite(tensors, name)
        return tensors, metadata, digest

    return _with_file(path, read)


def read_metadata(path: str | Path) -> dict[str, str]:
    """The metadata alone, without reading the tensors; raises BadFile as :func:`read_tensors` does."""
    return _with_file(path, lambda file, name: _read_head(file, name)[2])


def check_tensors_finite(tensors: Mapping[str, Tensor], name: str) -> None:
    """Raises BadFile, naming the first tensor of file ``name`` that holds NaN or an infinity."""
    for key in sorted(tensors):
        tensor = tensors[key]
        if tensor.is_floating_point() and tensor.numel():
            low, high = torch.aminmax(tensor)  # both are NaN when any element is
            if not (torch.isfinite(low) and torch.isfinite(high)):
                raise BadFile(f'{name}: tensor "{key}" holds NaN or infinity; its training diverged, make it again')


def label(path: str | Path) -> str:
    """What messages call the file."""
    return "stdin" if str(path) == "-" else str(path)


def _with_file(path: str | Path, use: Callable[[BinaryIO, str], T]) -> T:
    name = label(path)
    try:
        if str(path) == "-":
            return use(sys.stdin.buffer, name)
        with open(path, "rb") as file:
            return use(file, name)
    except FileNotFoundError:
        raise BadFile(f"{name}: no such file; check the path") from None
    except IsADirectoryError:
        raise BadFile(f"{name}: is a folder; name a .safetensors file") from None
    except MemoryError:
        raise BadFile(f"{name}: does not fit into memory; is it the right file?") from None
    except (OSError, ValueError) as error:  # ValueError: the path holds a NUL
        raise BadFile(f"{name}: cannot be read ({error}); check the path") from error


def _read_head(file: BinaryIO, name: str) -> tuple[bytes, int, dict[str, str]]:
    """The bytes before the data, the length of the data, and the metadata."""
    first = file.read(8)
    if not first:
        raise BadFile(f"{name}: is empty; fetch or make it again")
    size = int.from_bytes(first, "little")
    if len(first) < 8 or not 2 <= size <= MAX_HEADER:
        # Only now: a header of 640 bytes begins with the bytes of a pickle, too.
        if first.startswith(b"PK\x03\x04") or (first[0] == 0x80 and first[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05")):
            raise BadFile(
                f"{name}: looks like a pickled PyTorch file, which can run code when opened; "
                "degan import makes a model file of it without that"
            )
        raise BadFile(f"{name}: is not a safetensors file; degan reads no other format")
    text = file.read(size)
    if len(text) < size:
        raise BadFile(f"{name}: is not a safetensors file, or is cut off; fetch or make it again")
    try:
        header = json.loads(text.decode(), object_pairs_hook=_unique)
        metadata = header.pop("__metadata__", None) or {}
        if not all(isinstance(value, str) for value in metadata.values()):
            raise ValueError("metadata that is not text")
        length = max((int(entry["data_offsets"][1]) for entry in header.values()), default=0)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError) as error:
        raise BadFile(f"{name}: damaged header ({error or type(error).__name__}); fetch or make it again") from error
    _check_entries(header, name)
    return first + text, length, metadata


def _check_entries(header: Mapping[str, Any], name: str) -> None:
    """What the format allows and a model file has no need of."""
    if len(header) > MAX_TENSORS:
        raise BadFile(f"{name}: {len(header)} tensors, more than {MAX_TENSORS}; it is no model file")
    for key, entry in header.items():
        if ".." in key or key.startswith(("/", "\\")) or not key.isprintable():
            raise BadFile(f"{name}: tensor name {key!r} is not one of a model; do not trust this file")
        if entry.get("dtype") not in DTYPES.values():
            raise BadFile(f'{name}: tensor "{key}" has elements of {entry.get("dtype")!r}; convert it to F32')


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise ValueError("a key stands twice")
    return value


def _read_rest(file: BinaryIO, name: str, head: bytes, length: int) -> bytes:
    """``head`` and exactly ``length`` bytes after it, never taking memory for bytes that are only claimed."""
    wanted = len(head) + length
    buffer = io.BytesIO()
    buffer.write(head)
    while chunk := file.read(CHUNK):
        buffer.write(chunk)
        if buffer.tell() > wanted:
            raise BadFile(f"{name}: has more than the {wanted} bytes of its tensors; do not trust this file")
    if buffer.tell() < wanted:
        raise BadFile(f"{name}: cut off, {buffer.tell()} of {wanted} bytes; fetch or make it again")
    return buffer.getvalue()
