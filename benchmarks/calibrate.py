"""What int8 quantisation costs by the images that it is calibrated on: Fashion-MNIST, LeNet, proxy CIFAR-10.

    python benchmarks/calibrate.py --work runs/calibrate --data-dir data

One classifier, one generator and one exported network; each row calibrates on as many images, drawn anew for each
seed. Accuracy and agreement with the float32 network are measured on the true test images, which decide nothing.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch
from onnxruntime.quantization import quantize_static
from quantise import Pixels, classes
from results_file import write

from degan_cli import artifact
from degan_cli.config import EnrichSettings, ExportSettings, SampleSettings, TeacherSettings
from degan_cli.images import fit_uint8
from degan_cli.jobs import Session, enrich, export, sample, teacher
from degan_cli.paper.provenance import provenance

NAME = "calibration"
DATA, PROXY = "fashion-mnist", "cifar10"
SHAPE = (1, 32, 32)
TEACHER: dict[str, Any] = {"architecture": "lenet", "epochs": 5, "batch_size": 128}
GAN: dict[str, Any] = {"recipe": "few", "steps": 600, "batch_size": 64, "width": 16}
ROWS = {"true images": DATA, "samples of DeGAN": None, "proxy": PROXY, "noise": "noise"}
"""What is calibrated on, with the data set that it is drawn from."""


class Bench:
    """Classifier, generator and exported network, each made once."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.folder: Path = options.work
        self.number: int = options.number
        self.session = Session(quiet=True)
        self.shared: dict[str, Any] = {"data_dir": options.data_dir, "device": "cpu", "resume": True}
        self.classifier, self.generator, self.network = (
            self.folder / name for name in ("t.safetensors", "g.safetensors", "t.onnx")
        )
        made = TeacherSettings(dataset=DATA, output=self.classifier, **TEACHER, **self.shared)
        teacher(made, self.session)
        enrich(
            EnrichSettings(classifier=self.classifier, proxy=PROXY, output=self.generator, **GAN, **self.shared),
            self.session,
        )
        export(ExportSettings(model=self.classifier, target="onnx", output=self.network, force=True), self.session)
        self.finder = self.session.finder(made)
        test = self.finder.open(DATA, "test", SHAPE)
        assert test.labels is not None
        self.test, self.labels = fit_uint8(test.images, *SHAPE).numpy(), test.labels.numpy()

    def images(self, row: str, seed: int) -> Path:
        """The images to calibrate on, as stored samples."""
        path = self.folder / f"{row.replace(' ', '-')}-{seed}.safetensors"
        source = ROWS[row]
        if source is None:
            drawn = SampleSettings(
                generator=self.generator, number=self.number, balanced=True, seed=seed, output=path, force=True
            )
            sample(drawn, self.session)
        else:
            found = self.finder.open(source, "train", SHAPE).images
            chosen = torch.randperm(len(found), generator=torch.Generator().manual_seed(seed))[: self.number]
            artifact.save_samples(path, fit_uint8(found[chosen], *SHAPE), None, None, ())
        return path

    def quantised(self, row: str, seed: int) -> Path:
        """The network in int8."""
        path = self.folder / f"int8-{row.replace(' ', '-')}-{seed}.onnx"
        images = artifact.load_images(self.images(row, seed))[0].images
        quantize_static(self.network, path, Pixels(images.numpy()))
        return path


def main() -> None:
    """Make and measure all rows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("runs/calibrate"))
    parser.add_argument("--data-dir", type=Path, default=Path("data"))
    parser.add_argument("--number", type=int, default=500, help="images to calibrate on")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    bench = Bench(options)
    exact = classes(bench.network, bench.test)
    about = {"scale": f"{options.number} images", "images": options.number} | provenance(
        shlex.join(["python", *sys.argv])
    )

    def result(row: str, seeds: list[int], found: list[np.ndarray]) -> dict[str, Any]:
        accuracies, agreements = (
            [round(100 * float((one == wanted).mean()), 2) for one in found] for wanted in (bench.labels, exact)
        )
        place = {"table": NAME, "column": DATA, "row": row, "seeds": seeds}
        return place | {"measured": accuracies, "agreement": agreements} | about

    seeds = list(range(options.seeds))
    results = [result("float32", [0], [exact])]
    for row in ROWS:
        results.append(result(row, seeds, [classes(bench.quantised(row, seed), bench.test) for seed in seeds]))
        print(results[-1]["row"], results[-1]["measured"], results[-1]["agreement"], flush=True)
    write(NAME, results)


if __name__ == "__main__":
    main()
