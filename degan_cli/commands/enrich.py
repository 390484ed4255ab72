"""``degan enrich``: train a generator of samples that stand for a classifier's lost data."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ..errors import BadFile, UsageError
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
from ..runs import PAPER_STEPS, EnrichRun, paper_batch_size
from ..settings import read_settings


def enrich(
    context: typer.Context,
    classifier: Annotated[
        Path, typer.Option(help="Whose data is gone: an artifact or a safetensors state dict.", rich_help_panel=MODELS)
    ],
    proxy: Annotated[
        str, typer.Option(help="Images at hand: a name, name:classes, a folder or a file.", rich_help_panel=DATA)
    ],
    method: Annotated[str, typer.Option(help="See `degan list methods`.", rich_help_panel=MODELS)] = "degan",
    gan: Annotated[str, typer.Option(help="Backbone; see `degan list gans`.", rich_help_panel=MODELS)] = "dcgan",
    arch: Arch = None,
    num_classes: NumClasses = None,
    steps: Annotated[
        int | None, typer.Option(min=1, help="Updates of the generator.  [default: 5000]", rich_help_panel=TRAINING)
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Passes over the proxy, instead of --steps.", rich_help_panel=TRAINING)
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(
            min=2,
            help="Images per step and process.  [default: a 25th of the proxy, 64 to 2048]",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    lr: Annotated[float, typer.Option(min=0, help="Adam's rate of both networks.", rich_help_panel=TRAINING)] = 2e-4,
    latent: Annotated[int, typer.Option(min=1, help="Length of the noise vector.", rich_help_panel=TRAINING)] = 100,
    width: Annotated[int, typer.Option(min=1, help="Channels of the narrowest layers.", rich_help_panel=TRAINING)] = 64,
    lambda_e: Annotated[
        float | None,
        typer.Option(min=0, help="Weight of the entropy term: more for a far proxy.", rich_help_panel=TRAINING),
    ] = None,
    lambda_d: Annotated[
        float | None, typer.Option(min=0, help="Weight of the diversity term.", rich_help_panel=TRAINING)
    ] = None,
    ema: Annotated[
        float,
        typer.Option(min=0, max=0.99999, help="Decay of the stored moving average; 0: none.", rich_help_panel=TRAINING),
    ] = 0.0,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A setting of the method.", rich_help_panel=TRAINING),
    ] = None,
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
    """Train a generator whose samples stand for the classifier's lost data, from the proxy images."""
    from .. import artifact
    from ..checkpoint import Checkpoint
    from ..datasets.resolve import open_images
    from ..engine import start
    from ..loops.enrich import enrich as train_generator
    from ..models import Generator
    from ..pixels import digest
    from ..specs import GanShape, MethodParts
    from ..stopping import StopWatch

    if steps is not None and epochs is not None:
        raise UsageError("--steps and --epochs both say how long to train; give one of them")
    plugins = plugins_from(context)
    method_spec = plugins.methods.get(method)
    gan_spec = plugins.gans.get(gan)
    weights = {"lambda_e": lambda_e, "lambda_d": lambda_d}
    settings = read_settings(
        method_spec, set_ or [], {name: value for name, value in weights.items() if value is not None}
    )
    out = claim(
        output,
        f"{stem(str(classifier))}-{method}-{stem(proxy)}",
        force=force,
        resume=resume,
        as_json=as_json,
        quiet=quiet,
    )

    loaded = artifact.load_classifier(classifier, plugins, arch, num_classes)
    channels, height, image_width = loaded.model.input.shape
    size = max(gan_spec.min_size, 1 << (max(height, image_width) - 1).bit_length())
    shape = GanShape(channels=channels, size=size, latent=latent, width=width)
    images = open_images(
        proxy, "train", plugins=plugins, data_dir=data_dir, download=download, shape=(channels, size, size)
    ).images
    if len(images) < 2:
        raise BadFile(f"{proxy}: {len(images)} image(s); a proxy needs at least 2, and does well with thousands")

    engine = start(device, precision, seed, compiled)
    batch = batch_size or paper_batch_size(len(images))
    if epochs is not None:
        steps = epochs * max(1, round(len(images) / (batch * engine.processes)))
    run = EnrichRun(
        classifier=str(classifier),
        arch=arch,
        num_classes=num_classes,
        proxy=proxy,
        method=method,
        gan=gan,
        size=size,
        latent=latent,
        width=width,
        steps=steps or PAPER_STEPS,
        batch_size=batch,
        lr=lr,
        ema=ema,
        settings=asdict(settings),
        seed=seed,
        device=engine.device.type,
        precision=engine.precision,
        compiled=compiled,
    )
    generator = Generator(gan_spec.generator(shape), gan, shape)
    discriminator = gan_spec.discriminator(shape)
    if dry_run:
        networks = {"classifier": loaded.model, "generator": generator, "discriminator": discriminator}
        return describe(out, run.to_json(), networks, {"proxy": images})
    if done := finished_before(out, run.to_json(), resume):
        return out.finish("generator", done[1], done[0].metrics, reused=True)

    frozen = engine.place(loaded.model).freeze()
    parts = MethodParts(
        engine=engine,
        generator=generator,
        discriminator=discriminator,
        classifier=frozen,
        latent=latent,
        lr=lr,
        settings=settings,
    )
    checkpoint = Checkpoint(out.folder, run.to_json(), engine)
    with StopWatch(max_minutes) as watch, Report("enrich", run.steps, out.folder, quiet, engine.is_main) as report:
        kept, metrics = train_generator(
            engine, method_spec.build(parts), frozen, images, run, checkpoint, report, watch
        )

    if engine.is_main:
        sha256 = artifact.save_generator(
            out.path,
            kept,
            class_names=frozen.class_names,
            input=frozen.input,
            provider=plugins.gans.provider(gan),
            run=run.to_json(),
            metrics=metrics,
            parents=[{"role": "classifier", "sha256": loaded.sha256}, {"role": "proxy", "sha256": digest(images)}],
        )
        checkpoint.remove()
        next_command = f"degan distill --teacher {classifier} --student STUDENT --samples {out.path}"
        counts = metrics["class_counts"].values()
        summary = (
            f"{sum(map(bool, counts))} of {len(counts)} classes in {sum(counts):,} samples, "
            f"mean confidence {metrics['confidence']:.2f}; look at {out.folder / 'samples.png'}"
        )
        out.finish("generator", sha256, metrics, summary=summary, next_command=next_command)
    engine.close()
    return None
