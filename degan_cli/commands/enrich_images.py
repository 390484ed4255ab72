"""``degan enrich`` with a method that optimises the images themselves: they are stored, with soft labels."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..outputs import Output, describe, finished_before
from ..report import Report
from ..runs import InvertRun
from ..specs import InversionSpec

if TYPE_CHECKING:
    import typer

    from ..artifact import Loaded
    from ..models import Classifier
    from ..plugins import Plugins


def make_images(
    context: typer.Context,
    out: Output,
    loaded: Loaded[Classifier],
    spec: InversionSpec,
    settings: Any,
    run: InvertRun,
    plugins: Plugins,
    max_minutes: float | None,
    *,
    resume: bool,
    dry_run: bool,
) -> None:
    """Make the images and their file, and print the result.

    :param run: with device and precision as the user gave them.
    """
    from .. import artifact
    from ..checkpoint import Checkpoint
    from ..engine import start
    from ..loops.invert import make_images as optimise
    from ..open_live import build_inversion
    from ..stopping import StopWatch

    engine = start(run.device, run.precision, run.seed, run.compiled)
    run = replace(run, device=engine.device.type, precision=engine.precision)
    frozen = engine.place(loaded.model).freeze()
    inversion = build_inversion(engine, spec, frozen, settings)
    if dry_run:
        return describe(out, run.to_json(), {"classifier": frozen}, {})
    if done := finished_before(out, run.to_json(), resume):
        return out.finish("samples", done[1], done[0].metrics, reused=True)

    context.with_resource(out.alone(engine))
    checkpoint = Checkpoint(out.folder, run.to_json(), engine)
    steps = -(-run.number // run.batch_size) * run.steps
    with StopWatch(max_minutes) as watch, Report("enrich", steps, out.folder, out.quiet) as report:
        images, logits, metrics = optimise(engine, inversion, frozen, run, checkpoint, report, watch)

    sha256 = artifact.save_samples(
        out.path,
        images,
        logits.softmax(dim=1),
        logits.argmax(dim=1),
        frozen.class_names,
        input=frozen.input,
        provider=plugins.methods.provider(spec.name),
        run=run.to_json(),
        metrics=metrics,
        parents=[{"role": "classifier", "sha256": loaded.sha256}],
    )
    checkpoint.remove()
    counts = metrics["class_counts"].values()
    summary = (
        f"{len(images):,} images of {sum(map(bool, counts))} of {len(counts)} classes, "
        f"mean confidence {metrics['confidence']:.2f}; look at {out.folder / 'samples.png'}"
    )
    next_command = f"degan distill --teacher {run.classifier} --student STUDENT --samples {out.path} --augment heavy"
    out.finish("samples", sha256, metrics, summary=summary, next_command=next_command)
    return None
