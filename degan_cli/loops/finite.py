"""Losses that are no numbers end a run: told are the first step that had one, and which of its terms it was."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ..errors import Diverged


class Losses:
    """The terms of a run's steps. They stay on the device until they are checked, so that no step waits for it.

    :param option: what to make smaller where training diverges.
    :param epoch_steps: in an epoch, for a message that tells the epoch too.
    :param within: what the steps are of, such as "batch 1 of 3", if not of the whole run.
    """

    def __init__(self, option: str, epoch_steps: int = 0, within: str = "") -> None:
        self.option = option
        self.epoch_steps = epoch_steps
        self.within = within
        self._seen: list[tuple[int, tuple[str, ...], Tensor]] = []

    def see(self, row: Mapping[str, Tensor | float], step: int) -> None:
        """Take the terms of a step, of which the first in a run is 1."""
        if not row:
            return
        terms = [value if isinstance(value, Tensor) else torch.tensor(value) for value in row.values()]
        device = next((term.device for term in terms if term.device.type != "cpu"), terms[0].device)
        values = torch.stack(
            [term.detach().float().reshape(()).to(device) for term in terms]
        )  # a copy: rows are reused
        self._seen.append((step, tuple(row), values))

    def check(self) -> None:
        """Wait for the device; raises Diverged where a term was NaN or infinite since the last check."""
        seen, self._seen = self._seen, []
        together = [values.to(seen[-1][2].device) for _, _, values in seen]
        if not seen or bool(torch.cat(together).isfinite().all()):
            return
        for step, names, values in seen:
            for name, value in zip(names, values.tolist(), strict=True):
                if not abs(value) < float("inf"):
                    raise diverged(name, value, self._when(step), self.option)

    def _when(self, step: int) -> str:
        if not self.epoch_steps:
            return f"{self.within}{self.within and ', '}step {step}"
        epoch, inside = divmod(step - 1, self.epoch_steps)
        return f"epoch {epoch + 1}, step {inside + 1} of {self.epoch_steps}"


def finite_values(row: Mapping[str, Tensor | float], when: str, option: str) -> dict[str, float]:
    """The terms of a step as numbers; raises Diverged when one is NaN or infinite."""
    values = {name: float(value) for name, value in row.items()}
    for name, value in values.items():
        if not abs(value) < float("inf"):
            raise diverged(name, value, when, option)
    return values


def diverged(name: str, value: float, when: str, option: str) -> Diverged:
    """The error that names term, step and option."""
    what = "the loss" if name == "loss" else f'the loss term "{name}"'
    return Diverged(f"{what} is {value} after {when}; try a smaller {option}, or --precision fp32")
