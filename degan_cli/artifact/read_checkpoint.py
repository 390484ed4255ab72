"""Reads a checkpoint of PyTorch and writes one of its state dicts as safetensors; only ever runs as a process.

``python -m degan_cli.artifact.read_checkpoint FILE TARGET WEIGHTS`` prints a JSON object: what was taken, or an error.
torch's ``weights_only`` builds tensors and plain values and runs nothing else that a pickle asks for; should it ever be
deceived, the process has no network, starts no program, and has little more memory than the file is large.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .safetensors_file import write_tensors

AVERAGED = ("state_dict_ema", "model_ema", "ema", "ema_state_dict", "ema_model")
PLAIN = ("state_dict", "model_state_dict", "model", "net", "network", "module")
"""Keys under which training scripts keep weights."""
SPARE_MEMORY = 2**30
"""Bytes, beside three times the file."""
NOT_ALLOWED = ("socket.", "subprocess.", "os.system", "os.exec", "os.spawn", "os.posix_spawn", "os.fork")


class Unusable(Exception):
    """What is wrong with the file, and what to do."""


def main(source: str, target: str, weights: str) -> dict[str, Any]:
    """Read, choose and write; what to print."""
    try:
        size = Path(source).stat().st_size
        confine(3 * size + SPARE_MEMORY)
        taken, tensors, others = choose(_load(source), weights)
        if sum(tensor.numel() * tensor.element_size() for tensor in tensors.values()) > 2 * size:
            raise Unusable("its tensors claim more than the file holds; do not trust it")
        write_tensors(target, tensors, {})
    except Unusable as error:
        return {"error": str(error)}
    except OSError as error:
        return {"error": f"cannot be read ({error.strerror}); check the path"}
    except Exception as error:
        if isinstance(error, MemoryError) or "allocate memory" in str(error):
            return {"error": "wants more memory than a file of its size may; do not trust it"}
        return {"error": f"cannot be read ({error}); is it a file of torch.save?"}
    return {"taken": taken, "others": others}


def confine(more_memory: int) -> None:
    """From here on: no sockets, no programs, and no more than so many bytes of address space beside today's.

    The memory is bounded on Linux; other systems do not tell, or keep, such a limit.
    """
    sys.addaudithook(_refuse)
    pages = Path("/proc/self/statm")
    if pages.exists():
        import resource

        most = int(pages.read_text().split()[0]) * resource.getpagesize() + more_memory
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _refuse(event: str, arguments: object) -> None:
    if event.startswith(NOT_ALLOWED):
        raise PermissionError(0, f"{event} is not allowed here")


def _load(source: str) -> Any:
    try:
        # timm keeps the arguments of its training script in a Namespace, which is a plain bag of values.
        with torch.serialization.safe_globals([argparse.Namespace]):
            return torch.load(source, map_location="cpu", weights_only=True)
    except MemoryError:
        raise
    except Exception as error:
        if wanted := re.search(r"(?:GLOBAL|global|type|class) ([\w.]*\w\.\w+)", str(error)):
            raise Unusable(
                f"wants {wanted[1]}, and degan runs nothing that a model file asks for; "
                "where it was made, save the plain weights: torch.save(model.state_dict(), FILE)"
            ) from error
        if "allocate memory" in str(error):
            raise
        if "TorchScript" in str(error):
            raise Unusable("is a TorchScript archive, which is code; import the state dict instead") from error
        reason = str(error).split("\n")[0].split(". ")[0]
        raise Unusable(f"cannot be read ({reason}); is it a whole file of torch.save?") from error


def choose(checkpoint: Any, weights: str = "") -> tuple[str, dict[str, Tensor], list[str]]:
    """Where the chosen state dict was, its tensors, and where others were.

    :param weights: path of keys, or empty: then averaged weights count more than plain ones.
    :raises Unusable: when there is none.
    """
    if weights:
        value = checkpoint
        for key in weights.split("."):
            value = value.get(key) if isinstance(value, Mapping) else None
        found = dict(state_dicts(value))
        if not found:
            raise Unusable(f"has no state dict at --weights {weights}; its keys are {_keys(checkpoint)}")
        return weights, next(iter(found.values())), []
    found = dict(state_dicts(checkpoint))
    if not found:
        raise Unusable(f"has no state dict where they usually are; its keys are {_keys(checkpoint)}; see --weights")
    first, *others = found
    return first, found[first], others


def state_dicts(value: Any, path: str = "") -> Iterator[tuple[str, dict[str, Tensor]]]:
    """State dicts under the usual keys, averaged ones first; what holds none of these keys may be one itself."""
    if not isinstance(value, Mapping):
        return
    inner = [key for key in (*AVERAGED, *PLAIN) if isinstance(value.get(key), Mapping)]
    for key in inner:
        yield from state_dicts(value[key], f"{path}.{key}".strip("."))
    tensors = {key: item.detach() for key, item in value.items() if isinstance(key, str) and isinstance(item, Tensor)}
    if tensors and not inner:
        yield path, tensors


def _keys(checkpoint: Any) -> str:
    if not isinstance(checkpoint, Mapping):
        return f"none, it is a {type(checkpoint).__name__}"
    return ", ".join(map(str, list(checkpoint)[:8])) or "none"


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
