"""Parts as tasks of a Ray cluster, each of which runs the same command as a process of its node.

The nodes share this folder and have the same version of degan-cli. A task whose node is lost is started again by Ray,
and goes on from the last checkpoint.
"""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from ..errors import PluginError, writing

if TYPE_CHECKING:  # a worker imports this module, and needs nothing else of the tool
    from ..paper.run import Launch

LOST = 1
"""Exit code of a part whose task Ray gave up."""
RETRIES = 3
LOOK_SECONDS = 1.0
"""Between two looks of a worker whether its node is still there."""
PASSED_ON = ("PYTHONPATH", "OMP_NUM_THREADS")


@contextmanager
def cluster(options: Mapping[str, Any], jobs: int | None) -> Iterator[tuple[int, Callable[[Path], Launch]]]:
    """Join the cluster at ``RAY_ADDRESS``, or start one here that ends with this process.

    Gives how many parts run at a time, and from the folder of the logs what starts them.

    :param options: of each task: ``num_cpus``, ``num_gpus``, ``memory``.
    :param jobs: parts at a time; as many as the cluster has CPUs where it is None.
    :raises PluginError: when Ray is missing, or the cluster does not answer.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # no data leaves this machine unasked
    try:
        ray: Any = importlib.import_module("ray")
    except ImportError:
        raise PluginError("--executor ray needs Ray: pip install 'degan-cli[ray]'") from None
    from .local import log_of

    address = os.environ.get("RAY_ADDRESS", "local")
    ours = {"num_cpus": jobs, "include_dashboard": False} if address == "local" else {}
    try:
        ray.init(address, log_to_driver=False, logging_level="ERROR", **ours)
    except Exception as error:  # Ray raises it plain when a cluster does not start in time
        raise PluginError(
            f"--executor ray: no cluster at RAY_ADDRESS={address} answers ({str(error).splitlines()[0]})"
        ) from error
    task = ray.remote(run_command).options(max_retries=RETRIES, **options)
    try:
        yield (
            jobs or max(1, int(ray.cluster_resources().get("CPU", 1))),
            lambda folder: (
                lambda part, command, result, _: RayProcess(ray, task, command, result, log_of(part, folder))
            ),
        )
    finally:
        ray.shutdown()


class RayProcess:
    """A task, as ``subprocess`` would show it; its command's stdout goes to ``result`` when it has ended."""

    returncode: int | None = None

    def __init__(self, ray: Any, task: Any, command: Sequence[str], result: IO[bytes], log: Path) -> None:
        with writing(log):
            log.parent.mkdir(parents=True, exist_ok=True)
        self.ray = ray
        self.log = log.absolute()
        self.result = result
        passed = {name: os.environ[name] for name in os.environ if name in PASSED_ON or name.startswith("DEGAN_")}
        self.reference = task.remote(list(command[1:]), os.getcwd(), passed, str(self.log))

    def poll(self) -> int | None:
        """Its exit code, once it has ended, or once Ray has given it up, which the log then says."""
        ended, _ = self.ray.wait([self.reference], timeout=0)
        if self.returncode is None and ended:
            try:
                self.returncode, printed = self.ray.get(self.reference)
                self.result.write(printed)
            except self.ray.exceptions.TaskCancelledError:
                self.returncode = 128 + signal.SIGTERM
            except self.ray.exceptions.RayError as error:
                cause = getattr(error, "cause", None) or error  # what went wrong in a worker, such as a full disk
                with writing(self.log), self.log.open("a") as log:
                    said = (str(cause).splitlines() or [""])[0]
                    log.write(f"degan: error: Ray gave this part up: {type(cause).__name__}: {said}\n")
                self.returncode = LOST
        return self.returncode

    def terminate(self) -> None:
        """Ask the command to write a checkpoint and end."""
        self.ray.cancel(self.reference)


def run_command(arguments: list[str], folder: str, environment: dict[str, str], log: str) -> tuple[int, bytes]:
    """In a worker: run the command with its Python; exit code and stdout. Cancelling it is SIGTERM for the command."""
    with open(log, "ab") as errors:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=folder,
            env=os.environ | environment,
            preexec_fn=_end_with_worker if sys.platform == "linux" else None,
        )
        try:
            printed = _printed(process)
        except KeyboardInterrupt:
            process.terminate()
            printed = _printed(process)
        return process.returncode, printed


def _printed(process: subprocess.Popen[bytes]) -> bytes:
    """Its stdout, once it has ended.

    A worker lives on for a minute where its node's Ray is dead, and the part has been started elsewhere by then. So it
    ends with its command, without a result: one would still reach the sweep, as that of a part that failed.
    """
    node = os.getppid()
    while True:
        try:
            return process.communicate(timeout=LOOK_SECONDS)[0]
        except subprocess.TimeoutExpired:
            if os.getppid() != node:
                process.kill()
                process.wait()
                os._exit(LOST)


def _end_with_worker() -> None:
    """Let Linux kill the command with its worker: a second one would find the run folder locked by an orphan."""
    import ctypes

    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
