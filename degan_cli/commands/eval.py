"""``degan eval``: how good a classifier is on images, or how good a generator's samples are."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ..errors import BadFile, UsageError
from ..options import (
    DATA,
    MODELS,
    Arch,
    DataDir,
    Device,
    Download,
    Json,
    NumClasses,
    Precision,
    Quiet,
    Seed,
    plugins_from,
)
from ..report import note, warn
from ..tables import classifier_table, samples_table

if TYPE_CHECKING:
    from ..artifact import Artifact
    from ..engine import Engine
    from ..models import Classifier
    from ..plugins import Plugins
    from ..specs import ImageSet


def evaluate(
    context: typer.Context,
    model: Annotated[
        Path, typer.Argument(help="A classifier, a generator or stored samples; - is stdin.", show_default=False)
    ],
    dataset: Annotated[
        str | None,
        typer.Option(help="Images to measure on: a name, name:classes, a folder or a file.", rich_help_panel=DATA),
    ] = None,
    split: Annotated[
        Literal["train", "test"], typer.Option(help="Part of the data set.", rich_help_panel=DATA)
    ] = "test",
    classifier: Annotated[
        Path | None,
        typer.Option(
            help="To agree with; of a generator, who judges its samples.  [default: the one that enrich used]",
            rich_help_panel=MODELS,
        ),
    ] = None,
    number: Annotated[
        int, typer.Option("--number", "-n", min=1, help="Samples to draw from a generator.", rich_help_panel=DATA)
    ] = 10_000,
    arch: Arch = None,
    num_classes: NumClasses = None,
    data_dir: DataDir = Path("data"),
    download: Download = False,
    device: Device = "auto",
    precision: Precision = "auto",
    seed: Seed = 0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure a classifier, or a generator's samples, on stdout.

    A classifier: accuracy, confusion and calibration on labelled images, and agreement with another classifier,
    which needs no labels. Samples: classes, confidence and entropy in a classifier's eyes, and, with real
    images, FID, KID, precision, recall, density and coverage in its feature space.
    """
    from .. import artifact
    from ..datasets.resolve import open_images
    from ..engine import start

    started = time.monotonic()
    plugins = plugins_from(context)
    file = artifact.read_artifact(model)
    kind = "classifier" if file.header is None else file.header.kind
    if kind == "dataset":
        raise BadFile(f"{file.path}: holds a dataset; degan eval takes a classifier, a generator or stored samples")
    engine = start(device, precision, seed)

    def open_set(*classifiers: Classifier) -> ImageSet | None:
        if dataset is None:
            return None
        channels, height, width = (max(sides) for sides in zip(*(c.input.shape for c in classifiers), strict=True))
        return open_images(
            dataset, split, plugins=plugins, data_dir=data_dir, download=download, shape=(channels, height, width)
        )

    if kind == "classifier":
        result = _classifier(engine, file, classifier, plugins, arch, num_classes, open_set, quiet)
    else:
        result = _samples(engine, file, classifier, plugins, arch, num_classes, open_set, number, seed)
    if left_out := result.get("left_out"):
        some = ", ".join(f"{name} ({count:,})" for name, count in list(left_out.items())[:8])
        more = f" and {len(left_out) - 8} more" if len(left_out) > 8 else ""
        warn(f"{dataset}: images of classes that the classifier lacks are left out: {some}{more}")

    if as_json:
        numbers = {k: v for k, v in result.items() if isinstance(v, int | float) and not isinstance(v, bool)}
        about = {"artifact": file.path, "kind": kind, "sha256": file.sha256, "metrics": numbers}
        print(json.dumps(result | about | {"seconds": round(time.monotonic() - started, 3)}, sort_keys=True))
    else:
        print((classifier_table if kind == "classifier" else samples_table)(result))


def _classifier(
    engine: Engine,
    file: Artifact,
    reference: Path | None,
    plugins: Plugins,
    arch: str | None,
    num_classes: int | None,
    open_set: Any,
    quiet: bool,
) -> dict[str, Any]:
    from .. import artifact
    from ..loops.evaluate import evaluate_classifier

    def load(source: Path | Artifact) -> Classifier:
        """--arch and --num-classes are for files without a header only, be it one or both."""
        read = source if isinstance(source, artifact.Artifact) else artifact.read_artifact(source)
        plain = (arch, num_classes) if read.header is None else (None, None)
        return artifact.load_classifier(read, plugins, *plain).model

    model = load(file)
    other = None if reference is None else load(reference)
    data = open_set(*(c for c in (model, other) if c is not None))
    if data is None:
        raise UsageError(
            f"{file.path} is a classifier: name images to measure it on with --dataset (labels are optional)"
        )
    if data.labels is None and not quiet:
        note("the images have no labels: no accuracy, only what the classifier predicts")
    _take_names(model, data.class_names, f"{file.path}: ")
    if other is not None:
        _take_names(other, model.class_names, f"{reference}: ")
        _take_names(model, other.class_names, f"{file.path}: ")
    result = evaluate_classifier(engine, model, data, other)
    if unshared := result.get("unshared_classes"):
        warn(f"agreement is less where only one of the two knows a class: {', '.join(unshared[:8])}")
    return result


def _samples(
    engine: Engine,
    file: Artifact,
    given: Path | None,
    plugins: Plugins,
    arch: str | None,
    num_classes: int | None,
    open_set: Any,
    number: int,
    seed: int,
) -> dict[str, Any]:
    from .. import artifact
    from ..loops.evaluate import evaluate_samples
    from ..loops.sample import generate
    from ..parents import find_classifier, missing_classifier

    judge = find_classifier(file, given, plugins, arch, num_classes)
    if judge is None:
        raise missing_classifier(file)
    if file.header is not None and file.header.kind == "generator":
        images = generate(engine, artifact.load_generator(file, plugins).model, number, seed)
    else:
        images = artifact.load_images(file)[0].images
    real = open_set(judge.model)
    if real is not None:
        _take_names(judge.model, real.class_names, f"{judge.path}: ")
    return evaluate_samples(engine, images, judge.model, real, seed)


def _take_names(classifier: Classifier, names: tuple[str, ...], prefix: str) -> None:
    """A network from elsewhere calls its classes 0, 1, ...: then, and only then, their order stands for names."""
    own = classifier.class_names
    numbered = own == tuple(map(str, range(len(own))))
    if numbered and len(names) == len(own) and not set(names) & set(own):
        warn(f"{prefix}its {len(own)} classes have no names; they are taken in the order {', '.join(names[:3])}, ...")
        classifier.class_names = names
