"""How many images a GAN needs, and what its augmentation and moving average do: Fashion-MNIST from grey CIFAR-10.

    python benchmarks/few_images.py --work runs/few-images --max-minutes 60

Two questions, each a part of ``results/few-images.json``:

- ``help``: differentiable augmentation and the moving average of the generator, on and off, for some numbers of images;
- ``number``: students of the images, and of them and a GAN's samples, for some numbers and kinds of images.

Everything but what varies is the recipe ``few`` and equally long. What is there already is not made again. No test
image decides anything; accuracy is measured on them at the end.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import time
from itertools import product
from pathlib import Path
from typing import Any

from results_file import known, write
from teaching import taught, teacher_in

from degan_cli import artifact
from degan_cli.config import DistillSettings, EnrichSettings, EvaluateSettings
from degan_cli.images import fit_uint8
from degan_cli.jobs import Session, enrich, evaluate
from degan_cli.paper.provenance import provenance
from degan_cli.specs import ImageSet

NAME = "few-images"
DATA = "fashion-mnist"
GAN: dict[str, Any] = {"recipe": "few", "steps": 1000, "batch_size": 64, "width": 32}
STUDENT: dict[str, Any] = {"recipe": "patient", "epochs": 30, "steps_per_epoch": 256, "patience": 30}
HELP = {"neither": ("none", 0.0), "augmentation": (None, 0.0), "average": ("none", None), "both": (None, None)}
"""``--d-augment`` and ``--ema`` of a GAN; None is the recipe's own."""
NUMBERS_HELP = (500, 3000, 45_000)
NUMBERS = (50, 500, 5000)
KINDS = {"ten classes": "cifar10", "one class": "cifar10:0"}
ROWS = ("images, strong", "degan + images, strong")


class Bench:
    """Teacher, images and generators, each made once."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.folder: Path = options.work
        self.session = Session(quiet=True)
        self.shared: dict[str, Any] = {"data_dir": options.data_dir, "device": options.device}
        self.seed: int = options.seed
        self.again: dict[str, Any] = self.shared | {"seed": options.seed, "resume": True}
        long: dict[str, Any] = {"architecture": "lenet", "epochs": 60, "patience": 15}
        self.teacher = teacher_in(self.folder, DATA, self.session, **self.shared, **long)

    def images(self, kind: str, number: int) -> Path:
        """The first images of a kind, 32 pixels square and grey, as stored images."""
        path = self.folder / f"{kind.replace(' ', '-')}-{number}.safetensors"
        if not path.exists():
            settings = EvaluateSettings(model=self.teacher, dataset=KINDS[kind], split="train", **self.shared)
            found = self.session.finder(settings).open(KINDS[kind], "train").images[:number]
            if len(found) < number:
                raise SystemExit(f"{KINDS[kind]} has {len(found):,} images only")
            grey = ImageSet(images=fit_uint8(found, 1, 32, 32), labels=None, class_names=())
            artifact.save_dataset(path, grey, KINDS[kind], "train")
        return path

    def generator(self, proxy: Path, d_augment: str | None, ema: float | None) -> tuple[Path, dict[str, Any]]:
        """A GAN trained on the images, and what its samples look like to the teacher."""
        name = f"{proxy.stem}-{d_augment or 'changed'}-{'plain' if ema == 0 else 'averaged'}-{self.seed}"
        path = self.folder / f"{name}.safetensors"
        own: dict[str, Any] = {} if d_augment is None else {"d_augment": d_augment}
        own |= {} if ema is None else {"ema": ema}
        began = time.monotonic()
        enrich(
            EnrichSettings(classifier=self.teacher, proxy=str(proxy), output=path, **GAN, **own, **self.again),
            self.session,
        )
        seconds = round(time.monotonic() - began, 1)
        seen = evaluate(EvaluateSettings(model=path, dataset=DATA, number=2000, **self.shared), self.session).metrics
        return path, {"fid": round(seen["fid"], 2), "confidence": round(seen["confidence"], 3), "gan_seconds": seconds}

    def student(self, name: str, samples: tuple[Path, ...]) -> dict[str, Any]:
        """A student of the samples in equal parts, strongly changed; its accuracy on true test images."""
        path = self.folder / f"student-{name}-{self.seed}.safetensors".replace(" ", "-").replace(",", "")
        texts = tuple(str(sample) for sample in samples)
        student = DistillSettings(
            teacher=self.teacher, student="lenet-half", samples=texts, output=path, **STUDENT, **self.again
        )
        return taught(student, DATA, self.session)


def cell(bench: Bench, place: dict[str, Any]) -> dict[str, Any]:
    """One measurement of either part."""
    proxy, name = bench.images(place["images"], place["number"]), "-".join(map(str, place.values()))
    if place["part"] == "help":
        generator, seen = bench.generator(proxy, *HELP[place["row"]])
        return seen | bench.student(name, (generator,))
    if place["row"].startswith("images"):
        return bench.student(name, (proxy,))
    generator, seen = bench.generator(proxy, None, None)
    return seen | bench.student(name, (generator, proxy))


def places(seed: int) -> list[dict[str, Any]]:
    """All cells, in the order in which they are made."""
    number = [
        {"part": "number", "images": kind, "number": count, "row": row, "seed": seed}
        for kind, count, row in product(KINDS, NUMBERS, ROWS)
    ]
    helped = [
        {"part": "help", "images": "ten classes", "number": count, "row": row, "seed": seed}
        for count, row in product(NUMBERS_HELP, HELP)
    ]
    return number + helped


def main() -> None:
    """Make the cells that are missing, one after the other, until the time is over."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("runs/few-images"))
    parser.add_argument("--data-dir", type=Path, default=Path("data"))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--part", choices=("number", "help"), help="this part only")
    parser.add_argument("--images", choices=tuple(KINDS), help="this kind of images only")
    parser.add_argument("--number", type=int, help="so many images only")
    parser.add_argument("--max-minutes", type=float, default=float("inf"))
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    began, bench = time.monotonic(), Bench(options)
    wanted = {name: getattr(options, name) for name in ("part", "images", "number") if getattr(options, name)}
    for place in (place for place in places(options.seed) if wanted.items() <= place.items()):
        results = known(NAME)
        if any(place.items() <= result.items() for result in results):
            continue
        if time.monotonic() - began > 60 * options.max_minutes:
            print("the time is over; the same command goes on")
            return
        made = cell(bench, place)
        print(json.dumps(place | made), flush=True)
        about = provenance(shlex.join(["python", *sys.argv]))
        write(NAME, [*results, {"table": NAME, **place, **made} | about])


if __name__ == "__main__":
    main()
