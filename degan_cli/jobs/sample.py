"""Draw images from a generator: a folder of them, or a file that a student can learn from."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from .. import artifact, metrics
from ..artifact.parents import find_classifier, missing_classifier
from ..artifact.png_folder import check_folder, folder_names, write_folder
from ..config import SampleSettings
from ..config.names import split_names
from ..config.stored import stored_run
from ..engine import start
from ..errors import Diverged, UsageError
from ..images import digest
from ..loops import sample as loop
from ..plugins import unknown
from ..runs.classifiers import tell
from ..runs.distinct import refuse_inputs
from ..runs.dry_run import plan
from ..runs.output import STDOUT, SUFFIX, Output, check_name, choose_output, make_parent, safe_name, stem
from ..runs.result import Result
from ..runs.session import Session
from .unpack import unpack


def sample(settings: SampleSettings, session: Session) -> Result:
    """Draw images from a generator and store them, or unpack stored ones; see ``degan sample --help``.

    :raises DeganError: of the kinds in :mod:`degan_cli.errors`.
    """
    began = time.monotonic()
    refuse_inputs(settings)
    path = _choose_place(settings)
    file = artifact.read_artifact(settings.generator)
    if file.header is not None and file.header.kind in ("samples", "dataset"):
        if _is_file(path):
            raise UsageError(f"-o {path}: {settings.generator} is a file of images already; name a folder for them")
        return unpack(file, settings, path)
    loaded = artifact.load_generator(file, session.plugins)
    namer = find_classifier(loaded, settings.classifier, session.plugins, settings, session.warn)
    if namer is not None:
        refuse_inputs(settings, {"the classifier": namer.path})  # it may have been found beside the generator
        tell(namer, session)
    if namer is None and (settings.balanced or settings.classes is not None):
        raise missing_classifier(loaded)
    names = () if namer is None else namer.model.class_names
    wanted = None if settings.classes is None else _indices(settings.classes, names)

    engine = start(settings.device, settings.precision, settings.seed)
    derived = {
        "classifier": None if namer is None else namer.path,
        "classes": None if wanted is None else [names[k] for k in wanted],
        "device": engine.device.type,
        "precision": engine.precision,
    }
    stored = stored_run(settings, derived)
    to_file = _is_file(path)
    kind = "samples" if to_file else "images"
    if settings.dry_run:
        networks = {"generator": loaded.model} | ({} if namer is None else {"classifier": namer.model})
        shown = plan(Output(path=path, folder=path), settings, stored, networks, {})
        return Result(artifact=path, kind=kind, plan=shown, warnings=session.warnings)
    if namer is None:
        session.say(f"{missing_classifier(loaded)}; these samples have no classes")
        images = loop.generate(engine, loaded.model, settings.number, settings.seed)
        drawn = loop.Drawn(images=images, tried=settings.number)
    else:
        drawn = loop.draw(engine, loaded.model, namer.model, settings.number, settings.seed, wanted, settings.balanced)
        _check_found(settings.generator, drawn, names, settings.number)

    about = _metrics(drawn, names)
    labels = None if drawn.logits is None else drawn.logits.argmax(dim=1)
    if to_file:
        parents = [{"role": "generator", "sha256": loaded.sha256}]
        parents += [] if namer is None else [{"role": "classifier", "sha256": namer.sha256}]
        sha256 = artifact.save_samples(
            path,
            drawn.images,
            None if drawn.logits is None else drawn.logits.softmax(dim=1),
            labels,
            names,
            input=None if namer is None else namer.model.input,
            provider=session.plugins.gans.provider(loaded.model.gan),
            run=stored,
            metrics=about,
            parents=parents,
        )
    else:
        folders = folder_names(names)
        write_folder(path, drawn.images, None if labels is None else [folders[k] for k in labels.tolist()])
        sha256 = digest(drawn.images)
    seconds = time.monotonic() - began
    return Result(artifact=path, kind=kind, sha256=sha256, metrics=about, seconds=seconds, warnings=session.warnings)


def _choose_place(settings: SampleSettings) -> Path:
    """The file or folder to write, which must be free or may be replaced."""
    given = settings.output
    if given is not None and _is_file(given):
        return choose_output(given, "", force=settings.force, resume=False).path
    folder = given if given is not None else Path(safe_name(f"{stem(settings.generator)}-samples"))
    check_name(folder, "-o")
    check_folder(folder, force=settings.force)
    make_parent(folder)
    return folder


def _is_file(path: Path) -> bool:
    return path == STDOUT or path.suffix == SUFFIX


def _indices(classes: str, known: tuple[str, ...]) -> list[int]:
    names = list(dict.fromkeys(split_names(classes, "--classes")))
    if not names:
        raise UsageError("--classes names none; write --classes cat,dog")
    for name in names:
        if name not in known:
            raise unknown("class", name, known)
    return [known.index(name) for name in names]


def _check_found(generator: Path, drawn: loop.Drawn, names: tuple[str, ...], number: int) -> None:
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


def _metrics(drawn: loop.Drawn, names: tuple[str, ...]) -> dict[str, Any]:
    about: dict[str, Any] = {"images": len(drawn.images), "tried": drawn.tried}
    if drawn.logits is not None:
        counts = metrics.class_counts(drawn.logits.argmax(dim=1), len(names)).tolist()
        about["class_counts"] = dict(zip(names, counts, strict=True))
        about["confidence"] = metrics.mean_confidence(drawn.logits)
    return about
