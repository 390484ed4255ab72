"""Device, precision and processes: the only file that knows Accelerate. It owns no loop."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.utils import patch_environment
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from ..errors import UsageError
from ..specs import Network
from .batch_norm import share_batch_norm
from .heap import keep_freed_memory
from .step_graph import StepGraph

AnyNetwork = TypeVar("AnyNetwork", bound=Network)
Result = TypeVar("Result")
_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


def start(
    device: str = "auto",
    precision: str = "auto",
    seed: int = 0,
    compiled: bool = False,
    graphs: bool = False,
    own_batch_norm: bool = False,
) -> Engine:
    """Choose device and precision, join the other processes under ``torchrun``, and seed this one.

    :param device: ``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``, ...; ``auto`` takes the fastest one present.
    :param precision: ``auto``, ``fp32``, ``bf16`` or ``fp16``; ``auto`` is bf16 on CUDA where it exists, else fp32.
    :param seed: covers every random number of the run; all processes draw the same ones, and each keeps those of its
        own images (:mod:`degan_cli.images.draws`).
    :param compiled: translate the networks that train, and those they train against, into machine code first; that
        takes a minute or two and is worth it for long runs.
    :param graphs: launch each training step as one CUDA graph (:mod:`degan_cli.engine.step_graph`).
    :param own_batch_norm: let each process normalise by its own images alone (:mod:`degan_cli.engine.batch_norm`).
    :raises UsageError: when the device is not there, or cannot compute in this precision or with graphs.
    """
    kind = _device_kind(device)
    if kind == "cpu":
        keep_freed_memory()
    if precision == "auto":
        precision = "bf16" if kind == "cuda" and torch.cuda.is_bf16_supported() else "fp32"
    if precision == "fp16" and kind != "cuda":
        raise UsageError(f"--precision fp16 needs a CUDA device, this one is {kind}; use bf16 or fp32")
    wanted = {"ACCELERATE_TORCH_DEVICE": device} if ":" in device else {}
    # Accelerate keeps one state per process; a process that runs several commands gives each its own precision.
    AcceleratorState._reset_state(reset_partial_state=True)
    with patch_environment(**wanted):  # for this run alone
        accelerator = Accelerator(cpu=kind == "cpu", mixed_precision="fp16" if precision == "fp16" else "no")
    torch.manual_seed(seed)
    engine = Engine(
        accelerator=accelerator,
        device=accelerator.device,
        precision=precision,
        compiled=compiled,
        graphs=graphs,
        own_batch_norm=own_batch_norm,
    )
    if graphs and (reason := _no_graphs(engine)):
        raise UsageError(f"--cuda-graphs {reason}")
    return engine


def leave_processes() -> None:
    """Leave the process group, if there is one: once, at the end of a command.

    Runs inside another run share its group, for one that was left cannot be joined again with the same addresses.
    """
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def _keep_order_of_sums(network: DistributedDataParallel) -> None:
    """Let the gradients lie in the same order in the first step as in all others.

    PyTorch lays them out anew after the first one, as they came, and where three or more processes add a number up
    depends on its place: a run that was stopped would round otherwise in the step after than an unbroken one.
    """
    network.reducer._push_all_rebuilt_params()
    network.reducer._rebuild_buckets()


def _no_graphs(engine: Engine) -> str:
    """Why this run's steps cannot be recorded; empty when they can."""
    if engine.device.type != "cuda":
        return f"needs a CUDA device, this one is {engine.device.type}; leave it out"
    if engine.precision == "fp16":
        return "does not go with --precision fp16, which reads each step's gradients back; use bf16 or fp32"
    if engine.compiled:
        return "does not go with --compile; leave one of them out"
    return "records one process, not several; leave it out under torchrun" if engine.processes > 1 else ""


def _device_kind(device: str) -> str:
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        wanted = torch.device(device)
    except RuntimeError as error:
        raise UsageError(f"--device {device} is no device; use auto, cpu, cuda, cuda:1 or mps") from error
    present = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}
    if (wanted.index or 0) >= present.get(wanted.type, 0):
        found = ", ".join(name for name, count in present.items() if count)
        raise UsageError(f"--device {device} is not on this machine, which has: {found}; use --device auto")
    return wanted.type


@dataclass(frozen=True, kw_only=True)
class Engine:
    """Where and how a run computes; loops call it, it never calls them back."""

    accelerator: Accelerator
    device: torch.device
    precision: str
    """``fp32``, ``bf16`` or ``fp16``."""
    compiled: bool = False
    """Whether networks are compiled for their steps; what only measures, inside :meth:`eager`, is not."""
    graphs: bool = False
    """Whether :meth:`graphed` steps are CUDA graphs."""
    own_batch_norm: bool = False
    """Whether BatchNorm sees the images of its process alone, and not those of the whole batch."""

    @property
    def processes(self) -> int:
        """How many processes share this run; 1 without ``torchrun``."""
        return int(self.accelerator.num_processes)

    @property
    def is_main(self) -> bool:
        """Whether this process writes the files and the result."""
        return bool(self.accelerator.is_main_process)

    def share(self, count: int, option: str) -> int:
        """How many images of a batch are this process's.

        :param option: that says how large the batch is, for the message.
        :raises UsageError: when it cannot be divided evenly.
        """
        if count % self.processes:
            raise UsageError(
                f"{option} {count}: cannot be divided evenly among {self.processes} processes; take a multiple of "
                f"{self.processes}, or another number of processes"
            )
        return count // self.processes

    def place(self, network: AnyNetwork) -> AnyNetwork:
        """Move a network that is not trained, such as the frozen classifier, to the device."""
        network = network.to(self.device).to(memory_format=torch.channels_last)
        if self.compiled:
            network.compile()
        return network

    def prepare(self, network: AnyNetwork) -> AnyNetwork:
        """Move a network to the device and let ``backward`` average its gradients over the processes.

        With several of them its BatchNorm is made one over the whole batch, if not wanted otherwise.
        """
        if self.processes > 1 and not self.own_batch_norm:
            network = cast(AnyNetwork, share_batch_norm(cast(nn.Module, network), self.device))
        prepared = self.accelerator.prepare(self.place(network))
        if self.processes > 1 and self.device.type == "cpu":
            _keep_order_of_sums(prepared)
        return cast(AnyNetwork, prepared)

    def unwrap(self, network: AnyNetwork) -> AnyNetwork:
        """The network itself, without what :meth:`prepare` put around it."""
        return cast(AnyNetwork, getattr(network, "module", network) if self.processes > 1 else network)

    def adam(
        self, parameters: Iterable[Tensor] | Iterable[dict[str, Any]], lr: float, beta1: float = 0.9
    ) -> torch.optim.Optimizer:
        """Adam with betas (beta1, 0.999), updating all weights in one fused kernel where the device has it."""
        fused = self.device.type in ("cpu", "cuda")
        optimiser = torch.optim.Adam(parameters, lr=lr, betas=(beta1, 0.999), fused=fused, capturable=self.graphs)
        return cast(torch.optim.Optimizer, self.accelerator.prepare(optimiser))

    def optimiser(
        self, kind: str, parameters: Iterable[Tensor] | Iterable[dict[str, Any]], lr: float, weight_decay: float
    ) -> torch.optim.Optimizer:
        """``sgd`` with momentum 0.9 and L2 weight decay, fused as :meth:`adam`, which ``adam`` is, without decay."""
        if kind == "adam":
            return self.adam(parameters, lr)
        fused = self.device.type in ("cpu", "cuda")
        optimiser = torch.optim.SGD(parameters, lr=lr, momentum=0.9, weight_decay=weight_decay, fused=fused)
        return cast(torch.optim.Optimizer, self.accelerator.prepare(optimiser))

    def autocast(self) -> AbstractContextManager[object]:
        """Compute in the run's precision inside this context."""
        dtype = _DTYPES.get(self.precision)
        return torch.autocast(self.device.type, dtype, enabled=dtype is not None)

    def eager(self) -> AbstractContextManager[object]:
        """Leave networks uncompiled inside this context, where batches of other sizes would be compiled anew."""
        return torch.compiler.set_stance("force_eager") if self.compiled else nullcontext()

    def graphed(self, step: Callable[[Tensor], Result]) -> Callable[[Tensor], Result]:
        """``step``, recorded as one CUDA graph if :attr:`graphs`; call again for another optimiser or learning rate."""
        return StepGraph(step) if self.graphs else step

    def backward(self, loss: Tensor) -> None:
        """Add the gradients of ``loss``, averaged over the processes."""
        self.accelerator.backward(loss)

    def clip(self, optimiser: torch.optim.Optimizer, parameters: Iterable[Tensor], length: float) -> None:
        """Shorten the gradients of all ``parameters`` together to ``length``, before a step of their optimiser.

        With fp16 they are scaled while they add up, so the length is one of what is left without the scale.
        """
        self.accelerator.unscale_gradients(cast(Any, optimiser))
        nn.utils.clip_grad_norm_(parameters, length)

    def mean_over_processes(self, values: Tensor) -> Tensor:
        """Mean of a tensor over all processes, for a loss whose gradients :meth:`backward` averages."""
        if self.processes == 1:
            return values
        mean = self.accelerator.reduce(values.detach(), reduction="mean")
        # Each process's own share carries its whole gradient, since DDP divides the sum by their number afterwards.
        return cast(Tensor, values + (mean - values).detach())

    def synchronise(self) -> None:
        """Until the device has done what it was given; only to measure time."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def wait(self) -> None:
        """Until all processes have come here."""
        self.accelerator.wait_for_everyone()

    def from_main(self, value: float) -> float:
        """The main process's value of a number, so that all processes take the same decisions."""
        if self.processes == 1:
            return value
        return float(self.accelerator.gather(torch.tensor([value], device=self.device, dtype=torch.float64))[0])

    def largest(self, value: int) -> int:
        """The largest value of a number over the processes; costs a synchronisation when there are several."""
        if self.processes == 1:
            return value
        return int(self.accelerator.gather(torch.tensor([value], device=self.device)).max())

    def random_state(self) -> dict[str, Tensor]:
        """The random state, which is the same in all processes, for a checkpoint."""
        states = {"cpu": torch.get_rng_state()}
        if self.device.type == "cuda":
            states["cuda"] = torch.cuda.get_rng_state(self.device)
        return states

    def set_random_state(self, states: dict[str, Tensor]) -> None:
        """Take up what :meth:`random_state` gave in an earlier run, on however many processes."""
        torch.set_rng_state(states["cpu"])
        if "cuda" in states and self.device.type == "cuda":
            torch.cuda.set_rng_state(states["cuda"], self.device)
