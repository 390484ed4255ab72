"""Write a classifier for other tools, and show that it is still the same one."""

from __future__ import annotations

import time
from importlib.metadata import version
from pathlib import Path

from ..artifact import file_sha256
from ..config import ExportSettings
from ..config.stored import stored_run
from ..exports import FORMATS, Format, about, largest_difference, opened
from ..exports.about import CONFIG
from ..exports.timm_folder import WEIGHTS
from ..runs.classifiers import open_classifier
from ..runs.distinct import refuse_inputs
from ..runs.dry_run import plan
from ..runs.output import Output
from ..runs.result import Result
from ..runs.session import Session
from .export_place import aside, choose_place


def resolve_export(settings: ExportSettings, session: Session) -> ExportSettings:
    """Every value as :func:`export` will use it.

    :raises UsageError: for a setting that has no use with the format.
    """
    return settings.resolved()


def export(settings: ExportSettings, session: Session) -> Result:
    """Write a classifier for other tools; see ``degan export --help``.

    The digest of the result is that of the file, and of a folder's weights.

    :raises DeganError: of the kinds in :mod:`degan_cli.errors`.
    """
    began = time.monotonic()
    settings = resolve_export(settings, session)
    format = FORMATS[settings.target]
    refuse_inputs(settings)
    place = choose_place(settings, format.suffix)
    loaded = open_classifier(settings.model, settings, session)
    format.refuse(loaded.model)
    if settings.dry_run:
        shown = plan(
            Output(path=place, folder=place), settings, stored_run(settings, {}), {"classifier": loaded.model}, {}
        )
        return Result(artifact=place, kind=settings.target, plan=shown, warnings=session.warnings)

    versions = {name: version(name) for name in format.libraries}
    described = about(loaded, inside=format.inside, softmax=settings.softmax, format=format.title, versions=versions)
    loader = f"{format.libraries[0]} {versions[format.libraries[0]]}"
    with aside(place) as path:
        format.write(described, path)
        difference, bound = largest_difference(described, opened(described, format.load, path, loader), loader)
        sha256 = file_sha256(path if path.is_file() else path / WEIGHTS)
    return Result(
        artifact=place,
        kind=settings.target,
        sha256=sha256,
        metrics={"largest_difference": difference, "bound": bound},
        seconds=time.monotonic() - began,
        warnings=session.warnings,
        summary=_summary(format, loader, difference, bound, place),
    )


def _summary(format: Format, loader: str, difference: float, bound: float, place: Path) -> str:
    same = f"loaded again by {loader}: with 1 image and with 7, outputs differ by {difference:.1e} at most"
    same += f" (bound {bound:.1e})"
    if format.inside:
        return f"{same}; it takes pixels in [0, 1]"
    where = "its metadata config.json" if format.suffix else str(place / CONFIG)
    return f"{same}; it takes normalised images: mean and std stand in {where}"
