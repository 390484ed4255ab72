"""Checkpoints of PyTorch, which are pickles: read in a process of their own, from which only tensors come back.

``read_checkpoint.py`` runs there. Nothing is unpickled in the process that calls this.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from ..errors import BadFile
from .hashes import file_sha256
from .safetensors_file import read_tensors

READER = "degan_cli.artifact.read_checkpoint"
PACKAGE_PARENT = Path(__file__).parent.parent.parent


@dataclass(frozen=True, slots=True)
class Pickled:
    """One state dict of a checkpoint."""

    tensors: dict[str, Tensor]
    sha256: str
    """Of the checkpoint's file."""
    taken: str
    """Where in the checkpoint it was, such as ``state_dict_ema``; empty when there was nothing else."""
    others: tuple[str, ...]
    """State dicts that were there, too."""


def is_pickled(path: str | Path) -> bool:
    """Whether a file begins as PyTorch's do, which are archives of zip or bare pickles."""
    try:
        with open(path, "rb") as file:
            first = file.read(8)
    except OSError:
        return False
    # A safetensors file begins with the length of its header, whose upper bytes are 0.
    return first[:4] == b"PK\x03\x04" or (first[:1] == b"\x80" and first[1:2] in b"\x02\x03\x04\x05" and any(first[4:]))


def read_pickled(path: Path, weights: str = "") -> Pickled:
    """The tensors of a checkpoint.

    :param weights: which state dict, as a path of keys: ``model_ema`` or ``ema.module``; by default the averaged one if
        there is one, else the only one.
    :raises BadFile: when it is missing or damaged, holds code or anything else than tensors and plain values, takes
        more memory than a file of its size may, or has no such state dict.
    """
    with tempfile.TemporaryDirectory(prefix="degan-") as folder:
        target = Path(folder) / "weights.safetensors"
        path_of_package = os.pathsep.join(filter(None, [str(PACKAGE_PARENT), os.environ.get("PYTHONPATH")]))
        done = subprocess.run(
            [sys.executable, "-P", "-m", READER, str(path), str(target), weights],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": path_of_package},
        )
        try:
            said = json.loads(done.stdout)
        except ValueError:
            how = f"signal {-done.returncode}" if done.returncode < 0 else f"exit code {done.returncode}"
            raise BadFile(f"{path}: the process that read it ended with {how}; is it a model file?") from None
        if "error" in said:
            raise BadFile(f"{path}: {said['error']}")
        tensors, _, _ = read_tensors(target)
    return Pickled(tensors, file_sha256(path), str(said["taken"]), tuple(map(str, said["others"])))
