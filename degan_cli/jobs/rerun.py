"""Make an artifact again, by the command and the settings in its header, and say whether it is the same."""

from __future__ import annotations

import filecmp
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from ..artifact import file_sha256, read_artifact, read_header
from ..artifact.header import Header
from ..artifact.makers import naming_the_missing
from ..config import CompressSettings, DistillSettings, RerunSettings, Settings
from ..config.fields import DATA, MODELS
from ..config.from_stored import command_of, values_of
from ..errors import BadFile, UsageError
from ..runs.distinct import refuse_inputs
from ..runs.inputs import Parent, differences
from ..runs.next_command import PHOTOGRAPHS
from ..runs.output import STDOUT, SUFFIX
from ..runs.result import Result
from ..runs.session import Session
from .compress_plan import Plan
from .condense import condense
from .distill import distill
from .enrich import enrich
from .incremental import incremental
from .resolve import resolved
from .sample import sample
from .teacher import teacher

JOBS: Mapping[str, Callable[[Any, Session], Result]] = {
    "teacher": teacher,
    "enrich": enrich,
    "distill": distill,
    "incremental": incremental,
    "condense": condense,
    "sample": sample,
}
FILES = ("classifier", "teacher", "generator")
"""Settings that name an artifact, and the role it has among the parents."""


def rerun(settings: RerunSettings, session: Session) -> Result:
    """Make an artifact again; see ``degan rerun --help``.

    Paths in its header are taken as they stand, so it belongs where the first run was started.

    :raises BadFile: when the header does not say how the artifact was made.
    :raises PluginError: when a plugin that it was made with is missing.
    :raises UsageError: when an input is another file than then, and for stdin.
    """
    refuse_inputs(settings)
    if str(settings.artifact) == "-":
        raise UsageError("rerun - : the artifact is read again when the new one is compared with it; name a file")
    header = read_header(settings.artifact)
    with naming_the_missing(settings.artifact, header, session.plugins):
        command, again = settings_again(header, settings, session)
        session.announce(command, again)
        _check_inputs(again, header)
        result = JOBS[command](again, session)
    if result.plan is not None or result.artifact == STDOUT or not result.artifact.is_file():
        return result
    return replace(result, summary=_compared(settings.artifact, header, result.artifact))


def settings_again(header: Header, settings: RerunSettings, session: Session) -> tuple[str, Settings]:
    """The command that a header tells of, and its settings, with those of a rerun.

    A student of ``degan compress`` is made by ``degan distill``: how long it learned was decided by a clock, and its
    plan says it.

    :raises BadFile: when the header does not say how the artifact was made.
    """
    found = command_of(header.run)
    if found is None:
        raise BadFile(f"{settings.artifact}: its header does not say how it was made; rerun takes what degan trained")
    command, kind = found
    fault = f"{settings.artifact}: the settings in its header cannot be used"
    if command == "compress":
        try:
            command, kind, values = "distill", DistillSettings, _planned(header)
        except (UsageError, TypeError, ValueError, KeyError, AttributeError) as error:
            raise BadFile(f"{fault} ({error}); fetch or make the file again") from error
    else:
        values = values_of(kind, header.run)
    ours = ("output", "data_dir", "download", "max_minutes", "checkpoint_every", "resume", "force", "dry_run")
    values |= {name: getattr(settings, name) for name in ours if name in kind.declared() and name in settings.given}
    values.setdefault("output", settings.artifact.with_name(f"{settings.artifact.stem}-again{SUFFIX}"))
    # What a setting is for depends on others: inputs and those that are for every run first, then what has a use.
    declared = kind.declared()
    first = {name for name in values if declared[name].panel in (MODELS, DATA) or not declared[name].metadata["needs"]}
    try:
        again = kind(**{name: values[name] for name in first})
    except (UsageError, TypeError) as error:  # TypeError: one that it needs is not there
        raise BadFile(f"{fault} ({error}); fetch or make the file again") from error
    for _ in declared:
        holding = resolved(again, session)
        more = {name for name in values.keys() - again.given if holding.has_use(name)}
        if not more:
            break
        again = again.replaced(**{name: values[name] for name in more})
    return command, again


def _planned(header: Header) -> dict[str, Any]:
    """What the plan of ``degan compress`` has ``degan distill`` do; of its recipe only what a header may decide."""
    plan, declared = Plan.from_json(header.metrics["plan"]), DistillSettings.declared()
    plan = replace(plan, recipe={name: value for name, value in plan.recipe.items() if declared[name].key})
    stored = values_of(CompressSettings, header.run)
    said = CompressSettings(**{name: value for name, value in stored.items() if value is not None})
    student = plan.distillation(said, said.images or PHOTOGRAPHS, None)
    return {name: getattr(student, name) for name in student.given - {"output"}}


def _check_inputs(settings: Settings, header: Header) -> None:
    """Raise UsageError where a file is not the one that the artifact was made from; data sets are compared later."""
    parents = {str(parent.get("role")): parent.get("sha256") for parent in header.parents}
    for role in FILES:
        path = getattr(settings, role, None)
        if not isinstance(path, Path) or role not in parents or not path.is_file():
            continue
        now = file_sha256(path)
        if now != parents[role]:
            raise UsageError(
                f"{path}: is not the {role} of then (sha256 {str(parents[role])[:12]}, now {now[:12]}); "
                "put that file back, or start in the folder of the first run"
            )


def _compared(before: Path, header: Header, after: Path) -> str:
    """What a new artifact has in common with the former one, for people."""
    if filecmp.cmp(before, after, shallow=False):
        return f"the same bytes as {before}"
    other = read_header(after)
    if changed := [what for what, *_ in differences(_inputs(header), _inputs(other))]:
        return f"not the same as {before}: other {', '.join(changed)} than then"
    versions = [
        f"{n} {v}, now {other.versions.get(n)}" for n, v in header.versions.items() if other.versions.get(n) != v
    ]
    why = f": {'; '.join(versions)}" if versions else ""
    if _same_tensors(before, after):
        return f"the same values as {before}, in a file of other bytes{why}"
    return f"not the same bytes as {before}, from the same inputs{why}"


def _inputs(header: Header) -> list[Parent]:
    """What it was made from; of ``degan compress`` as ``degan distill`` would have it."""
    found = command_of(header.run)
    if found is None or found[0] != "compress":
        return list(header.parents)
    return [{**parent, "role": "samples"} if parent.get("role") == "images" else parent for parent in header.parents]


def _same_tensors(one: Path, other: Path) -> bool:
    before, after = read_artifact(one).tensors, read_artifact(other).tensors
    return before.keys() == after.keys() and all(torch.equal(before[key], after[key]) for key in before)
