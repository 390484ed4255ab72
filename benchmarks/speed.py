"""Images per second of enrich and distill: ours against the plain loop, same networks and batch, alternating.

    python benchmarks/speed.py [--device cpu] [--precision fp32,bf16]

The AlexNet pair at 32 pixels and the DCGAN of the paper; batch 128 for enrich and 64 for distill. The share is of
the rate of a large matrix product in the same precision, measured in this run.
"""

from __future__ import annotations

import argparse
import copy
import shlex
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import plain
import torch
from results_file import write
from torch.nn.functional import conv2d
from torch.utils.flop_counter import FlopCounterMode

from degan_cli.engine import Engine, start
from degan_cli.gans.dcgan import Discriminator
from degan_cli.gans.dcgan import Generator as Network
from degan_cli.losses import student_loss
from degan_cli.methods import DeganSettings
from degan_cli.methods.degan import Degan
from degan_cli.models import Classifier, Generator
from degan_cli.networks.alexnet import alexnet, alexnet_half
from degan_cli.paper.provenance import provenance
from degan_cli.pixels import to_unit
from degan_cli.samples import GeneratorSource
from degan_cli.sampling import Shuffle
from degan_cli.specs import GanShape, InputSpec, MethodParts

SHAPE = GanShape(channels=3, size=32)
INPUT = InputSpec(channels=3, height=32, width=32, mean=(0.5,) * 3, std=(0.5,) * 3)
NAMES = tuple(map(str, range(10)))
Step = Callable[[], object]


def enrich_steps(engine: Engine, batch: int) -> tuple[Step, Step]:
    """Our step and the plain one, each with networks of its own."""
    proxy = torch.randint(0, 256, (5000, 3, 32, 32), dtype=torch.uint8)
    classifier = Classifier(alexnet(10), "alexnet", NAMES, INPUT)
    naive = plain.with_library_lrn(copy.deepcopy(classifier.network)).eval().to(engine.device)
    networks = [Network(SHAPE), Discriminator(SHAPE)]
    theirs = [copy.deepcopy(network).to(engine.device) for network in networks]
    parts = MethodParts(
        engine=engine,
        generator=Generator(networks[0], "dcgan", SHAPE),
        discriminator=networks[1],
        classifier=engine.place(classifier).freeze(),
        latent=SHAPE.latent,
        lr=2e-4,
        settings=DeganSettings(),
    )
    method, shuffle, on_device = Degan(parts), Shuffle(len(proxy), engine.device), proxy.to(engine.device)

    def ours() -> None:
        method.step(to_unit(on_device[shuffle.take(batch)]))

    return ours, plain.enrich_step(*theirs, naive, proxy, batch, SHAPE.latent, engine.device)


def distill_steps(engine: Engine, batch: int) -> tuple[Step, Step]:
    """Our step and the plain one, each with networks of its own."""
    teacher, student = (Classifier(make(10), "a", NAMES, INPUT) for make in (alexnet, alexnet_half))
    generator = Network(SHAPE)
    naive = [plain.with_library_lrn(copy.deepcopy(c.network)).to(engine.device) for c in (teacher, student)]
    step = plain.distill_step(copy.deepcopy(generator).to(engine.device), *naive, batch, SHAPE.latent, engine.device)
    samples = GeneratorSource(engine.place(Generator(generator, "dcgan", SHAPE)), engine.device)
    teacher, student = engine.place(teacher).freeze(), engine.prepare(student).train()
    optimiser = engine.adam(student.parameters(), 1e-3, 0.5)

    def ours() -> None:
        with engine.autocast():
            images = samples.draw(batch)
            with torch.no_grad():
                wanted = teacher(images)
            loss = student_loss(student(images), wanted, 20.0, 0.0)
        engine.backward(loss)
        optimiser.step()
        optimiser.zero_grad()

    return ours, step


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


def main() -> None:
    """Measure and write ``results/speed-DEVICE.json``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="fp32,bf16")
    parser.add_argument("--steps", type=int, default=5, help="in each of five turns")
    options = parser.parse_args()
    about = provenance(shlex.join(["python", "benchmarks/speed.py", *sys.argv[1:]]))
    results: list[dict[str, Any]] = []
    for precision in options.precision.split(","):
        for loop, make, batch in (("enrich", enrich_steps, 128), ("distill", distill_steps, 64)):
            engine = start(options.device, precision, seed=0)
            machine = matrix_rate(engine)
            ours, naive = make(engine, batch)
            for step in (ours, naive, ours, naive):
                step()
            with FlopCounterMode(display=False) as counter:
                ours()
            turns = [[rate(step, batch, options.steps, engine.device) for step in (ours, naive)] for _ in range(5)]
            mine, theirs = (statistics.median(column) for column in zip(*turns, strict=True))
            flop = counter.get_total_flops() / batch
            results.append(
                about
                | {"loop": loop, "device": engine.device.type, "precision": precision, "batch_size": batch, "seed": 0}
                | {"images_per_second": round(mine, 1), "plain_images_per_second": round(theirs, 1)}
                | {"ratio": round(mine / theirs, 2), "flop_per_image": round(flop)}
                | {"machine_flops": round(machine), "share": round(mine * flop / machine, 3)}
            )
            print(results[-1], flush=True)
            write(f"speed-{engine.device.type}", results)


if __name__ == "__main__":
    main()
