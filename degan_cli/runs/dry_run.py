"""What ``--dry-run`` shows: the plan of a run, and two of its real steps, timed, of which nothing is kept."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..config.base import Settings
from ..errors import Stopped
from ..models import parameter_count
from .checkpoint import Checkpoint
from .output import Output
from .report import Report
from .result import peak_memory
from .stopping import StopWatch

if TYPE_CHECKING:
    from torch import Tensor, nn

    from ..engine import Engine

TIMED = 2
"""Steps on the clock, after one to warm up."""
REHEARSED = TIMED + 1
"""Steps of a loop that is made so short that it ends by itself, with a look."""
ENOUGH = 75
"""Any code that ends a loop."""

Train = Callable[[Checkpoint, Report, StopWatch], object]
"""A loop with everything but these three."""


class NoCheckpoint(Checkpoint):
    """There is none, and none is written."""

    def save(self, *_: object) -> None:
        """Nothing is kept."""

    def exists(self) -> bool:
        """Never."""
        return False


class Rehearsal(StopWatch):
    """Notes when each step of a loop was over, and ends it after a few."""

    def __init__(self, engine: Engine) -> None:
        super().__init__()
        self.engine = engine
        self.times = [time.perf_counter()]

    def due(self) -> int:
        """Not 0 after the last of the timed steps."""
        self.engine.synchronise()
        self.times.append(time.perf_counter())
        return ENOUGH if len(self.times) - 2 >= TIMED else 0

    def save_due(self) -> bool:
        """Never."""
        return False

    @property
    def first_seconds(self) -> float:
        """Of the first step and what a loop does before it."""
        return self.times[1] - self.times[0] if len(self.times) > 1 else 0.0

    @property
    def seconds_per_step(self) -> float:
        """Mean of the steps after the first, if there were any; 0 where there was none at all."""
        times = self.times[1:] if len(self.times) > 2 else self.times
        return (times[-1] - times[0]) / max(1, len(times) - 1)


def rehearse(
    train: Train,
    steps: int,
    command: str,
    output: Output,
    engine: Engine,
    *,
    looks: int = 0,
    start_seconds: float = 0.0,
) -> dict[str, Any]:
    """Seconds of a step, of a look and of the run, and the most memory so far, after two real steps.

    :param steps: updates in the whole run, at most.
    :param looks: how often the run looks at what it makes, beside its steps: then ``train`` ends with one look, after
        at most ``REHEARSED`` steps.
    :param start_seconds: what reading and preparing took.
    :raises Diverged: as the loop does.
    """
    watch = Rehearsal(engine)
    checkpoint = NoCheckpoint(output.folder, {}, engine)
    with Report(command, steps, None, quiet=True, active=engine.is_main) as report, contextlib.suppress(Stopped):
        train(checkpoint, report, watch)
    look_seconds = time.perf_counter() - watch.times[-1] if looks else 0.0
    start_seconds += watch.first_seconds - watch.seconds_per_step  # what comes once: a first view, and warming up
    return {
        "start_seconds": round(start_seconds, 1),
        "seconds_per_step": round(watch.seconds_per_step, 4),
        "steps": steps,
        "look_seconds": round(look_seconds, 3),
        "looks": looks,
        "seconds": round(start_seconds + watch.seconds_per_step * steps + look_seconds * looks, 1),
        "peak_memory_bytes": peak_memory(),
    }


def plan(
    output: Output,
    settings: Settings,
    stored: Mapping[str, Any],
    networks: Mapping[str, nn.Module],
    images: Mapping[str, Tensor],
) -> dict[str, Any]:
    """Settings and where each came from, sizes of networks and data, and where the result would go."""
    # A weight that is trained has a gradient and two moments of Adam beside it.
    weight_bytes = sum(4 * p.numel() * (4 if p.requires_grad else 1) for n in networks.values() for p in n.parameters())
    return {
        "dry_run": True,
        "artifact": str(output.path),
        "run_folder": str(output.folder),
        "run": dict(stored),
        "origins": {name: origin for name, origin in settings.origins.items() if settings.has_use(name)},
        "parameters": {name: parameter_count(network) for name, network in networks.items()},
        "images": {name: list(tensor.shape) for name, tensor in images.items()},
        "bytes": {"networks": weight_bytes, "images": sum(tensor.nbytes for tensor in images.values())},
    }
