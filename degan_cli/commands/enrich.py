"""``degan enrich``: train a generator of samples that stand for a classifier's lost data."""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any

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
    plugins_from,
)
from ..outputs import claim, describe, finished_before, stem
from ..report import Report
from ..runs import PAPER_STEPS, EnrichRun, InvertRun, paper_batch_size
from ..settings import read_settings
from ..specs import GanShape, InversionSpec
from ..stopping import minutes_left
from .enrich_images import make_images
from .method_options import check_proxy
from .tune_weights import scored, tell, try_weights


def enrich(
    context: typer.Context,
    classifier: Annotated[
        Path, typer.Option(help="Whose data is gone: an artifact or a safetensors state dict.", rich_help_panel=MODELS)
    ],
    proxy: Annotated[
        str | None,
        typer.Option(
            help="Images at hand: a name, name:classes, a folder or a file; not for methods that need none.",
            show_default=False,
            rich_help_panel=DATA,
        ),
    ] = None,
    method: Annotated[str, typer.Option(help="See `degan list methods`.", rich_help_panel=MODELS)] = "degan",
    gan: Annotated[
        str | None,
        typer.Option(
            help="Backbone; see `degan list gans`.  [default: the method's, mostly dcgan]",
            show_default=False,
            rich_help_panel=MODELS,
        ),
    ] = None,
    arch: Arch = None,
    num_classes: NumClasses = None,
    steps: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Updates of the generator, or of each batch of images.  [default: 5000; the method's]",
            show_default=False,
            rich_help_panel=TRAINING,
        ),
    ] = None,
    number: Annotated[
        int | None,
        typer.Option(
            "--number",
            "-n",
            min=1,
            help="Images to make, by methods without a generator.  [default: the method's]",
            show_default=False,
            rich_help_panel=TRAINING,
        ),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Passes over the proxy, instead of --steps.", rich_help_panel=TRAINING)
    ] = None,
    batch_size: Annotated[
        int | None,
        typer.Option(
            min=2,
            help="Images per step and process.  [default: a 25th of the proxy, 64 to 2048; the method's]",
            rich_help_panel=TRAINING,
        ),
    ] = None,
    lr: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="Adam's rate of both networks, or of the images.  [default: 2e-4; the method's]",
            show_default=False,
            rich_help_panel=TRAINING,
        ),
    ] = None,
    latent: Annotated[int, typer.Option(min=1, help="Length of the noise vector.", rich_help_panel=TRAINING)] = 100,
    width: Annotated[int, typer.Option(min=1, help="Channels of the narrowest layers.", rich_help_panel=TRAINING)] = 64,
    lambda_e: Annotated[
        float | None,
        typer.Option(min=0, help="Weight of the entropy term: more for a far proxy.", rich_help_panel=TRAINING),
    ] = None,
    lambda_d: Annotated[
        float | None, typer.Option(min=0, help="Weight of the diversity term.", rich_help_panel=TRAINING)
    ] = None,
    tune: Annotated[
        bool,
        typer.Option("--tune", help="Choose both weights first, by short runs on a grid.", rich_help_panel=TRAINING),
    ] = False,
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
    graphs: CudaGraphs = False,
    seed: Seed = 0,
    max_minutes: MaxMinutes = None,
    resume: Resume = False,
    force: Force = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train a generator whose samples stand for the classifier's lost data, from the proxy images.

    Some methods need no proxy (dafl), or make the images themselves instead of a generator (zskd, deepinversion).
    """
    from .. import artifact
    from ..checkpoint import Checkpoint
    from ..engine import start
    from ..loops.enrich import enrich as train_generator
    from ..open_live import Place, build_method, open_proxy
    from ..pixels import digest
    from ..stopping import StopWatch

    if steps is not None and epochs is not None:
        raise UsageError("--steps and --epochs both say how long to train; give one of them")
    if tune and (lambda_e is not None or lambda_d is not None):
        raise UsageError("--tune chooses --lambda-e and --lambda-d; leave them out")
    plugins = plugins_from(context)
    method_spec = plugins.methods.get(method)
    if method_spec.uses_student or isinstance(method_spec, InversionSpec) and method_spec.uses_condensed:
        raise UsageError(f"--method {method} makes samples while a student learns; use degan distill --method {method}")
    weights = {"lambda_e": lambda_e, "lambda_d": lambda_d}
    given = {name: value for name, value in weights.items() if value is not None}
    settings = read_settings(method_spec, set_ or [], dict.fromkeys(weights, 0.0) if tune else given)
    out = claim(
        output,
        "-".join([stem(str(classifier)), method, *([] if proxy is None else [stem(proxy)])]),
        force=force,
        resume=resume,
        as_json=as_json,
        quiet=quiet,
    )

    loaded = artifact.load_classifier(classifier, plugins, arch, num_classes)
    if isinstance(method_spec, InversionSpec):
        given_options = {
            "--proxy": proxy,
            "--gan": gan,
            "--epochs": epochs,
            "--tune": tune or None,
            "--ema": ema or None,
            "--cuda-graphs": graphs or None,
        }
        for option, value in given_options.items():
            if value is not None:
                raise UsageError(f"--method {method} makes images without a generator or a proxy; leave {option} out")
        invert_run = InvertRun(
            classifier=str(classifier),
            arch=arch,
            num_classes=num_classes,
            method=method,
            number=number or method_spec.number,
            batch_size=batch_size or method_spec.batch_size,
            steps=steps or method_spec.steps,
            lr=method_spec.lr if lr is None else lr,
            settings=asdict(settings),
            seed=seed,
            device=device,
            precision=precision,
            compiled=compiled,
        )
        return make_images(
            context,
            out,
            loaded,
            method_spec,
            settings,
            invert_run,
            plugins,
            max_minutes,
            resume=resume,
            dry_run=dry_run,
        )
    if number is not None:
        raise UsageError(f"--method {method} trains a generator; draw images from it with degan sample, not --number")
    check_proxy(method_spec, proxy)
    gan = gan or method_spec.gan
    gan_spec = plugins.gans.get(gan)
    lr = method_spec.lr if lr is None else lr
    channels, height, image_width = loaded.model.input.shape
    size = max(gan_spec.min_size, 1 << (max(height, image_width) - 1).bit_length())
    shape = GanShape(channels=channels, size=size, latent=latent, width=width)
    place = Place(plugins=plugins, data_dir=data_dir, download=download)
    images = None if proxy is None else open_proxy(proxy, shape, place)

    engine = start(device, precision, seed, compiled, graphs)
    batch = batch_size or method_spec.batch_size or paper_batch_size(0 if images is None else len(images))
    if epochs is not None:
        if images is None:
            raise UsageError(f"--epochs counts passes over a proxy, and --method {method} uses none; give --steps")
        steps = epochs * max(1, round(len(images) / (batch * engine.processes)))
    began = time.monotonic()
    tried: list[dict[str, Any]] = []
    if tune and not dry_run:
        # fmt: off
        arguments = [
            "--classifier", str(classifier), "--proxy", str(proxy), "--method", method, "--gan", gan,
            "--batch-size", str(batch), "--lr", str(lr), "--latent", str(latent), "--width", str(width),
            "--data-dir", str(data_dir), "--device", device, "--precision", precision, "--seed", str(seed),
            *(() if arch is None else ("--arch", arch)),
            *(() if num_classes is None else ("--num-classes", str(num_classes))),
            *(text for pair in set_ or () for text in ("--set", pair)),
            *(("--cuda-graphs",) if graphs else ()),  # --compile would take longer than these runs
        ]
        # fmt: on
        made = try_weights(out, arguments, steps or PAPER_STEPS, max_minutes, resume)
        # Each run has left the processes' group; all are here again.
        engine = start(device, precision, seed, compiled, graphs)
        tried = scored(made)
        best = max(tried, key=lambda row: float(row["score"]))
        settings = replace(settings, lambda_e=best["lambda_e"], lambda_d=best["lambda_d"])
        if not quiet and engine.is_main:
            tell(tried, best)
        max_minutes = minutes_left(max_minutes, began)
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
        graphs=graphs,
    )
    if dry_run:
        networks = {
            "classifier": loaded.model,
            "generator": gan_spec.generator(shape),
            "discriminator": gan_spec.discriminator(shape),
        }
        return describe(out, run.to_json(), networks, {} if images is None else {"proxy": images})
    if done := finished_before(out, run.to_json(), resume):
        return out.finish("generator", done[1], done[0].metrics, reused=True)

    frozen = engine.place(loaded.model).freeze()
    trained = build_method(engine, method_spec, gan, shape, frozen, None, lr, settings, plugins)
    context.with_resource(out.alone(engine))
    checkpoint = Checkpoint(out.folder, run.to_json(), engine)
    with StopWatch(max_minutes) as watch, Report("enrich", run.steps, out.folder, quiet, engine.is_main) as report:
        kept, metrics = train_generator(engine, trained, frozen, images, run, checkpoint, report, watch)

    if engine.is_main:
        metrics |= {"tried_weights": tried} if tried else {}
        sha256 = artifact.save_generator(
            out.path,
            kept,
            class_names=frozen.class_names,
            input=frozen.input,
            provider=plugins.gans.provider(gan),
            run=run.to_json(),
            metrics=metrics,
            parents=[
                {"role": "classifier", "sha256": loaded.sha256},
                *([] if images is None else [{"role": "proxy", "sha256": digest(images)}]),
            ],
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
