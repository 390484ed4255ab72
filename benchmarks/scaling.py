"""Updates per second on 1, 2 and 4 processes, and the bytes that each update exchanges.

    python benchmarks/scaling.py [--processes 1,2,4] [--batch 64] [--width 16] [--steps 20]

Each process has one thread of a CPU and talks by gloo. ``weak`` gives every process the batch, so that the whole grows
with them; ``strong`` divides the batch among them. The cases are DeGAN's update of a DCGAN at 32 pixels against LeNet,
and a student's update, LeNet and ResNet-32, by images that lie there.

Bytes are worked out from the networks (``bytes_per_update``), and counted where one update calls its collectives.
They are what each process hands in; how often a byte then travels is up to the algorithm, about 2 (N - 1) / N times
for a sum over N processes in a ring.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from results_file import write
from torch import distributed, nn
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

from degan_cli.engine import Engine, leave_processes, start
from degan_cli.gans.dcgan import DcganDiscriminator, DcganGenerator
from degan_cli.losses import student_loss
from degan_cli.methods import DeganSettings
from degan_cli.methods.degan import Degan
from degan_cli.models import Classifier, Generator
from degan_cli.networks.lenet import lenet
from degan_cli.networks.resnet import resnet32
from degan_cli.paper.provenance import provenance
from degan_cli.specs import GanShape, InputSpec, MethodParts

SIZE, CLASSES, TURNS = 32, 10, 5
FLOAT = 4
"""Bytes of a number in a gradient, and in a statistic."""
STUDENTS = {"distill, lenet": lenet, "distill, resnet32": resnet32}
CASES = ("enrich, dcgan", *STUDENTS)
COLLECTIVES = {"all_reduce": 0, "_broadcast_coalesced": 1, "broadcast": 0, "all_gather": 1}
"""What DDP and we call in torch.distributed -> which argument holds what a process hands in."""
Made = tuple[Callable[[], object], list[nn.Module], int]
"""A step, the networks that it trains, and the bytes that it is thought to exchange on several processes."""


def channels_of(make: Callable[[int], nn.Module]) -> int:
    """Grey images for LeNet, RGB for the others."""
    return 1 if make is lenet else 3


def classifier_of(make: Callable[[int], nn.Module]) -> Classifier:
    """A fresh classifier."""
    channels = channels_of(make)
    input = InputSpec(channels=channels, height=SIZE, width=SIZE, mean=(0.5,) * channels, std=(0.5,) * channels)
    return Classifier(make(CLASSES), "a", tuple(map(str, range(CLASSES))), input)


def weights(network: nn.Module) -> int:
    """Bytes of the gradients of a network, which each backward pass exchanges once."""
    return FLOAT * sum(parameter.numel() for parameter in network.parameters())


def statistics_bytes(network: nn.Module) -> int:
    """Bytes of mean and variance of every BatchNorm, as doubles on a pass forward, and of what comes back for them."""
    return (
        (2 * FLOAT + FLOAT)
        * 2
        * sum(layer.num_features for layer in network.modules() if isinstance(layer, _BatchNorm))
    )


def buffers(network: nn.Module) -> int:
    """Bytes of the buffers, which DDP hands out from the first process before each forward pass in training."""
    return sum(buffer.numel() * buffer.element_size() for buffer in network.buffers())


def enrich(engine: Engine, batch: int, width: int) -> Made:
    """DeGAN's step with a whole batch of ``batch`` images a process."""
    shape = GanShape(channels=channels_of(lenet), size=SIZE, width=width)
    generator = Generator(DcganGenerator(shape), "dcgan", shape)
    discriminator = DcganDiscriminator(shape)
    # D: on real and on generated images, and its statistics again where G is judged by it. G: once.
    ds, gs = statistics_bytes(discriminator), statistics_bytes(generator)
    expected = 2 * weights(discriminator) + weights(generator) + FLOAT * CLASSES
    expected += 3 * ds + gs + 2 * buffers(discriminator) + buffers(generator)
    parts = MethodParts(
        engine=engine,
        generator=generator,
        discriminator=discriminator,
        classifier=engine.place(classifier_of(lenet)).freeze(),
        latent=shape.latent,
        lr=2e-4,
        settings=DeganSettings(),
    )
    method = Degan(parts)
    real = torch.rand(batch, shape.channels, SIZE, SIZE)
    return (lambda: method.step(real)), [method.generator, method.discriminator], expected


def distill(engine: Engine, batch: int, make: Callable[[int], nn.Module]) -> Made:
    """A student's step, as ``degan distill`` makes it."""
    network = classifier_of(make)
    expected = weights(network) + statistics_bytes(network) + buffers(network)
    teacher, student = engine.place(classifier_of(make)).freeze(), engine.prepare(network).train()
    optimiser = engine.adam(student.parameters(), 1e-3)
    images = torch.rand(batch, channels_of(make), SIZE, SIZE)

    def step() -> None:
        with torch.no_grad():
            wanted = teacher(images)
        engine.backward(student_loss(student(images), wanted, 20.0, 0.0))
        optimiser.step()
        optimiser.zero_grad()

    return step, [student], expected


@contextmanager
def counting(networks: list[nn.Module]) -> Iterator[dict[str, int]]:
    """Bytes that this process hands to collectives inside, by their kind; the networks keep a slower way to sum."""
    found = dict.fromkeys(COLLECTIVES, 0)

    def counted(name: str, place: int, original: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: Any, **named: Any) -> object:
            tensors = arguments[place] if isinstance(arguments[place], list) else [arguments[place]]
            found[name] += sum(tensor.numel() * tensor.element_size() for tensor in tensors)
            return original(*arguments, **named)

        return call

    for network in networks:
        if isinstance(network, DistributedDataParallel):
            network.register_comm_hook(None, allreduce_hook)  # sums gradients from Python, where they can be counted
    originals = {name: getattr(distributed, name) for name in COLLECTIVES}
    for name, place in COLLECTIVES.items():
        setattr(distributed, name, counted(name, place, originals[name]))
    try:
        yield found
    finally:
        for name, original in originals.items():
            setattr(distributed, name, original)


def measure(case: str, mode: str, batch: int, width: int, steps: int) -> dict[str, Any]:
    """In each of the processes: the rate of a case, and its bytes."""
    engine = start("cpu", "fp32", seed=0)
    share = batch if mode == "weak" else batch // engine.processes
    step, networks, expected = (
        distill(engine, share, STUDENTS[case]) if case in STUDENTS else enrich(engine, share, width)
    )
    step()
    rates = []
    for _ in range(TURNS):
        engine.wait()
        began = time.perf_counter()
        for _ in range(steps):
            step()
        engine.wait()
        rates.append(steps / (time.perf_counter() - began))
    with counting(networks) as found:
        step()
    rate = statistics.median(rates)
    return {
        "case": case,
        "mode": mode,
        "device": "cpu",
        "precision": "fp32",
        "seed": 0,
        "processes": engine.processes,
        "batch_size": share * engine.processes,
        "updates_per_second": round(rate, 2),
        "images_per_second": round(rate * share * engine.processes, 1),
        "bytes_per_update": expected if engine.processes > 1 else 0,
        "counted_bytes": found,
    }


def on(processes: int, case: str, mode: str, options: argparse.Namespace) -> dict[str, Any]:
    """What so many processes measure."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    command += [__file__, "--case", case, "--mode", mode, "--batch", str(options.batch)]
    command += ["--width", str(options.width), "--steps", str(options.steps)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def main() -> None:
    """Measure, and write ``results/scaling.json``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", default="1,2,4")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--width", type=int, default=16, help="of the DCGAN")
    parser.add_argument("--steps", type=int, default=20, help=f"in each of {TURNS} turns")
    parser.add_argument("--case", help=argparse.SUPPRESS)  # these two are for the processes that this one starts
    parser.add_argument("--mode", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        result = measure(options.case, options.mode, options.batch, options.width, options.steps)
        if int(os.environ["RANK"]) == 0:
            print(json.dumps(result))
        leave_processes()
        return
    about = provenance(shlex.join(["python", "benchmarks/scaling.py", *sys.argv[1:]]))
    results: list[dict[str, Any]] = []
    for case in CASES:
        for mode in ("weak", "strong"):
            for processes in map(int, options.processes.split(",")):
                found = on(processes, case, mode, options)
                alone = next((r for r in results if (r["case"], r["mode"], r["processes"]) == (case, mode, 1)), found)
                if alone["processes"] == 1:
                    found["speedup"] = round(found["images_per_second"] / alone["images_per_second"], 2)
                results.append(about | {"table": "scaling"} | found)
                print(json.dumps(found), flush=True)
                write("scaling", results)


if __name__ == "__main__":
    main()
