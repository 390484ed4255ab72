"""``degan teacher``: train a classifier on labelled data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import BadFile
from ..options import (
    DATA,
    MODELS,
    TRAINING,
    DataDir,
    Device,
    Download,
    DryRun,
    Force,
    Json,
    MaxMinutes,
    Out,
    Precision,
    Quiet,
    Resume,
    Seed,
    plugins_from,
)
from ..outputs import claim, describe, finished_before, stem
from ..report import Report, note
from ..runs import TeacherRun

if TYPE_CHECKING:
    from ..plugins import Plugins
    from ..specs import ImageSet


def teacher(
    context: typer.Context,
    dataset: Annotated[
        str, typer.Option(help="Labelled images: a name, name:classes, a folder or a file.", rich_help_panel=DATA)
    ],
    arch: Annotated[str, typer.Option(help="Architecture; see `degan list architectures`.", rich_help_panel=MODELS)],
    image_size: Annotated[
        int | None, typer.Option(min=1, help="Fit all images to RGB of this side first.", rich_help_panel=DATA)
    ] = None,
    epochs: Annotated[
        int, typer.Option(min=1, help="At most so many in each of two stages.", rich_help_panel=TRAINING)
    ] = 1000,
    batch_size: Annotated[int, typer.Option(min=2, help="Images per step and process.", rich_help_panel=TRAINING)] = 64,
    lr: Annotated[
        float, typer.Option(min=0, help="Adam's rate in the first stage; then a tenth.", rich_help_panel=TRAINING)
    ] = 1e-3,
    patience: Annotated[
        int, typer.Option(min=0, help="Epochs without a better score that end a stage.", rich_help_panel=TRAINING)
    ] = 100,
    output: Out = None,
    data_dir: DataDir = Path("data"),
    download: Download = False,
    device: Device = "auto",
    precision: Precision = "auto",
    seed: Seed = 0,
    max_minutes: MaxMinutes = None,
    resume: Resume = False,
    force: Force = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train a classifier on labelled data: a teacher, or the baseline taught by the true data.

    A fifth of the training images selects the best epoch; the test images are only reported.
    """
    from .. import artifact
    from ..checkpoint import Checkpoint
    from ..datasets.resolve import open_images
    from ..engine import start
    from ..loops.evaluate import evaluate_classifier
    from ..loops.teacher import train_teacher
    from ..models import Classifier
    from ..pixels import digest, fit_uint8
    from ..specs import ImageSet
    from ..stopping import StopWatch

    plugins = plugins_from(context)
    spec = plugins.architectures.get(arch)
    out = claim(output, f"{stem(dataset)}-{arch}", force=force, resume=resume, as_json=as_json, quiet=quiet)
    shape = None if image_size is None else (3, image_size, image_size)
    data = open_images(dataset, "train", plugins=plugins, data_dir=data_dir, download=download, shape=shape)
    if data.labels is None:
        raise BadFile(f"{dataset}: no labels, but a teacher needs them; sort the images into one folder per class")
    input = spec.input_for(*data.images.shape[1:])
    images = fit_uint8(data.images, *input.shape)

    engine = start(device, precision, seed)
    run = TeacherRun(
        dataset=dataset,
        architecture=spec.name,
        epochs=epochs,
        batch_size=batch_size,
        lr=lr,
        patience=patience,
        seed=seed,
        device=engine.device.type,
        precision=engine.precision,
    )
    classifier = Classifier(spec.build(len(data.class_names), input), spec.name, data.class_names, input)
    if dry_run:
        return describe(out, run.to_json(), {"classifier": classifier}, {"images": images})
    if done := finished_before(out, run.to_json(), resume):
        return out.finish("classifier", done[1], done[0].metrics, reused=True)

    steps = 2 * epochs * max(1, round(0.8 * len(images) / (batch_size * engine.processes)))
    checkpoint = Checkpoint(out.folder, run.to_json(), engine)
    with StopWatch(max_minutes) as watch, Report("teacher", steps, out.folder, quiet, engine.is_main) as report:
        labelled = ImageSet(images=images, labels=data.labels, class_names=data.class_names)
        best, metrics = train_teacher(engine, classifier, labelled, run, checkpoint, report, watch)

    if engine.is_main:
        test = _test_images(dataset, data, plugins, data_dir)
        if test is not None and test.labels is not None:
            metrics["test_accuracy"] = evaluate_classifier(engine, best, test)["accuracy"]
        sha256 = artifact.save_classifier(
            out.path,
            best,
            provider=plugins.architectures.provider(spec.name),
            run=run.to_json(),
            metrics=metrics,
            parents=[{"role": "data", "sha256": digest(data.images)}],
        )
        checkpoint.remove()
        summary = f"accuracy {metrics['held_out_accuracy']:.2%} on held-out training images"
        if "test_accuracy" in metrics:
            summary += f", {metrics['test_accuracy']:.2%} on the test images"
        next_command = f"degan enrich --classifier {out.path} --proxy PROXY"
        out.finish("classifier", sha256, metrics, summary=summary, next_command=next_command)
    engine.close()
    return None


def _test_images(dataset: str, train: ImageSet, plugins: Plugins, data_dir: Path) -> ImageSet | None:
    """The test split, or None where there is none: some folders give the same images for every split."""
    import torch

    from ..datasets.resolve import open_images

    try:
        channels, height, width = train.images.shape[1:]
        test = open_images(
            dataset, "test", plugins=plugins, data_dir=data_dir, download=False, shape=(channels, height, width)
        )
    except BadFile as error:
        note(f"no test accuracy: {error}")
        return None
    same = test.images.shape == train.images.shape and torch.equal(test.images, train.images)
    return None if same else test
