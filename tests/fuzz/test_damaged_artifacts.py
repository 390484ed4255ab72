"""Damaged model files, stored images and packs: refused in one line, or read as what they still are."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from fuzz.harness import Answers, bounded_memory, drawn
from fuzz.mutations import damaged_file
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from degan_cli import artifact
from degan_cli.commands.tables import classifier_table, samples_table
from degan_cli.config import EvaluateSettings, ExportSettings, ReportSettings, RerunSettings, SampleSettings
from degan_cli.jobs import Session, evaluate, export, report, rerun, sample
from degan_cli.models import Classifier, Generator
from degan_cli.plugins import Plugins
from degan_cli.specs import ArchitectureSpec, GanShape, GanSpec, ImageSet, InputSpec

INPUT = InputSpec(channels=1, height=8, width=8, mean=(0.5,), std=(0.5,))
SHAPE = GanShape(channels=1, size=8, latent=4, width=2)
NAMES = ("cat", "dog", "owl")
RUN = {"dataset": "digits", "architecture": "tiny", "epochs": 1, "lr": 0.1, "optimiser": "adam", "fit": "crop"}


def network(classes: int, input: InputSpec) -> nn.Module:
    # Built at once for whatever a header claims, as real networks are: the memory is the test's business.
    return nn.Sequential(nn.Flatten(), nn.Linear(input.channels * input.height * input.width, classes))


def generator(shape: GanShape) -> nn.Module:
    pixels = shape.channels * shape.size**2
    layers = nn.Linear(shape.latent, pixels), nn.Sigmoid(), nn.Unflatten(1, (shape.channels, shape.size, shape.size))
    return nn.Sequential(*layers)


@pytest.fixture(scope="module")
def session() -> Session:
    plugins = Plugins()
    plugins.architectures.add(ArchitectureSpec(name="tiny", build=network, min_size=8), "degan-cli 0.1", "tests")
    plugins.gans.add(GanSpec(name="tiny", generator=generator, discriminator=generator), "degan-cli 0.1", "tests")
    return Session(plugins=plugins)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """One good file of each kind."""
    folder = tmp_path_factory.mktemp("good")
    torch.manual_seed(0)
    about = {"provider": "degan-cli 0.1", "metrics": {"accuracy": 0.5}, "run": RUN}
    teacher = Classifier(network(3, INPUT), "tiny", NAMES, INPUT)
    sha256 = artifact.save_classifier(folder / "classifier.safetensors", teacher, **about)
    parents = [{"role": "classifier", "sha256": sha256}]
    about["run"] = {**RUN, "method": "degan", "classifier": str(folder / "classifier.safetensors")}
    made = Generator(generator(SHAPE), "tiny", SHAPE)
    artifact.save_generator(folder / "generator.safetensors", made, NAMES, INPUT, parents=parents, **about)
    images, labels = torch.randint(0, 256, (6, 1, 8, 8), dtype=torch.uint8), torch.arange(6) % 3
    soft = torch.full((6, 3), 1 / 3)
    artifact.save_samples(folder / "samples.safetensors", images, soft, labels, NAMES, parents=parents, **about)
    data = ImageSet(images=images, labels=labels, class_names=NAMES)
    artifact.save_dataset(folder / "dataset.safetensors", data, "set", "test", provider="degan-cli 0.1")
    return folder


def readers(path: Path, good: Path, out: Path, session: Session):
    """Every job that reads an artifact, by name."""
    whole = {"model": path, "device": "cpu"}

    def table(**settings):
        found = evaluate(EvaluateSettings(**settings), session)
        print((classifier_table if found.kind == "classifier" else samples_table)(found.values))

    teacher, pack = good / "classifier.safetensors", str(good / "dataset.safetensors")
    out = {"output": out, "force": True}
    return {
        "eval": lambda: table(**whole, dataset=pack, number=4),
        "eval with another": lambda: table(**{**whole, "model": teacher}, classifier=path, dataset=pack),
        "report": lambda: report(ReportSettings(runs=(str(path),), number=4, device="cpu", **out), session),
        "images": lambda: table(**{**whole, "model": teacher}, dataset=str(path)),
        "export": lambda: export(ExportSettings(model=path, target="state-dict", **out), session),
        "sample": lambda: sample(SampleSettings(generator=path, number=4, device="cpu", **out), session),
        "rerun": lambda: rerun(RerunSettings(artifact=path, dry_run=True, **out), session),
    }


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("classifier", ("eval", "eval with another", "report", "export", "rerun")),
        ("generator", ("eval", "report", "sample", "rerun")),
        ("samples", ("eval", "report", "images", "sample")),
        ("dataset", ("images", "sample")),
    ],
)
def test_a_damaged_artifact_is_refused_in_one_line(kind, names, folder, session, tmp_path):
    good = (folder / f"{kind}.safetensors").read_bytes()
    path, answers = tmp_path / "damaged.safetensors", Answers((0, 2, 3, 4))

    @drawn()
    @given(data=damaged_file(good), name=st.sampled_from(names))
    def try_one(data: bytes, name: str) -> None:
        path.write_bytes(data)
        out = tmp_path / {"report": "out.html"}.get(name, "out.safetensors")
        answers.to(readers(path, folder, out, session)[name])

    with bounded_memory():
        try_one()
    assert answers.codes[3] > answers.codes.total() / 4
    answers.record(f"artifacts: {kind}")
