"""``degan sample``: images out of a generator, as a folder or as a file that a student can learn from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import Diverged, UsageError
from ..image_folder import claim_folder, folder_names, write_folder
from ..options import (
    DATA,
    MODELS,
    RUN,
    Arch,
    Device,
    DryRun,
    Force,
    Json,
    NumClasses,
    Precision,
    Quiet,
    Seed,
    plugins_from,
)
from ..outputs import STDOUT, SUFFIX, Output, claim, describe, safe_name, stem
from ..registry import unknown
from ..report import note

if TYPE_CHECKING:
    from ..loops.sample import Drawn


def sample(
    context: typer.Context,
    generator: Annotated[Path, typer.Argument(help="A generator artifact.", show_default=False)],
    number: Annotated[int, typer.Option("--number", "-n", min=1, help="Images to make.", rich_help_panel=DATA)] = 1000,
    balanced: Annotated[
        bool, typer.Option("--balanced", help="Equally many of each class.", rich_help_panel=DATA)
    ] = False,
    classes: Annotated[
        str | None, typer.Option(metavar="A,B", help="Only images of these classes.", rich_help_panel=DATA)
    ] = None,
    classifier: Annotated[
        Path | None,
        typer.Option(help="Who names the classes.  [default: the one that enrich used]", rich_help_panel=MODELS),
    ] = None,
    arch: Arch = None,
    num_classes: NumClasses = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="DIR|FILE",
            help="Folder, or file .safetensors; a folder named after the generator if left out, - for stdout.",
            show_default=False,
            rich_help_panel=RUN,
        ),
    ] = None,
    device: Device = "auto",
    precision: Precision = "auto",
    seed: Seed = 0,
    force: Force = False,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Draw images from a generator: a folder of PNG files by class, or with -o NAME.safetensors stored samples.

    A class is what the classifier takes an image for. Stored samples carry its probabilities too.
    """
    from .. import artifact
    from ..engine import start
    from ..loops import sample as loop
    from ..parents import find_classifier, missing_classifier
    from ..pixels import digest

    plugins = plugins_from(context)
    out = _claim(output, generator, force=force, as_json=as_json)
    loaded = artifact.load_generator(generator, plugins)
    judge = find_classifier(loaded, classifier, plugins, arch, num_classes)
    if judge is None and (balanced or classes is not None):
        raise missing_classifier(loaded)
    wanted = None if judge is None or classes is None else _indices(classes, judge.model.class_names)

    engine = start(device, precision, seed)
    run = {
        "generator": str(generator),
        "classifier": None if judge is None else judge.path,
        "number": number,
        "balanced": balanced,
        "classes": None if judge is None or wanted is None else [judge.model.class_names[k] for k in wanted],
        "seed": seed,
        "device": engine.device.type,
        "precision": engine.precision,
    }
    if dry_run:
        networks = (
            {"generator": loaded.model} if judge is None else {"generator": loaded.model, "classifier": judge.model}
        )
        return describe(out, run, networks, {})
    if judge is None:
        if not quiet:
            note(f"{missing_classifier(loaded)}; these samples have no classes")
        drawn = loop.Drawn(images=loop.generate(engine, loaded.model, number, seed), tried=number)
    else:
        drawn = loop.draw(engine, loaded.model, judge.model, number, seed, wanted, balanced)
        _check_found(generator, drawn, judge.model.class_names, number)

    metrics = _metrics(drawn, () if judge is None else judge.model.class_names)
    labels = None if drawn.logits is None else drawn.logits.argmax(dim=1)
    if out.path.suffix == SUFFIX or out.to_stdout:
        parents = [{"role": "generator", "sha256": loaded.sha256}]
        if judge is not None:
            parents.append({"role": "classifier", "sha256": judge.sha256})
        sha256 = artifact.save_samples(
            out.path,
            drawn.images,
            None if drawn.logits is None else drawn.logits.softmax(dim=1),
            labels,
            () if judge is None else judge.model.class_names,
            input=None if judge is None else judge.model.input,
            run=run,
            metrics=metrics,
            parents=parents,
        )
        out.finish("samples", sha256, metrics)
        return None
    folders = None
    if judge is not None and labels is not None:
        names = folder_names(judge.model.class_names)
        folders = [names[k] for k in labels.tolist()]
    write_folder(out.path, drawn.images, folders)
    out.finish("images", digest(drawn.images), metrics)
    return None


def _claim(output: Path | None, generator: Path, *, force: bool, as_json: bool) -> Output:
    if output is not None and (output == STDOUT or output.suffix == SUFFIX):
        return claim(output, "", force=force, resume=False, as_json=as_json)
    folder = output if output is not None else Path(safe_name(f"{stem(str(generator))}-samples"))
    claim_folder(folder, force=force)
    return Output(path=folder, folder=folder, as_json=as_json)


def _indices(classes: str, known: tuple[str, ...]) -> list[int]:
    names = list(dict.fromkeys(name.strip() for name in classes.split(",") if name.strip()))
    if not names:
        raise UsageError("--classes names none; write --classes cat,dog")
    for name in names:
        if name not in known:
            raise unknown("class", name, known)
    return [known.index(name) for name in names]


def _check_found(generator: Path, drawn: Drawn, names: tuple[str, ...], number: int) -> None:
    if len(drawn.images) == number:
        return
    never = [names[k] for k, found in drawn.short.items() if not found]
    rare = [f"{names[k]} ({found})" for k, found in drawn.short.items() if found]
    parts = [f"none of {', '.join(never)}"] if never else []
    parts += [f"too few of {', '.join(rare)}"] if rare else []
    raise Diverged(
        f"{generator}: in {drawn.tried:,} images the classifier saw {' and '.join(parts)}; "
        "leave these out with --classes, ask for fewer with -n, or train the generator with a larger --lambda-d"
    )


def _metrics(drawn: Drawn, names: tuple[str, ...]) -> dict[str, Any]:
    metrics: dict[str, Any] = {"images": len(drawn.images), "tried": drawn.tried}
    if drawn.logits is not None:
        from .. import metrics as measure

        counts = measure.class_counts(drawn.logits.argmax(dim=1), len(names)).tolist()
        metrics["class_counts"] = dict(zip(names, counts, strict=True))
        metrics["confidence"] = measure.mean_confidence(drawn.logits)
    return metrics
