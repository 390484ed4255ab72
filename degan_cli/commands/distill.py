"""``degan distill``: teach a student from a teacher and samples."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..options import (
    DATA,
    MODELS,
    TRAINING,
    Arch,
    Compile,
    DataDir,
    Device,
    Download,
    DryRun,
    Force,
    Json,
    MaxMinutes,
    NumClasses,
    Out,
    Precision,
    Quiet,
    Resume,
    Seed,
    plugins_from,
)
from ..outputs import claim, describe, finished_before, stem
from ..report import Report
from ..runs import DistillRun


def distill(
    context: typer.Context,
    teacher: Annotated[
        Path, typer.Option(help="Who teaches: an artifact or a safetensors state dict.", rich_help_panel=MODELS)
    ],
    student: Annotated[str, typer.Option(help="Architecture of the student.", rich_help_panel=MODELS)],
    samples: Annotated[
        list[str],
        typer.Option(
            help="A generator, a data set or stored samples; several with weights: g.safetensors@0.8.",
            rich_help_panel=DATA,
        ),
    ],
    arch: Arch = None,
    num_classes: NumClasses = None,
    epochs: Annotated[
        int, typer.Option(min=1, help="At most so many in each of two stages.", rich_help_panel=TRAINING)
    ] = 5000,
    steps_per_epoch: Annotated[int, typer.Option(min=1, help="Updates per epoch.", rich_help_panel=TRAINING)] = 256,
    batch_size: Annotated[int, typer.Option(min=2, help="Images per step and process.", rich_help_panel=TRAINING)] = 64,
    lr: Annotated[
        float, typer.Option(min=0, help="Adam's rate in the first stage; then a tenth.", rich_help_panel=TRAINING)
    ] = 1e-3,
    beta1: Annotated[
        float,
        typer.Option(
            min=0, max=0.999, help="Adam's first beta; the paper: 0.9 on stored images.", rich_help_panel=TRAINING
        ),
    ] = 0.5,
    temperature: Annotated[
        float, typer.Option(min=0.01, help="Softens both predictions.", rich_help_panel=TRAINING)
    ] = 20.0,
    ce_weight: Annotated[
        float,
        typer.Option(
            min=0, max=1, help="Share of cross-entropy with the teacher's top class.", rich_help_panel=TRAINING
        ),
    ] = 0.0,
    patience: Annotated[
        int, typer.Option(min=0, help="Epochs without better agreement that end a stage.", rich_help_panel=TRAINING)
    ] = 100,
    held_out: Annotated[
        int, typer.Option(min=1, help="Samples by which the student is selected.", rich_help_panel=TRAINING)
    ] = 4096,
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
    """Teach a student the teacher's predictions on samples; it is selected by agreement on held-out samples."""
    from .. import artifact
    from ..checkpoint import Checkpoint
    from ..engine import start
    from ..loops.distill import distill as train_student
    from ..models import Classifier
    from ..open_samples import open_samples
    from ..stopping import StopWatch

    plugins = plugins_from(context)
    spec = plugins.architectures.get(student)
    derived = f"{student}-{'-'.join(stem(sample.partition('@')[0]) for sample in samples)}"
    out = claim(output, derived, force=force, resume=resume, as_json=as_json, quiet=quiet)
    loaded = artifact.load_classifier(teacher, plugins, arch, num_classes)

    engine = start(device, precision, seed, compiled)
    source, parents = open_samples(
        samples, loaded, engine.device, plugins=plugins, data_dir=data_dir, download=download, seed=seed
    )
    run = DistillRun(
        teacher=str(teacher),
        arch=arch,
        num_classes=num_classes,
        student=spec.name,
        samples=tuple(samples),
        epochs=epochs,
        steps_per_epoch=steps_per_epoch,
        batch_size=batch_size,
        lr=lr,
        beta1=beta1,
        temperature=temperature,
        ce_weight=ce_weight,
        patience=patience,
        held_out=held_out,
        seed=seed,
        device=engine.device.type,
        precision=engine.precision,
        compiled=compiled,
    )
    class_names = loaded.model.class_names
    input = spec.input_for(*loaded.model.input.shape)
    learner = Classifier(spec.build(len(class_names), input), spec.name, class_names, input)
    if dry_run:
        return describe(out, run.to_json(), {"teacher": loaded.model, "student": learner}, {})
    if done := finished_before(out, run.to_json(), resume):
        return out.finish("classifier", done[1], done[0].metrics, reused=True)

    checkpoint = Checkpoint(out.folder, run.to_json(), engine)
    total = 2 * epochs * steps_per_epoch
    with StopWatch(max_minutes) as watch, Report("distill", total, out.folder, quiet, engine.is_main) as report:
        best, metrics = train_student(engine, loaded.model, learner, source, run, checkpoint, report, watch)

    if engine.is_main:
        sha256 = artifact.save_classifier(
            out.path,
            best,
            provider=plugins.architectures.provider(spec.name),
            run=run.to_json(),
            metrics=metrics,
            parents=[{"role": "teacher", "sha256": loaded.sha256}, *parents],
        )
        checkpoint.remove()
        summary = (
            f"agreement {metrics['agreement']:.2%} with the teacher on held-out samples, epoch {metrics['best_epoch']}"
        )
        next_command = f"degan eval {out.path} --dataset DATA --classifier {teacher}"
        out.finish("classifier", sha256, metrics, summary=summary, next_command=next_command)
    engine.close()
    return None
