"""``degan condense``: a few synthetic images of each class, made from true data while they are at hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..datasets.class_names import NUMERALS
from ..errors import BadFile, UsageError
from ..options import (
    DATA,
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
from ..report import Report, few
from ..runs import CondenseRun, matching_loops

if TYPE_CHECKING:
    from ..specs import ImageSet


def condense(
    context: typer.Context,
    dataset: Annotated[
        str, typer.Option(help="Labelled images: a name, name:classes, a folder or a file.", rich_help_panel=DATA)
    ],
    per_class: Annotated[
        int, typer.Option(min=1, metavar="N", help="Images to make of each class.", rich_help_panel=DATA)
    ] = 10,
    image_size: Annotated[
        int | None, typer.Option(min=1, help="Fit all images to RGB of this side first.", rich_help_panel=DATA)
    ] = None,
    matching: Annotated[
        Literal["distribution", "gradient"],
        typer.Option(help="What to match of true images; gradient is far slower.", rich_help_panel=TRAINING),
    ] = "distribution",
    steps: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Updates of the images.  [default: 20000; gradient 1000 networks' worth]",
            show_default=False,
            rich_help_panel=TRAINING,
        ),
    ] = None,
    batch_size: Annotated[
        int, typer.Option(min=1, help="True images per class, step and process.", rich_help_panel=TRAINING)
    ] = 256,
    lr: Annotated[
        float | None,
        typer.Option(
            min=0, help="Of the images.  [default: 1; gradient 0.1]", show_default=False, rich_help_panel=TRAINING
        ),
    ] = None,
    augment: Annotated[
        bool, typer.Option(help="Change true and made images alike at random.", rich_help_panel=TRAINING)
    ] = True,
    flip: Annotated[
        bool | None,
        typer.Option(
            help="Whether that may mirror them.  [default: yes, unless the classes are digits]",
            show_default=False,
            rich_help_panel=TRAINING,
        ),
    ] = None,
    init: Annotated[
        Literal["real", "noise"] | None,
        typer.Option(
            help="Start from random true images, or from noise.  [default: real; noise for gradient --no-augment]",
            show_default=False,
            rich_help_panel=TRAINING,
        ),
    ] = None,
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
    """Condense labelled data into a few synthetic images of each class, to keep when the data must go.

    `degan distill --method cde` learns better with them than without data. Images that start from real ones may still
    show them; where nobody may be recognised, use --init noise.
    """
    from .. import artifact
    from ..checkpoint import Checkpoint
    from ..datasets.resolve import open_images
    from ..engine import start
    from ..loops import condense as loop
    from ..pixels import digest, fit_uint8
    from ..specs import ImageSet
    from ..stopping import StopWatch

    plugins = plugins_from(context)
    network = plugins.architectures.get("convnet")
    out = claim(output, f"{stem(dataset)}-condensed", force=force, resume=resume, as_json=as_json, quiet=quiet)
    shape = None if image_size is None else (3, image_size, image_size)
    data = open_images(dataset, "train", plugins=plugins, data_dir=data_dir, download=download, shape=shape)
    if data.labels is None:
        raise BadFile(
            f"{dataset}: no labels, but images are condensed class by class; sort them into one folder per class"
        )
    init = init or ("noise" if matching == "gradient" and not augment else "real")
    _check_counts(dataset, data, per_class if init == "real" else 1)
    input = network.input_for(*data.images.shape[1:])
    images = fit_uint8(data.images, *input.shape)

    engine = start(device, precision, seed)
    outer, inner = matching_loops(per_class) if matching == "gradient" else (1, 0)
    run = CondenseRun(
        dataset=dataset,
        per_class=per_class,
        matching=matching,
        augment=augment,
        flip=augment and (not set(data.class_names) <= set(NUMERALS) if flip is None else flip),
        init=init,
        steps=steps or (1000 * outer if matching == "gradient" else 20_000),
        batch_size=batch_size,
        lr=(0.1 if matching == "gradient" else 1.0) if lr is None else lr,
        outer=outer,
        inner=inner,
        seed=seed,
        device=engine.device.type,
        precision=engine.precision,
    )
    if dry_run:
        return describe(
            out, run.to_json(), {"convnet": network.build(len(data.class_names), input)}, {"images": images}
        )
    if done := finished_before(out, run.to_json(), resume):
        return out.finish("samples", done[1], done[0].metrics, reused=True)

    context.with_resource(out.alone(engine))
    checkpoint = Checkpoint(out.folder, run.to_json(), engine)
    with StopWatch(max_minutes) as watch, Report("condense", run.steps, out.folder, quiet, engine.is_main) as report:
        labelled = ImageSet(images=images, labels=data.labels, class_names=data.class_names)
        condensed, metrics = loop.condense(engine, labelled, run, checkpoint, report, watch)

    if engine.is_main:
        sha256 = artifact.save_samples(
            out.path,
            condensed.images,
            None,
            condensed.labels,
            condensed.class_names,
            run=run.to_json(),
            metrics=metrics,
            parents=[{"role": "dataset", "sha256": digest(data.images)}],
        )
        checkpoint.remove()
        summary = f"{metrics['images']} images for {metrics['real_images']:,}, loss {metrics['loss']:.4f}"
        next_command = f"degan distill --teacher TEACHER --student ARCH --method cde --condensed {out.path}"
        out.finish("samples", sha256, metrics, summary=summary, next_command=next_command)
    engine.close()
    return None


def _check_counts(dataset: str, data: ImageSet, wanted: int) -> None:
    """Raise unless each class has so many images."""
    assert data.labels is not None
    counts = data.labels.bincount(minlength=len(data.class_names)).tolist()
    if empty := [name for name, count in zip(data.class_names, counts, strict=True) if not count]:
        raise BadFile(
            f"{dataset}: no image of {few(empty)}; name the classes that have some, as in {stem(dataset)}:A,B"
        )
    short = [f"{name} ({count})" for name, count in zip(data.class_names, counts, strict=True) if count < wanted]
    if short:
        raise UsageError(
            f"--per-class {wanted} starts from as many true images, but {dataset} has fewer of {few(short)}; "
            "make it smaller, or add --init noise"
        )
