"""``degan teacher``: train a classifier on labelled data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ..errors import BadFile, UsageError
from ..options import (
    DATA,
    MODELS,
    TRAINING,
    Augment,
    Compile,
    DataDir,
    Device,
    Download,
    DryRun,
    Force,
    Json,
    MaxMinutes,
    Milestones,
    Out,
    Precision,
    Quiet,
    Resume,
    Seed,
    WeightDecay,
    plugins_from,
)
from ..outputs import claim, describe, finished_before, stem
from ..report import Report
from ..runs import RECIPES, TeacherRun, read_milestones


def teacher(
    context: typer.Context,
    dataset: Annotated[
        str, typer.Option(help="Labelled images: a name, name:classes, a folder or a file.", rich_help_panel=DATA)
    ],
    arch: Annotated[str, typer.Option(help="Architecture; see `degan list architectures`.", rich_help_panel=MODELS)],
    image_size: Annotated[
        int | None, typer.Option(min=1, help="Fit all images to RGB of this side first.", rich_help_panel=DATA)
    ] = None,
    optimiser: Annotated[
        Literal["adam", "sgd"],
        typer.Option(
            help="adam: two stages, the best epoch is kept; sgd: a step schedule, the last is.",
            rich_help_panel=TRAINING,
        ),
    ] = "adam",
    epochs: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="At most, in each of adam's stages; sgd's in all.  [default: 1000; 250]",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(min=2, help="Images per step and process.  [default: 64; sgd 128]", rich_help_panel=TRAINING),
    ] = None,
    lr: Annotated[
        float | None,
        typer.Option(
            min=0, help="The rate at first; later tenths of it.  [default: 1e-3; sgd 0.1]", rich_help_panel=TRAINING
        ),
    ] = None,
    patience: Annotated[
        int, typer.Option(min=0, help="Epochs without a better score that end a stage.", rich_help_panel=TRAINING)
    ] = 100,
    milestones: Milestones = None,
    weight_decay: WeightDecay = None,
    augment: Annotated[Augment, typer.Option(help="Done to each image at random.", rich_help_panel=TRAINING)] = "none",
    outputs: Annotated[
        Literal["softmax", "sigmoid"],
        typer.Option(help="sigmoid: one per class, as iCaRL trains them.", rich_help_panel=TRAINING),
    ] = "softmax",
    held_out: Annotated[
        float,
        typer.Option(min=0, max=0.9, help="Share of the training images to select by.", rich_help_panel=TRAINING),
    ] = 0.2,
    output: Out = None,
    data_dir: DataDir = Path("data"),
    download: Download = False,
    device: Device = "auto",
    precision: Precision = "auto",
    compiled: Compile = False,
    seed: Seed = 0,
    max_minutes: MaxMinutes = None,
    resume: Resume = False,
    force: Force = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train a classifier on labelled data: a teacher, or the baseline taught by the true data.

    A fifth of the training images selects the best epoch; the test images are only reported. With --optimiser sgd the
    last epoch is kept, so --held-out may be 0.
    """
    from .. import artifact
    from ..checkpoint import Checkpoint
    from ..datasets.resolve import open_images, open_test_images
    from ..engine import start
    from ..loops.evaluate import evaluate_classifier
    from ..loops.teacher import train_teacher
    from ..models import Classifier
    from ..pixels import digest, fit_uint8
    from ..specs import ImageSet
    from ..stopping import StopWatch

    if optimiser == "adam" and held_out == 0:
        raise UsageError("--held-out 0: adam's stages end by a held-out score; add --optimiser sgd")
    if optimiser == "adam" and (milestones is not None or weight_decay is not None):
        raise UsageError("--milestones and --weight-decay belong to a step schedule; add --optimiser sgd")
    usual = RECIPES[optimiser]
    epochs = epochs or usual.epochs
    plugins = plugins_from(context)
    spec = plugins.architectures.get(arch)
    out = claim(output, f"{stem(dataset)}-{arch}", force=force, resume=resume, as_json=as_json, quiet=quiet)
    shape = None if image_size is None else (3, image_size, image_size)
    data = open_images(dataset, "train", plugins=plugins, data_dir=data_dir, download=download, shape=shape)
    if data.labels is None:
        raise BadFile(f"{dataset}: no labels, but a teacher needs them; sort the images into one folder per class")
    input = spec.input_for(*data.images.shape[1:])
    images = fit_uint8(data.images, *input.shape)

    engine = start(device, precision, seed, compiled)
    run = TeacherRun(
        dataset=dataset,
        architecture=spec.name,
        optimiser=optimiser,
        epochs=epochs,
        batch_size=batch_size or usual.batch_size,
        lr=usual.lr if lr is None else lr,
        patience=patience,
        weight_decay=usual.weight_decay if weight_decay is None else weight_decay,
        milestones=read_milestones(milestones, epochs) if optimiser == "sgd" else (),
        augment=augment,
        outputs=outputs,
        held_out=held_out,
        seed=seed,
        device=engine.device.type,
        precision=engine.precision,
        compiled=compiled,
    )
    classifier = Classifier(spec.build(len(data.class_names), input), spec.name, data.class_names, input)
    if dry_run:
        return describe(out, run.to_json(), {"classifier": classifier}, {"images": images})
    if done := finished_before(out, run.to_json(), resume):
        return out.finish("classifier", done[1], done[0].metrics, reused=True)

    epochs_at_most = run.epochs * (2 if optimiser == "adam" else 1)
    steps = epochs_at_most * max(1, round((1 - held_out) * len(images) / (run.batch_size * engine.processes)))
    context.with_resource(out.alone(engine))
    checkpoint = Checkpoint(out.folder, run.to_json(), engine)
    with StopWatch(max_minutes) as watch, Report("teacher", steps, out.folder, quiet, engine.is_main) as report:
        labelled = ImageSet(images=images, labels=data.labels, class_names=data.class_names)
        best, metrics = train_teacher(engine, classifier, labelled, run, checkpoint, report, watch)

    if engine.is_main:
        test = open_test_images(dataset, data, plugins=plugins, data_dir=data_dir)
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
        seen = {"held_out_accuracy": "held-out training images", "test_accuracy": "the test images"}
        found = [f"{metrics[name]:.2%} on {where}" for name, where in seen.items() if name in metrics]
        summary = f"accuracy {', '.join(found) or 'unknown: there are no held-out and no test images'}"
        next_command = f"degan enrich --classifier {out.path} --proxy PROXY"
        out.finish("classifier", sha256, metrics, summary=summary, next_command=next_command)
    engine.close()
    return None
