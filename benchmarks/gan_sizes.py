"""GAN backbones on a thousand pictures of 64 pixels: crops of two photographs, through a classifier of CIFAR-10.

    python benchmarks/gan_sizes.py --work runs/gan-sizes --data-dir data

Each backbone trains for equally many updates by ``--recipe few``, with differentiable augmentation. The distance is
that of 1,000 samples to 1,000 crops that no GAN has seen, in the classifier's features. Results are added to
``results/gan-sizes.json``; what is there is not made again. All but ``dcgan`` are plugins, which must be installed.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import time
from pathlib import Path
from typing import Any

from results_file import known, write

from degan_cli import artifact
from degan_cli.config import EnrichSettings, EvaluateSettings, TeacherSettings
from degan_cli.datasets.finder import DataFinder
from degan_cli.images import fit_uint8
from degan_cli.jobs import Session, enrich, evaluate, teacher
from degan_cli.paper.provenance import provenance
from degan_cli.specs import ImageSet

NAME = "gan-sizes"
GANS = ("dcgan", "resnet-gan", "light-gan")
SIZE = 64
IMAGES = 1000
CLASSIFIER: dict[str, Any] = {
    "architecture": "timm/test_resnet",
    "optimiser": "sgd",
    "epochs": 6,
    "lr": 0.05,
    "augment": "flip",
    "held_out": 0.0,
}
LEARNED = 4000
"""Images of CIFAR-10 that the classifier learns."""


def stored(folder: Path, finder: DataFinder, expression: str, split: str, number: int) -> Path:
    """The first images of a set, 64 pixels square, as stored images."""
    path = folder / f"{expression}-{split}.safetensors"
    if not path.exists():
        data = finder.open(expression, split, shape=(3, SIZE, SIZE) if expression == "photos" else None)
        labels = None if data.labels is None else data.labels[:number]
        images = fit_uint8(data.images[:number], 3, SIZE, SIZE)
        artifact.save_dataset(
            path, ImageSet(images=images, labels=labels, class_names=data.class_names), expression, split
        )
    return path


def measure(gan: str, options: argparse.Namespace) -> dict[str, Any]:
    """One backbone: its distance, what the classifier sees in its samples, and the time of an update."""
    session, folder, classifier = Session(quiet=True), options.work, options.work / "classifier.safetensors"
    finder = DataFinder(plugins=session.plugins, data_dir=options.data_dir)
    learned, seen = (stored(folder, finder, "cifar10", split, LEARNED) for split in ("train", "test"))
    proxy, unseen = (stored(folder, finder, "photos", split, IMAGES) for split in ("train", "test"))
    if not classifier.exists():
        teacher(TeacherSettings(dataset=str(learned), output=classifier, resume=True, **CLASSIFIER), session)
    accuracy = evaluate(EvaluateSettings(model=classifier, dataset=str(seen)), session).metrics["accuracy"]

    generator = folder / f"{gan}-{options.steps}-{options.seed}.safetensors"
    wanted = EnrichSettings(
        classifier=classifier,
        proxy=str(proxy),
        gan=gan,
        recipe="few",
        steps=options.steps,
        batch_size=options.batch_size,
        width=options.width,
        seed=options.seed,
        output=generator,
        force=True,
    )
    began = time.process_time()
    made = enrich(wanted, session)
    seconds = time.process_time() - began
    found = evaluate(EvaluateSettings(model=generator, dataset=str(unseen), number=IMAGES), session).metrics
    return {
        "fid": round(found["fid"], 3),
        "coverage": round(found["coverage"], 3),
        "classes_seen": made.metrics["classes_seen"],
        "confidence": round(made.metrics["confidence"], 3),
        "cpu_seconds_per_step": round(seconds / options.steps, 3),
        "classifier_accuracy": round(100 * accuracy, 2),
    }


def main() -> None:
    """Measure the backbones that are missing, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("runs/gan-sizes"))
    parser.add_argument("--data-dir", type=Path, default=Path("data"))
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    shape = {name: getattr(options, name) for name in ("steps", "batch_size", "width", "seed")}
    for gan in GANS:
        place = {"table": NAME, "row": gan, "size": SIZE, "images": IMAGES, **shape}
        results = known(NAME)
        if any(place.items() <= result.items() for result in results):
            continue
        made = place | measure(gan, options)
        print(json.dumps(made), flush=True)
        write(NAME, [*results, made | provenance(shlex.join(["python", *sys.argv]))])


if __name__ == "__main__":
    main()
