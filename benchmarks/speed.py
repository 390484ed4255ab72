"""Images per second of enrich and distill: ours against the plain loop, same networks and batch, alternating.

    python benchmarks/speed.py [--device cpu] [--variants fp32,bf16,bf16+compile,bf16+graphs] [--growth]

The AlexNet pair at 32 pixels and the DCGAN of the paper; batch 128 for enrich and 64 for distill. Each loop has a
process of its own and waits while the other computes. The share is of the rate of a large matrix product in the same
precision, measured in this run. ``--growth`` measures our loops alone at other batches, and with ResNet-32 at other
image sizes.
"""

from __future__ import annotations

import argparse
import multiprocessing
import shlex
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import Any

import plain
import torch
from results_file import write
from torch import Tensor, nn
from torch.nn.functional import conv2d
from torch.utils.flop_counter import FlopCounterMode

from degan_cli.engine import Engine, start
from degan_cli.gans.dcgan import DcganDiscriminator, DcganGenerator
from degan_cli.images import Shuffle, to_unit
from degan_cli.losses import student_loss
from degan_cli.methods import DeganSettings
from degan_cli.methods.degan import Degan
from degan_cli.models import Classifier, Generator
from degan_cli.networks.alexnet import alexnet, alexnet_half
from degan_cli.networks.resnet import resnet32
from degan_cli.paper.provenance import provenance
from degan_cli.samples.sources import GeneratorSource
from degan_cli.specs import GanShape, InputSpec, MethodParts

NAMES = tuple(map(str, range(10)))
PROXY = 2000
TURNS = 9
Step = Callable[[], object]
Make = Callable[[int], nn.Module]


def proxy_images(size: int) -> Tensor:
    """As many images of noise as :data:`PROXY` says, uint8 (N, 3, size, size)."""
    return torch.randint(0, 256, (PROXY, 3, size, size), dtype=torch.uint8)


def classifier_of(make: Make, size: int) -> Classifier:
    """A fresh classifier of RGB images of that side."""
    input = InputSpec(channels=3, height=size, width=size, mean=(0.5,) * 3, std=(0.5,) * 3)
    return Classifier(make(10), "a", NAMES, input)


def enrich_step(engine: Engine, batch: int, size: int = 32, make: Make = alexnet) -> Step:
    """Our step of enrich, without its report."""
    shape = GanShape(channels=3, size=size)
    parts = MethodParts(
        engine=engine,
        generator=Generator(DcganGenerator(shape), "dcgan", shape),
        discriminator=DcganDiscriminator(shape),
        classifier=engine.place(classifier_of(make, size)).freeze(),
        latent=shape.latent,
        lr=2e-4,
        settings=DeganSettings(),
    )
    learn = engine.graphed(Degan(parts).step)
    shuffle, proxy = Shuffle(PROXY, engine.device), proxy_images(size).to(engine.device)

    def step() -> None:
        learn(to_unit(proxy[shuffle.take(batch)]))

    return step


def distill_step(
    engine: Engine, batch: int, size: int = 32, make: Make = alexnet, make_student: Make = alexnet_half
) -> Step:
    """Our step of distill, without its report."""
    shape = GanShape(channels=3, size=size)
    samples = GeneratorSource(engine.place(Generator(DcganGenerator(shape), "dcgan", shape)), engine.device)
    teacher = engine.place(classifier_of(make, size)).freeze()
    student = engine.prepare(classifier_of(make_student, size)).train()
    optimiser = engine.adam(student.parameters(), 1e-3, 0.5)

    def update(images: Tensor) -> None:
        with engine.autocast():
            with torch.no_grad():
                wanted = teacher(images)
            loss = student_loss(student(images), wanted, 20.0, 0.0)
        engine.backward(loss)
        optimiser.step()
        optimiser.zero_grad()

    learn = engine.graphed(update)

    def step() -> None:
        with engine.autocast():
            images = samples.draw(batch)
        learn(images)

    return step


def plain_step(loop: str, device: torch.device, batch: int) -> Step:
    """The plain loop's step with the same networks, of PyTorch's own layers."""
    shape = GanShape(channels=3, size=32)

    def placed(network: nn.Module) -> nn.Module:
        return plain.with_library_layers(network).to(device)

    generator, teacher = placed(DcganGenerator(shape)), placed(alexnet(len(NAMES)))
    if loop == "enrich":
        discriminator, proxy = placed(DcganDiscriminator(shape)), proxy_images(32)
        return plain.enrich_step(generator, discriminator, teacher.eval(), proxy, batch, shape.latent, device)
    return plain.distill_step(generator, teacher, placed(alexnet_half(len(NAMES))), batch, shape.latent, device)


class PlainLoop:
    """The plain loop in a process of its own, so that nothing that ours sets for its process is given to it too."""

    def __init__(self, loop: str, device: torch.device, batch: int) -> None:
        context = multiprocessing.get_context("spawn")
        self.here, there = context.Pipe()
        self.process = context.Process(target=serve_plain, args=(there, loop, str(device), batch), daemon=True)
        self.process.start()

    def rate(self, steps: int) -> float:
        """Images per second over so many steps."""
        self.here.send(steps)
        return float(self.here.recv())

    def close(self) -> None:
        """End the process."""
        self.here.send(0)
        self.process.join()


def serve_plain(connection: Connection, loop: str, device: str, batch: int) -> None:
    """Answer each number of steps with the rate of so many, until 0 comes."""
    torch.manual_seed(0)
    step = plain_step(loop, torch.device(device), batch)
    while steps := connection.recv():
        connection.send(rate(step, batch, steps, torch.device(device)))


def rate(step: Step, batch: int, steps: int, device: torch.device) -> float:
    """Images per second over so many steps."""
    began = time.perf_counter()
    for _ in range(steps):
        step()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return batch * steps / (time.perf_counter() - began)


def matrix_rate(engine: Engine) -> float:
    """Floating-point operations per second of a 2048-square matrix product in the engine's precision."""
    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[engine.precision]
    a, b = (torch.randn(2048, 2048, device=engine.device).to(dtype) for _ in range(2))
    # The same product as a 1x1 convolution: on CPUs another library may compute it, and faster.
    pixels = torch.randn(8, 2048, 16, 16, device=engine.device).to(dtype).to(memory_format=torch.channels_last)
    products = (lambda: a @ b, lambda: conv2d(pixels, b[:, :, None, None]))
    return max(rate(product, 2 * 2048**3, 5, engine.device) for _ in range(4) for product in products)


def flop_per_image(step: Step, batch: int) -> float:
    """Floating-point operations of one step, counted in uncompiled form, per image."""
    with torch.compiler.set_stance("force_eager"), FlopCounterMode(display=False) as counter:
        step()
    return counter.get_total_flops() / batch


def compare(about: dict[str, Any], loop: str, variant: str, device: str, steps: int) -> dict[str, Any]:
    """Our loop against the plain one, in alternating turns."""
    precision, *extras = variant.split("+")
    make, batch = {"enrich": (enrich_step, 128), "distill": (distill_step, 64)}[loop]
    engine = start(device, precision, seed=0, compiled="compile" in extras, graphs="graphs" in extras)
    machine = matrix_rate(engine)
    ours = make(engine, batch)
    began = time.perf_counter()
    ours()
    first = time.perf_counter() - began
    naive = PlainLoop(loop, engine.device, batch)  # only now: its start would slow our first step
    naive.rate(2)
    rate(ours, batch, 3, engine.device)  # a recorded step is recorded at its fourth call
    turns = [[rate(ours, batch, steps, engine.device), naive.rate(steps)] for _ in range(TURNS)]
    naive.close()
    mine, theirs = (statistics.median(column) for column in zip(*turns, strict=True))
    flop = flop_per_image(make(replace(engine, graphs=False), batch), batch)  # a graph's replay counts nothing
    return (
        about
        | {"loop": loop, "device": engine.device.type, "precision": variant, "batch_size": batch, "seed": 0}
        | {"images_per_second": round(mine, 1), "plain_images_per_second": round(theirs, 1)}
        | {"ratio": round(mine / theirs, 2), "flop_per_image": round(flop), "first_step_seconds": round(first, 1)}
        | {"machine_flops": round(machine), "share": round(mine * flop / machine, 3)}
    )


def grow(about: dict[str, Any], loop: str, precision: str, device: str, batch: int, size: int) -> dict[str, Any]:
    """Our loop alone with ResNet-32 as classifier, teacher and student, at some batch and image size."""
    engine = start(device, precision, seed=0)
    machine = matrix_rate(engine)
    if loop == "enrich":
        ours = enrich_step(engine, batch, size, resnet32)
    else:
        ours = distill_step(engine, batch, size, resnet32, resnet32)
    ours()
    mine = statistics.median(rate(ours, batch, 2, engine.device) for _ in range(3))
    flop = flop_per_image(ours, batch)
    return (
        about
        | {"loop": loop, "device": engine.device.type, "precision": precision, "batch_size": batch, "seed": 0}
        | {"size": size, "images_per_second": round(mine, 1), "flop_per_image": round(flop)}
        | {"machine_flops": round(machine), "share": round(mine * flop / machine, 3)}
    )


def main() -> None:
    """Measure and write ``results/speed-DEVICE.json``, or ``growth-DEVICE.json``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--variants", default="fp32,bf16,bf16+compile")
    parser.add_argument("--steps", type=int, default=5, help=f"in each of {TURNS} turns")
    parser.add_argument("--growth", action="store_true")
    options = parser.parse_args()
    about = provenance(shlex.join(["python", "benchmarks/speed.py", *sys.argv[1:]]))
    results: list[dict[str, Any]] = []
    for loop in ("enrich", "distill"):
        if options.growth:
            cases = [(32, 32), (128, 32), (512, 32), (128, 64)]
            measured = (grow(about, loop, "bf16", options.device, batch, size) for batch, size in cases)
        else:
            variants = options.variants.split(",")
            measured = (compare(about, loop, variant, options.device, options.steps) for variant in variants)
        for result in measured:
            results.append(result)
            print(result, flush=True)
            write(f"{'growth' if options.growth else 'speed'}-{result['device']}", results)


if __name__ == "__main__":
    main()
