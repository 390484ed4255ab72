"""Builds a network and fills in weights from a file, or says exactly which of them do not fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from ..errors import BadFile, DeganError, PluginError

SHOWN = 4
"""Keys that a message lists of each fault."""


def build_with(make: Callable[[], nn.Module], weights: Mapping[str, Tensor], what: str, advice: str) -> nn.Module:
    """The network of ``make`` on the CPU, in eval mode, holding ``weights``; random states stay as they were.

    :param what: the file and the network, for messages, such as ``s.safetensors: "lenet" for 10 classes``.
    :param advice: what to do when they do not fit.
    :raises BadFile: when keys, shapes or element types differ; no memory has been taken for the network then.
    :raises PluginError: when ``make`` fails.
    """
    with torch.random.fork_rng(devices=[]):
        weights = completed(weights, shapes(make, what))
        faults = mismatches(weights, shapes(make, what))
        if faults:
            raise BadFile(f"{what} does not fit: {faults}; {advice}")
        network = _made(make, what)
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise BadFile(f"{what} does not fit: {' '.join(str(error).split())}; {advice}") from error
    return network.eval()


def shapes(make: Callable[[], nn.Module], what: str = "the network") -> dict[str, Tensor]:
    """The state that a network would have, without its memory where the network allows that."""
    try:
        with torch.device("meta"):
            return dict(make().state_dict())
    except Exception:  # some compute with their weights while they are built
        return dict(_made(make, what).state_dict())


def completed(weights: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """``weights`` with what carries no knowledge repaired: data-parallel prefixes, and BatchNorm's old counters."""
    found = dict(weights)
    if found and all(key.startswith("module.") for key in found) and not any(key in wanted for key in found):
        found = {key.removeprefix("module."): value for key, value in found.items()}
    counters = (key for key in wanted if key.endswith("num_batches_tracked") and key not in found)
    return found | {key: torch.zeros((), dtype=torch.int64) for key in counters}


def mismatches(found: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> str:
    """Which keys are missing, unexpected, of another shape or element type; empty when all fit."""
    both = [key for key in wanted if key in found]
    faults = {
        "missing": [key for key in wanted if key not in found],
        "unexpected": [key for key in found if key not in wanted],
        "of wrong shape": [
            f"{key} is {_size(found[key])}, not {_size(wanted[key])}"
            for key in both
            if found[key].shape != wanted[key].shape
        ],
        "of wrong type": [
            f"{key} is {found[key].dtype}, not {wanted[key].dtype}"
            for key in both
            if found[key].is_floating_point() != wanted[key].is_floating_point()
        ],
    }
    return ", ".join(f"{len(keys)} {fault} ({_first(keys)})" for fault, keys in faults.items() if keys)


def _made(make: Callable[[], nn.Module], what: str) -> nn.Module:
    try:
        return make()
    except (DeganError, MemoryError):
        raise
    except ValueError as error:  # sizes or counts that the network does not take
        raise BadFile(f"{what} cannot be built: {error}; fetch or make the file again") from error
    except Exception as error:  # a stranger's code may raise anything
        raise PluginError(f"{what} cannot be built: {type(error).__name__}: {error}") from error


def _first(keys: list[str]) -> str:
    return ", ".join(keys[:SHOWN]) + (", ..." if len(keys) > SHOWN else "")


def _size(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "scalar"
