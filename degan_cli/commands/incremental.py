"""``degan incremental``: teach a classifier new classes without the data of the old ones."""

from __future__ import annotations

import shlex
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ..errors import BadFile, UsageError
from ..options import (
    DATA,
    MODELS,
    TRAINING,
    Arch,
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
    NumClasses,
    Out,
    Precision,
    Quiet,
    Resume,
    Seed,
    WeightDecay,
    plugins_from,
)
from ..outputs import Output, claim, describe, finished_before, stem
from ..report import Report
from ..runs import RECIPES, IncrementalRun, read_milestones
from ..settings import read_settings
from ..stopping import minutes_left
from .chain import run_command

if TYPE_CHECKING:
    from ..specs import ImageSet


def incremental(
    context: typer.Context,
    classifier: Annotated[
        Path, typer.Option(help="Who knows the old classes: an artifact or a state dict.", rich_help_panel=MODELS)
    ],
    new_data: Annotated[
        str,
        typer.Option(help="Labelled images of the new classes: a name, name:classes, a folder.", rich_help_panel=DATA),
    ],
    samples: Annotated[
        list[str] | None,
        typer.Option(
            help="What stands for the old data: a generator, a data set, stored samples; several with @WEIGHT.",
            rich_help_panel=DATA,
        ),
    ] = None,
    enrich: Annotated[
        bool,
        typer.Option("--enrich", help="Make the samples: train a generator on the new images.", rich_help_panel=DATA),
    ] = False,
    enrich_options: Annotated[
        str,
        typer.Option(
            metavar="TEXT", help='Options for it, such as "--steps 2000 --lambda-d 10".', rich_help_panel=DATA
        ),
    ] = "",
    test_data: Annotated[
        str | None,
        typer.Option(
            help="Labelled images to report on, of old classes too.  [default: new data's test images]",
            show_default=False,
            rich_help_panel=DATA,
        ),
    ] = None,
    strategy: Annotated[str, typer.Option(help="See `degan list methods`.", rich_help_panel=MODELS)] = "replay",
    arch: Arch = None,
    num_classes: NumClasses = None,
    optimiser: Annotated[
        Literal["sgd", "adam"] | None,
        typer.Option(
            help="[default: as the classifier was trained, else adam]", show_default=False, rich_help_panel=TRAINING
        ),
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the new images.", rich_help_panel=TRAINING)] = 250,
    batch_size: Annotated[
        int, typer.Option(min=2, help="New images per step, and as many samples.", rich_help_panel=TRAINING)
    ] = 128,
    lr: Annotated[
        float | None,
        typer.Option(
            min=0,
            help="The rate at first.  [default: sgd 0.1; adam 1e-3]",
            show_default=False,
            rich_help_panel=TRAINING,
        ),
    ] = None,
    milestones: Milestones = None,
    weight_decay: WeightDecay = None,
    augment: Annotated[
        Augment | None,
        typer.Option(
            help="Done to each image at random.  [default: as the classifier was trained, else none]",
            show_default=False,
            rich_help_panel=TRAINING,
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A setting of the strategy.", rich_help_panel=TRAINING),
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
    """Teach a classifier new classes; the old ones keep their places and names, and their data are not needed."""
    from .. import artifact
    from ..checkpoint import Checkpoint
    from ..datasets.new_classes import number_new_classes
    from ..datasets.resolve import open_images, open_test_images
    from ..engine import start
    from ..loops.forgetting import measure_forgetting
    from ..loops.incremental import teach_new_classes
    from ..open_samples import open_samples
    from ..pixels import digest
    from ..specs import StrategyParts
    from ..stopping import StopWatch
    from ..widen import widen

    plugins = plugins_from(context)
    strategy_spec = plugins.strategies.get(strategy)
    settings = read_settings(strategy_spec, set_ or [], {})
    _check_samples(strategy, strategy_spec.uses_samples, samples or [], enrich)
    more = _read_enrich_options(enrich_options, enrich)
    falls = read_milestones(milestones, epochs)
    derived = f"{stem(str(classifier))}-{strategy}-{stem(new_data)}"
    out = claim(output, derived, force=force, resume=resume, as_json=as_json, quiet=quiet)

    loaded = artifact.load_classifier(classifier, plugins, arch, num_classes)
    old = loaded.model
    trained = loaded.header.run
    optimiser = optimiser or ("sgd" if trained.get("optimiser") == "sgd" else "adam")
    if optimiser == "adam" and weight_decay:
        raise UsageError("--weight-decay belongs to --optimiser sgd; adam has none here")
    data = open_images(new_data, "train", plugins=plugins, data_dir=data_dir, download=download, shape=old.input.shape)
    labels = number_new_classes(new_data, data, old.class_names, str(classifier))
    if test_data is not None:
        test: ImageSet | None = open_images(
            test_data, "test", plugins=plugins, data_dir=data_dir, download=download, shape=old.input.shape
        )
        if test is not None and test.labels is None:
            raise BadFile(f"--test-data {test_data}: no labels, so nothing can be measured on it")
    else:
        test = open_test_images(new_data, data, plugins=plugins, data_dir=data_dir)

    if enrich and not dry_run:
        shared = ["--data-dir", str(data_dir), "--device", device, "--precision", precision, "--seed", str(seed)]
        began = time.monotonic()
        samples = [_enrich(out, classifier, arch, num_classes, new_data, more, shared, resume, max_minutes)]
        max_minutes = minutes_left(max_minutes, began)
    engine = start(device, precision, seed, compiled)
    source, parents = None, list[dict[str, str]]()
    if samples:
        source, parents = open_samples(
            samples, loaded, engine.device, plugins=plugins, data_dir=data_dir, download=download, seed=seed
        )
    usual = RECIPES[optimiser]
    old_outputs = trained.get("outputs", "softmax")
    run = IncrementalRun(
        classifier=str(classifier),
        arch=arch,
        num_classes=num_classes,
        new_data=new_data,
        strategy=strategy,
        samples=tuple(samples or ()),
        optimiser=optimiser,
        epochs=epochs,
        batch_size=batch_size,
        lr=usual.lr if lr is None else lr,
        weight_decay=usual.weight_decay if weight_decay is None else weight_decay,
        milestones=falls,
        augment=augment or trained.get("augment", "none"),
        outputs=strategy_spec.outputs or old_outputs,
        settings=asdict(settings),
        seed=seed,
        device=engine.device.type,
        precision=engine.precision,
        compiled=compiled,
    )
    spec = plugins.architectures.get(old.architecture)
    model, head = widen(old, spec, data.class_names)
    if dry_run:
        return describe(out, run.to_json(), {"old": old, "extended": model}, {"new": data.images})
    if done := finished_before(out, run.to_json(), resume):
        return out.finish("classifier", done[1], done[0].metrics, reused=True)

    frozen = engine.place(old).freeze()
    parts = StrategyParts(engine=engine, model=model, old=frozen, old_outputs=old_outputs, head=head, settings=settings)
    taught = strategy_spec.build(parts)
    steps = epochs * max(1, round(len(data.images) / (batch_size * engine.processes)))
    context.with_resource(out.alone(engine))
    checkpoint = Checkpoint(out.folder, run.to_json(), engine)
    with StopWatch(max_minutes) as watch, Report("incremental", steps, out.folder, quiet, engine.is_main) as report:
        extended, metrics = teach_new_classes(
            engine, taught, frozen, data.images, labels, source, run, checkpoint, report, watch
        )

    if engine.is_main:
        metrics |= measure_forgetting(engine, extended, frozen, test)
        sha256 = artifact.save_classifier(
            out.path,
            extended,
            provider=plugins.architectures.provider(spec.name),
            run=run.to_json(),
            metrics=metrics,
            parents=[
                {"role": "classifier", "sha256": loaded.sha256},
                {"role": "new data", "sha256": digest(data.images)},
                *parents,
            ],
        )
        checkpoint.remove()
        known, added = len(old.class_names), len(data.class_names)
        summary = f"{known} old + {added} new classes; {_summary(metrics)}"
        out.finish("classifier", sha256, metrics, summary=summary, next_command=f"degan eval {out.path} --dataset DATA")
    engine.close()
    return None


def _check_samples(strategy: str, wanted: bool, samples: list[str], enrich: bool) -> None:
    if samples and enrich:
        raise UsageError("--samples and --enrich both say where the samples come from; give one of them")
    if wanted and not samples and not enrich:
        raise UsageError(
            f'strategy "{strategy}" needs samples of the old classes: name them with --samples, '
            "or add --enrich to make them from the new images"
        )
    if not wanted and (samples or enrich):
        option = "--enrich" if enrich else "--samples"
        raise UsageError(f'strategy "{strategy}" uses no samples; leave {option} out, or take --strategy replay')


def _read_enrich_options(text: str, enrich: bool) -> list[str]:
    if text and not enrich:
        raise UsageError("--enrich-options belong to --enrich; add it, or leave them out")
    try:
        return shlex.split(text)
    except ValueError as error:
        raise UsageError(f"--enrich-options {text}: {str(error).lower()}") from error


def _enrich(
    out: Output,
    classifier: Path,
    arch: str | None,
    num_classes: int | None,
    proxy: str,
    options: list[str],
    shared: list[str],
    resume: bool,
    max_minutes: float | None,
) -> str:
    """Train a generator on the new images, in the run folder; its path."""
    generator = out.folder / "generator.safetensors"
    arguments = ["enrich", "--classifier", str(classifier), "--proxy", proxy, *options]
    plain = [] if arch is None else ["--arch", arch]
    plain += [] if num_classes is None else ["--num-classes", str(num_classes)]
    limits = [] if max_minutes is None else ["--max-minutes", str(max_minutes)]
    again = ["--resume" if resume else "--force", *(["-q"] if out.quiet else [])]
    run_command([*arguments, *plain, "-o", str(generator)], [*shared, *limits, *again], out.quiet)
    return str(generator)


def _summary(metrics: dict[str, Any]) -> str:
    """What is known of the result, and what cannot be known from the test images."""
    words = {"accuracy_old": "old", "accuracy_new": "new", "accuracy_all": "all"}
    known = [f"{word} {metrics[name]:.2%}" for name, word in words.items() if metrics[name] is not None]
    text = f"test accuracy: {', '.join(known)}" if known else "test accuracy: unknown, there are no test images"
    if metrics["forgetting"] is not None:
        text += (
            f"; forgetting {100 * metrics['forgetting']:.2f} points of {metrics['old_classifier_accuracy']:.2%}"
            f"; {metrics['confusion']['old_as_new']:.1%} of old images taken for new classes"
        )
        if metrics["confusion"]["new_as_old"] is not None:
            text += f", {metrics['confusion']['new_as_old']:.1%} of new ones for old"
    else:
        text += "; what was forgotten is unknown without test images of old classes (--test-data)"
        if "old_agreement" in metrics:
            text += f"; on samples it agrees with the old classifier on {metrics['old_agreement']:.1%}"
    return text
