"""Builds a network and fills in weights from a file, or says exactly which of them do not fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from ..errors import BadFile, DeganError, PluginError, turned_into

SHOWN = 4
"""Keys that a message lists of each fault."""
PREFIXES = ("module.", "model.", "_orig_mod.", "backbone.", "timm_model.")
"""What wrappers put before the keys: data parallelism, Lightning and scripts, ``torch.compile``, transformers."""


def build_with(
    make: Callable[[], nn.Module], weights: Mapping[str, Tensor], what: str, advice: Callable[[], str]
) -> nn.Module:
    """The network of ``make`` on the CPU, in eval mode, holding ``weights``; random states stay as they were.

    :param what: the file and the network, for messages, such as ``s.safetensors: "lenet" for 10 classes``.
    :param advice: tells what to do when they do not fit.
    :raises BadFile: when keys, shapes or element types differ; no memory has been taken for the network then.
    :raises PluginError: when ``make`` fails.
    """
    with torch.random.fork_rng(devices=[]):
        weights = completed(weights, shapes(make, what))
        faults = mismatches(weights, shapes(make, what))
        if faults:
            raise BadFile(f"{what} does not fit: {faults}; {advice()}")
        network = _made(make, what)
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise BadFile(f"{what} does not fit: {' '.join(str(error).split())}; {advice()}") from error
    return network.eval()


def shapes(make: Callable[[], nn.Module], what: str = "the network") -> dict[str, Tensor]:
    """The state that a network would have, without its memory where the network allows that."""
    try:
        with torch.device("meta"):
            return dict(make().state_dict())
    except Exception:  # some compute with their weights while they are built
        return dict(_made(make, what).state_dict())


def completed(weights: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """``weights`` with what carries no knowledge repaired: wrappers' prefixes, and counters that steer training."""
    found = {_bare(key, wanted): value for key, value in weights.items()}
    if len(found) < len(weights):  # two networks in one
        found = dict(weights)
    if "n_averaged" not in wanted:  # of torch.optim.swa_utils.AveragedModel
        found.pop("n_averaged", None)
    # Old files lack the counters of BatchNorm, and moving averages make fractions of them.
    counters = (key for key in wanted if key.endswith("num_batches_tracked"))
    lost = (key for key in counters if key not in found or found[key].is_floating_point())
    return found | {key: torch.zeros((), dtype=torch.int64) for key in lost}


def _bare(key: str, wanted: Mapping[str, Tensor]) -> str:
    """The key without as many prefixes as make it one that is wanted; as it is where none does."""
    bare = key
    while bare not in wanted:
        prefix = next((prefix for prefix in PREFIXES if bare.startswith(prefix)), None)
        if prefix is None:
            return key
        bare = bare.removeprefix(prefix)
    return bare


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
    def unbuilt(error: Exception) -> DeganError:
        if isinstance(error, ValueError):  # sizes or counts that the network does not take
            return BadFile(f"{what} cannot be built: {error}; fetch or make the file again")
        return PluginError(f"{what} cannot be built: {type(error).__name__}: {error}")

    with turned_into(unbuilt):
        return make()


def _first(keys: list[str]) -> str:
    return ", ".join(keys[:SHOWN]) + (", ..." if len(keys) > SHOWN else "")


def _size(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "scalar"
