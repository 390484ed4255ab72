"""What a stopped run needs to go on exactly: one pickle-free file in the run folder, private to this version."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from ..artifact import read_tensors, write_tensors
from ..config.stored import refuse_others
from ..errors import BadFile, Diverged, PluginError, turned_into, writing
from ..specs import Network
from .inputs import Parent, refuse_other_inputs
from .output import CHECKPOINT

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from ..engine import Engine


class Checkpoint:
    """Networks, optimisers, tensors, numbers and random states of one run.

    :param folder: the run folder, ``NAME.run``.
    :param run: all settings; a checkpoint of other settings is refused.
    :param parents: what the run is made from; one of another content is refused, too.
    """

    def __init__(self, folder: Path, run: Mapping[str, Any], engine: Engine, parents: Sequence[Parent] = ()) -> None:
        self.path = folder / CHECKPOINT
        self.run = json.loads(json.dumps(run))
        self.engine = engine
        self.parents = [dict(parent) for parent in parents]

    def save(
        self,
        parts: Mapping[str, Network | Optimizer],
        tensors: Mapping[str, Mapping[str, Tensor]],
        numbers: Mapping[str, Any],
    ) -> None:
        """Write all of it, replacing the last checkpoint in one step; every process must call it.

        :raises Diverged: when weights or optimiser hold NaN or infinity; the last checkpoint stays.
        """
        random = self.engine.random_state()
        if not self.engine.is_main:
            return
        flat = {f"random/{name}": state for name, state in random.items()}
        groups: dict[str, Any] = {}
        for name, part in parts.items():
            if isinstance(part, nn.Module):
                state = self.engine.unwrap(part).state_dict()
                flat |= {f"network/{name}/{key}": value for key, value in state.items()}
            else:
                state = cast(Any, part).state_dict()
                groups[name] = state["param_groups"]
                for index, moments in state["state"].items():
                    flat |= {f"optimiser/{name}/{index}/{key}": value for key, value in moments.items()}
        for key, value in flat.items():
            if not isinstance(value, Tensor):
                kind = type(value).__name__
                raise PluginError(f"{key} is {kind}, and a checkpoint holds tensors alone; tell the method's authors")
        self._check_finite(flat)
        for name, values in tensors.items():
            flat |= {f"tensors/{name}/{key}": value for key, value in values.items()}
        scaler = self.engine.accelerator.scaler
        about = {
            "kind": "checkpoint",
            "run": self.run,
            "parents": self.parents,
            "groups": groups,
            "numbers": dict(numbers),
            "scaler": None if scaler is None else scaler.state_dict(),
        }
        write_tensors(
            self.path,
            {key: value.detach().cpu() for key, value in flat.items()},
            {"degan": json.dumps(about, sort_keys=True)},
        )

    def load(self, parts: Mapping[str, Network | Optimizer]) -> tuple[dict[str, dict[str, Tensor]], dict[str, Any]]:
        """Restore ``parts`` and the random states in place; the tensors and numbers that were saved beside them.

        :raises BadFile: when the file is damaged or is no checkpoint.
        :raises UsageError: when it was written with other settings, or from other inputs.
        """
        flat, metadata, _ = read_tensors(self.path, allow_nonfinite=True)

        def unusable(error: Exception) -> BadFile:
            reason = " ".join(str(error).split())
            return BadFile(f"{self.path}: no usable checkpoint ({reason}); start anew with --force")

        with turned_into(unusable, (KeyError, TypeError, ValueError, RuntimeError)):
            about = json.loads(metadata["degan"])
            self._check(about)
            random = _under("random", flat)
            for name, part in parts.items():
                if isinstance(part, nn.Module):
                    self.engine.unwrap(part).load_state_dict(_under(f"network/{name}", flat))
                else:
                    cast(Any, part).load_state_dict(
                        _optimiser_state(_under(f"optimiser/{name}", flat), about["groups"][name])
                    )
                    _lay_out_as_parameters(cast(Any, part))
            if about["scaler"] is not None and self.engine.accelerator.scaler is not None:
                self.engine.accelerator.scaler.load_state_dict(about["scaler"])
        self.engine.set_random_state(random)
        names = {key.split("/")[1] for key in flat if key.startswith("tensors/")}
        return {name: _under(f"tensors/{name}", flat) for name in names}, about["numbers"]

    def _check_finite(self, flat: Mapping[str, Tensor]) -> None:
        for key, value in flat.items():
            if value.is_floating_point() and value.numel() and not bool(torch.isfinite(value).all()):
                kept = f"; the last good checkpoint is still {self.path}" if self.exists() else ""
                raise Diverged(
                    f"{key} holds NaN or infinity, so no checkpoint is written{kept}; try a smaller --lr, or "
                    "--precision fp32, and start anew with --force"
                )

    def _check(self, about: Mapping[str, Any]) -> None:
        refuse_others(self.path, about["run"], self.run)
        refuse_other_inputs(self.path, about.get("parents", ()), self.parents, "or start anew with --force")

    def exists(self) -> bool:
        """Whether there is something to go on from."""
        return self.path.exists()

    def remove(self) -> None:
        """Delete it; the run is complete and its artifact is written."""
        if self.engine.is_main:
            with writing(self.path):
                self.path.unlink(missing_ok=True)


def _under(prefix: str, flat: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {key[len(prefix) + 1 :]: value for key, value in flat.items() if key.startswith(prefix + "/")}


def _optimiser_state(moments: Mapping[str, Tensor], groups: list[dict[str, Any]]) -> dict[str, Any]:
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in moments.items():
        index, name = key.split("/")
        state.setdefault(int(index), {})[name] = value
    tupled = [{k: tuple(v) if k == "betas" else v for k, v in group.items()} for group in groups]
    return {"state": state, "param_groups": tupled}


def _lay_out_as_parameters(optimiser: Optimizer) -> None:
    """Give the moments the memory layout of their parameters, channels_last for most: fused kernels rely on it."""
    for group in optimiser.param_groups:
        for parameter in group["params"]:
            moments = optimiser.state.get(parameter, {})
            for key, value in moments.items():
                if value.shape == parameter.shape:
                    moments[key] = torch.empty_like(parameter).copy_(value)
