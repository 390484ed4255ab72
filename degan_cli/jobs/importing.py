"""Make an artifact of a model from elsewhere."""

from __future__ import annotations

import time
from dataclasses import replace
from fnmatch import fnmatchcase

from .. import artifact
from ..artifact import Artifact, read_artifact
from ..artifact.pickled import is_pickled, read_pickled
from ..config import CompressSettings, ImportSettings
from ..config.stored import stored_run
from ..console import shortened
from ..errors import UsageError
from ..models import parameter_count
from ..runs.classifiers import open_classifier
from ..runs.distinct import refuse_inputs
from ..runs.next_command import next_command, smaller
from ..runs.output import choose_output, stem
from ..runs.result import Result
from ..runs.session import Session

ENDINGS = (".safetensors", ".tar", ".pth", ".pt", ".bin")


def import_model(settings: ImportSettings, session: Session) -> Result:
    """Read a checkpoint, state dict or model folder and store it as an artifact; see ``degan import --help``.

    :raises DeganError: of the kinds in :mod:`degan_cli.errors`.
    """
    began = time.monotonic()
    refuse_inputs(settings)
    path = choose_output(settings.output, _name(settings), force=settings.force, resume=False).path
    file = _without(_read(settings, session), settings.drop)
    loaded = open_classifier(file, settings, session)
    model = loaded.model
    metrics = {"parameters": parameter_count(model), "classes": len(model.class_names)}
    sha256 = artifact.save_classifier(
        path,
        model,
        provider=loaded.header.provider,
        run=stored_run(settings, {}),
        metrics=metrics,
        parents=[{"role": "source", "sha256": file.sha256}],
    )
    student = smaller(model.architecture, session.plugins)
    return Result(
        artifact=path,
        kind="classifier",
        sha256=sha256,
        metrics=metrics,
        seconds=time.monotonic() - began,
        summary=f"{metrics['parameters']:,} parameters; classes {shortened(model.class_names)}",
        next_command=next_command("compress", CompressSettings, None, classifier=path, student=student),
    )


def _read(settings: ImportSettings, session: Session) -> Artifact:
    """The weights, and a line that tells which of several were taken."""
    source = settings.source
    if not is_pickled(source):
        file = read_artifact(source)
        if file.header is not None:
            raise UsageError(f"{source}: is a model file of degan already; use it as it is")
        if settings.weights is not None:
            raise UsageError(
                f"--weights {settings.weights} is for checkpoints of torch.save; leave it out for {source}"
            )
        return file
    found = read_pickled(source, settings.weights or "")
    if found.others:
        session.say(
            f"{source}: {found.taken} is taken; there is {', '.join(found.others)}, too, "
            f"which --weights {found.others[0]} takes"
        )
    elif found.taken:
        session.say(f"{source}: {found.taken} is taken")
    return Artifact(str(source), found.tensors, None, found.sha256)


def _without(file: Artifact, patterns: tuple[str, ...]) -> Artifact:
    """The weights whose keys match none of the patterns, each of which must match one."""
    for pattern in patterns:
        if not any(fnmatchcase(key, pattern) for key in file.tensors):
            raise UsageError(f"--drop {pattern}: matches no key of {file.path}; it has {shortened(list(file.tensors))}")
    kept = {key: value for key, value in file.tensors.items() if not any(fnmatchcase(key, one) for one in patterns)}
    return replace(file, tensors=kept)


def _name(settings: ImportSettings) -> str:
    """Of the artifact, from the source's without its endings."""
    name = stem(settings.source.absolute())
    while (ending := next((one for one in ENDINGS if name.endswith(one)), None)) is not None:
        name = name.removesuffix(ending)
    return f"{name}-imported"
