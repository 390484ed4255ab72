"""An artifact as a whole: its tensors under its header, of whatever kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .. import __version__
from ..errors import BadFile, Diverged
from .header import Header
from .model_folder import Description, is_model_folder, read_folder
from .safetensors_file import check_tensors_finite, label, read_metadata, read_tensors, write_tensors

USES = {
    "classifier": "--classifier and --teacher take classifiers, degan eval does too",
    "generator": "--samples and degan sample take generators",
    "samples": "--samples takes stored samples",
    "dataset": "--dataset, --proxy and --samples take datasets",
}


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file as it was read, once; ``load_...`` below take it in place of its path."""

    path: str
    """As messages call it."""
    tensors: dict[str, Tensor]
    header: Header | None
    """None for a safetensors file from elsewhere."""
    sha256: str
    description: Description | None = None
    """What the folder of a model from elsewhere tells."""


def read_artifact(path: str | Path) -> Artifact:
    """The whole file, or folder of timm or Hugging Face; ``-`` is stdin.

    :raises BadFile: when it is missing, damaged or of another format.
    """
    if is_model_folder(path):
        tensors, sha256, description = read_folder(Path(path))
        return Artifact(label(path), tensors, None, sha256, description)
    tensors, metadata, sha256 = read_tensors(path)
    return Artifact(label(path), tensors, _header(metadata, label(path)), sha256)


def read_header(path: str | Path) -> Header:
    """The header alone, without the tensors; raises BadFile, also when there is none."""
    header = _header(read_metadata(path), label(path))
    if header is None:
        raise _headless(label(path))
    return header


def made_here(*, versions: Mapping[str, str] | None = None, **values: Any) -> Header:
    """The header of a file that this version of the tool writes now; for what is computed with what it was.

    :param versions: of the plugins that took part, by their distribution.
    """
    own = {"degan-cli": __version__, "torch": str(torch.__version__)}
    if values["kind"] != "dataset":  # whose images are as they were given
        own |= {"cpu": torch.backends.cpu.get_cpu_capability(), "threads": str(torch.get_num_threads())}
    return Header(**values, versions=dict(versions or {}) | own)


def write_artifact(path: str | Path, tensors: Mapping[str, Tensor], header: Header) -> str:
    """Write it and return its SHA-256; raises Diverged, writing nothing, when a tensor is not finite."""
    try:
        check_tensors_finite(tensors, label(path))
    except BadFile as error:
        raise Diverged(f"{error}; nothing was written") from error
    return write_tensors(path, tensors, {"degan": header.to_text()})


def _header(metadata: Mapping[str, str], path: str) -> Header | None:
    if "degan" not in metadata:
        return None
    try:
        return Header.from_text(metadata["degan"])
    except ValueError as error:
        raise BadFile(f"{path}: {error}") from error


def _headless(path: str) -> BadFile:
    return BadFile(f'{path}: has no "degan" header; a file that degan wrote is needed here')


def expect(file: Artifact, header: Header | None, kind: str) -> Header:
    """``header``, if it is there and of that kind; else raises BadFile, saying where such a file fits."""
    if header is None:
        raise _headless(file.path)
    if header.kind != kind:
        raise BadFile(f"{file.path}: holds a {header.kind}, and a {kind} is needed here; {USES[header.kind]}")
    return header
