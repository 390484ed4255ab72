"""``degan distill``: teach a student from a teacher and samples."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from ..errors import UsageError
from ..options import (
    DATA,
    MODELS,
    TRAINING,
    Arch,
    Compile,
    CudaGraphs,
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
    WeightDecay,
    plugins_from,
)
from ..outputs import claim, describe, finished_before, stem
from ..report import Report
from ..runs import PAPER_STUDENT, RECIPES, DistillRun, read_milestones
from ..settings import read_settings
from .method_options import check_samples, live_run

UPDATES = "Samples made meanwhile (--method); defaults are the method's"
"""A panel of ``--help``."""


def distill(
    context: typer.Context,
    teacher: Annotated[
        Path, typer.Option(help="Who teaches: an artifact or a safetensors state dict.", rich_help_panel=MODELS)
    ],
    student: Annotated[str, typer.Option(help="Architecture of the student.", rich_help_panel=MODELS)],
    samples: Annotated[
        list[str] | None,
        typer.Option(
            help="A generator, a data set or stored samples; several with weights: g.safetensors@0.8.",
            show_default=False,
            rich_help_panel=DATA,
        ),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(
            help="Makes the samples while the student learns, instead of --samples; see `degan list methods`.",
            show_default=False,
            rich_help_panel=MODELS,
        ),
    ] = None,
    proxy: Annotated[
        str | None, typer.Option(help="Images at hand, for a --method that uses some.", rich_help_panel=DATA)
    ] = None,
    condensed: Annotated[
        str | None,
        typer.Option(help="A few labelled images per class, for a --method that uses some.", rich_help_panel=DATA),
    ] = None,
    test_data: Annotated[
        str | None,
        typer.Option(
            help="Labelled images on which the student is watched; they decide nothing.", rich_help_panel=DATA
        ),
    ] = None,
    gan: Annotated[
        str | None, typer.Option(help="Backbone of --method.  [default: the method's]", rich_help_panel=MODELS)
    ] = None,
    arch: Arch = None,
    num_classes: NumClasses = None,
    optimiser: Annotated[
        Literal["adam", "sgd"] | None,
        typer.Option(help="Of the student.  [default: adam]", show_default=False, rich_help_panel=TRAINING),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="At most so many in each of two stages; with --method so many in all.  [default: 5000; the method's]",
            show_default=False,
            rich_help_panel=TRAINING,
        ),
    ] = None,
    steps_per_epoch: Annotated[
        int | None,
        typer.Option(
            min=1, help="Updates.  [default: 256; the method's]", show_default=False, rich_help_panel=TRAINING
        ),
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(
            min=2,
            help="Images per step and process.  [default: 64; the method's]",
            show_default=False,
            rich_help_panel=TRAINING,
        ),
    ] = None,
    lr: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Rate in the first stage; then a tenth.  [default: 1e-3; the method's]",
            show_default=False,
            rich_help_panel=TRAINING,
        ),
    ] = None,
    weight_decay: WeightDecay = None,
    milestones: Annotated[
        str | None,
        typer.Option(
            metavar="E,E,...",
            help="Epochs after which the rate falls to a tenth, with --method.  [default: the method's]",
            show_default=False,
            rich_help_panel=TRAINING,
        ),
    ] = None,
    beta1: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=0.999,
            help="Adam's first beta; the paper: 0.9 on stored images.  [default: 0.5; with --method 0.9]",
            show_default=False,
            rich_help_panel=TRAINING,
        ),
    ] = None,
    loss: Annotated[
        Literal["kd", "l1"] | None,
        typer.Option(
            help="Softened predictions, or distance of logits.  [default: kd; the method's]",
            show_default=False,
            rich_help_panel=TRAINING,
        ),
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option(
            min=0.01,
            help="Softens both predictions.  [default: 20; the method's]",
            show_default=False,
            rich_help_panel=TRAINING,
        ),
    ] = None,
    ce_weight: Annotated[
        float,
        typer.Option(
            min=0, max=1, help="Share of cross-entropy with the teacher's top class.", rich_help_panel=TRAINING
        ),
    ] = 0.0,
    augment: Annotated[
        Literal["none", "crop", "flip", "crop-flip", "heavy"],
        typer.Option(
            help="Done to each image at random before the teacher sees it; heavy also turns, masks and relights.",
            rich_help_panel=TRAINING,
        ),
    ] = "none",
    patience: Annotated[
        int, typer.Option(min=0, help="Epochs without better agreement that end a stage.", rich_help_panel=TRAINING)
    ] = 100,
    held_out: Annotated[
        int, typer.Option(min=1, help="Samples by which the student is selected.", rich_help_panel=TRAINING)
    ] = 4096,
    update_every: Annotated[
        int | None, typer.Option(min=1, help="Steps of the student for one update.", rich_help_panel=UPDATES)
    ] = None,
    update_batch: Annotated[
        int | None, typer.Option(min=2, help="Images in an update.", rich_help_panel=UPDATES)
    ] = None,
    update_steps: Annotated[
        int | None,
        typer.Option(min=1, help="Adam's steps for a batch, where the images are optimised.", rich_help_panel=UPDATES),
    ] = None,
    update_lr: Annotated[
        float | None, typer.Option(min=0, help="Adam's rate of generator or images.", rich_help_panel=UPDATES)
    ] = None,
    latent: Annotated[
        int | None, typer.Option(min=1, help="Length of the noise vector.  [default: 100]", rich_help_panel=UPDATES)
    ] = None,
    width: Annotated[
        int | None,
        typer.Option(min=1, help="Channels of the last layers.  [default: 64]", rich_help_panel=UPDATES),
    ] = None,
    replay: Annotated[
        Literal["none", "bank", "vae"] | None,
        typer.Option(help="Memory of earlier samples: stored images, or a small VAE.", rich_help_panel=UPDATES),
    ] = None,
    replay_share: Annotated[
        float | None,
        typer.Option(
            min=0, max=0.9, help="Of the student's images, from that memory.  [default: 0.125]", rich_help_panel=UPDATES
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A setting of the method.", rich_help_panel=UPDATES),
    ] = None,
    output: Out = None,
    data_dir: DataDir = Path("data"),
    download: Download = False,
    device: Device = "auto",
    precision: Precision = "auto",
    compiled: Compile = False,
    graphs: CudaGraphs = False,
    seed: Seed = 0,
    max_minutes: MaxMinutes = None,
    resume: Resume = False,
    force: Force = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Teach a student the teacher's predictions on samples; it is selected by agreement on held-out samples.

    With --method the samples are made meanwhile, and the last student is kept.
    """
    from .. import artifact
    from ..checkpoint import Checkpoint
    from ..engine import start
    from ..loops.distill import distill as train_student
    from ..models import Classifier
    from ..open_live import Place, open_live, open_test
    from ..open_samples import open_samples
    from ..stopping import StopWatch

    updates = {
        "every": update_every, "batch_size": update_batch, "steps": update_steps, "lr": update_lr, "latent": latent,
        "width": width, "gan": gan, "proxy": proxy, "condensed": condensed, "replay": replay,
        "replay_share": replay_share,
    }  # fmt: skip
    samples = samples or []
    check_samples(method, samples, updates, set_ or [])
    plugins = plugins_from(context)
    spec = plugins.architectures.get(student)
    method_spec = None if method is None else plugins.methods.get(method)
    recipe = PAPER_STUDENT if method_spec is None else method_spec.recipe
    settings = None if method_spec is None else read_settings(method_spec, set_ or [], {})
    sources = [stem(sample.partition("@")[0]) for sample in samples] if method is None else [method]
    out = claim(output, "-".join([student, *sources]), force=force, resume=resume, as_json=as_json, quiet=quiet)
    loaded = artifact.load_classifier(teacher, plugins, arch, num_classes)
    live = None
    if method_spec is not None:
        live = live_run(method_spec, loaded.model.input, updates, settings, plugins)
    chosen = optimiser or recipe.optimiser
    if chosen == "adam" and weight_decay:
        raise UsageError("--weight-decay belongs to --optimiser sgd; adam has none here")
    if live is None and milestones is not None:
        raise UsageError("--milestones belongs to --method; on fixed samples --patience ends a stage")
    decay = RECIPES[chosen].weight_decay
    total_epochs = epochs or recipe.epochs

    engine = start(device, precision, seed, compiled, graphs)
    run = DistillRun(
        teacher=str(teacher),
        arch=arch,
        num_classes=num_classes,
        student=spec.name,
        samples=tuple(samples),
        live=live,
        test_data=test_data,
        optimiser=chosen,
        epochs=total_epochs,
        steps_per_epoch=steps_per_epoch or recipe.steps_per_epoch,
        batch_size=batch_size or recipe.batch_size,
        lr=recipe.lr if lr is None else lr,
        weight_decay=decay if weight_decay is None else weight_decay,
        milestones=() if live is None else read_milestones(milestones, total_epochs, recipe.drops),
        beta1=recipe.beta1 if beta1 is None else beta1,
        loss=loss or recipe.loss,
        augment=augment,
        temperature=recipe.temperature if temperature is None else temperature,
        ce_weight=ce_weight,
        patience=patience,
        held_out=held_out,
        seed=seed,
        device=engine.device.type,
        precision=engine.precision,
        compiled=compiled,
        graphs=graphs,
    )
    class_names = loaded.model.class_names
    input = spec.input_for(*loaded.model.input.shape)
    learner = Classifier(spec.build(len(class_names), input), spec.name, class_names, input)
    if dry_run:
        return describe(out, run.to_json(), {"teacher": loaded.model, "student": learner}, {})
    if done := finished_before(out, run.to_json(), resume):
        return out.finish("classifier", done[1], done[0].metrics, reused=True)

    place = Place(plugins=plugins, data_dir=data_dir, download=download)
    frozen = engine.place(loaded.model).freeze()
    if live is None:
        source, parents = open_samples(
            samples, loaded, engine.device, plugins=plugins, data_dir=data_dir, download=download, seed=seed
        )
    else:
        source, parents = open_live(engine, live, settings, frozen, engine.place(learner), seed, place)
    test = None if test_data is None else open_test(test_data, frozen, place)
    context.with_resource(out.alone(engine))
    checkpoint = Checkpoint(out.folder, run.to_json(), engine)
    total = (2 if live is None else 1) * run.epochs * run.steps_per_epoch
    with StopWatch(max_minutes) as watch, Report("distill", total, out.folder, quiet, engine.is_main) as report:
        best, metrics = train_student(engine, frozen, learner, source, run, checkpoint, report, watch, test)

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
        if live is not None or test is not None:
            curve = metrics["curve"]
            summary += (
                f"; {curve['of']} over {len(curve['values'])} epochs: last {curve['last']:.2%}, "
                f"mean {curve['mean']:.2%}, spread {curve['variance'] ** 0.5:.2%}, peak {curve['peak']:.2%}"
            )
        next_command = f"degan eval {out.path} --dataset DATA --classifier {teacher}"
        out.finish("classifier", sha256, metrics, summary=summary, next_command=next_command)
    engine.close()
    return None
