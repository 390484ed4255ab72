"""Ways to damage a file: its bytes, or the values of the JSON, TOML or header that it holds."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import strategies as st


def _deep(levels: int) -> Any:
    value: Any = 1
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


HOSTILE = st.sampled_from(
    [
        None, True, -1, 0, 1, 2**31, 2**63, 10**300, 1e308, float("nan"), float("inf"), "", "a" * 5000,
        "\x1b[2J\x1b]0;owned\x07", "two\nlines", "\u202egnp.exe", "\ud800", "\x00", "../../etc/passwd", [], {}, [[]],
        _deep(60), _deep(400), "NaN", "10", list(range(200)), {"": ""}, "-", "/dev/zero",
    ]
).map(copy.deepcopy)  # fmt: skip
"""Values that something may trip over."""
VALUES = HOSTILE | st.integers() | st.floats() | st.text(max_size=8) | st.lists(st.integers(), max_size=3)


@st.composite
def damaged_bytes(draw: st.DrawFn, good: bytes, head: int) -> bytes:
    """``good`` with bytes changed, removed, inserted or repeated, or cut off; mostly among the first ``head``."""
    data = bytearray(good)
    for _ in range(draw(st.integers(1, 4))):
        if not data:
            break
        most = min(head, len(data)) if draw(st.integers(0, 4)) else len(data)
        at = draw(st.integers(0, most - 1))
        length = draw(st.integers(1, 8))
        match draw(st.sampled_from(["change", "insert", "remove", "repeat", "cut"])):
            case "change":
                data[at : at + length] = draw(st.binary(min_size=length, max_size=length))
            case "insert":
                data[at:at] = draw(st.binary(min_size=1, max_size=8))
            case "remove":
                del data[at : at + length]
            case "repeat":
                data[at:at] = data[at : at + 16 * length]
            case "cut":
                del data[at:]
    return bytes(data)


@st.composite
def damaged_values(draw: st.DrawFn, good: Any) -> Any:
    """JSON like ``good`` of which one to three values or keys are others, missing, or more."""
    value = copy.deepcopy(good)
    for _ in range(draw(st.integers(1, 3))):
        holder, places = value, _places(value)
        while places:
            place = draw(st.sampled_from(places))
            inner = _places(holder[place])
            if not inner or not draw(st.integers(0, 3)):
                break
            holder, places = holder[place], inner
        if not places:
            return draw(VALUES)
        match draw(st.sampled_from(["replace", "replace", "replace", "remove", "add", "rename"])):
            case "replace":
                holder[place] = draw(VALUES)
            case "remove":
                del holder[place]
            case "add" if isinstance(holder, dict):
                holder[draw(st.text(max_size=8))] = draw(VALUES)
            case "rename" if isinstance(holder, dict):
                holder[draw(st.sampled_from(["", "\x1b[2J", "a" * 3000, "x", "__metadata__"]))] = holder.pop(place)
            case _:
                holder.insert(0, draw(VALUES)) if isinstance(holder, list) else holder.clear()
    return value


def _places(value: Any) -> list[Any]:
    """Keys or indices of what it holds; none for a plain value."""
    if isinstance(value, dict):
        return list(value)
    return list(range(len(value))) if isinstance(value, list) else []


def split_file(data: bytes) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """Of a safetensors file the tensors' entries, the degan header, and the data."""
    end = 8 + int.from_bytes(data[:8], "little")
    entries = json.loads(data[8:end])
    return entries, json.loads(entries["__metadata__"].pop("degan")), data[end:]


def joined(entries: Any, about: Any, data: bytes) -> bytes:
    """A safetensors file of such parts, however impossible they are."""
    if isinstance(entries, dict) and isinstance(entries.get("__metadata__"), dict):
        held = about if isinstance(about, str) else json.dumps(about)
        entries = {**entries, "__metadata__": {**entries["__metadata__"], "degan": held}}
    text = json.dumps(entries).encode()
    return len(text).to_bytes(8, "little") + text + data


@st.composite
def damaged_file(draw: st.DrawFn, good: bytes) -> bytes:
    """A safetensors file with damaged bytes, entries, or degan header."""
    entries, about, data = split_file(good)
    match draw(st.sampled_from(["bytes", "entries", "header", "header", "header", "header"])):
        case "bytes":
            return draw(damaged_bytes(good, len(good) - len(data)))
        case "entries":
            return joined(draw(damaged_values(entries)), about, data)
        case _:
            return joined(entries, draw(damaged_values(about)), data)
