"""Make cells of the paper's tables, each a chain of plain degan commands, and set the numbers beside the published."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..artifact.atomic import replacing
from ..config import EvaluateSettings, ReproduceSettings
from ..config.arguments import arguments
from ..errors import BadFile
from ..images import digest
from ..paper.cells import Cell, choose, is_measured, markdown, renamed, with_measurement
from ..paper.parts import Maker, Part
from ..paper.provenance import provenance
from ..paper.run import PROGRAM, Ledger, save_json
from ..runs.session import Session
from ..sweep.making import Outcome, executor, make
from .evaluate import evaluate


@dataclass(frozen=True, kw_only=True)
class Table:
    """What is known of a table, or the commands of a dry run."""

    path: Path
    """Of the results."""
    results: tuple[Mapping[str, Any], ...] = ()
    commands: tuple[str, ...] = ()
    """After ``--dry-run``."""
    outcome: Outcome = Outcome()
    """What there is not."""

    def to_json(self) -> dict[str, Any]:
        """The object that ``--json`` prints."""
        return {"artifact": str(self.path), "kind": "table", "results": list(self.results), **self.outcome.to_json()}

    def to_text(self) -> str:
        """For people: the table, or the commands, one a line."""
        if self.commands:
            return "\n".join(self.commands)
        return markdown(self.results) if self.results else "no cell is measured yet"


def reproduce(settings: ReproduceSettings, session: Session) -> Table:
    """Make the wanted cells; finished parts are not made again. See ``degan reproduce --help``.

    A part that fails does not end it: what does not need that part is made, and ``outcome`` says what is missing.

    :raises DeganError: of the kinds in :mod:`degan_cli.errors`, when nothing can be run at all.
    """
    cells = choose(settings.table, settings.only, _makers(settings, session), settings.scale)
    folder = settings.output / "parts"
    shared = ["--data-dir", str(settings.data_dir), *(["--download"] if settings.download else [])]
    path = settings.output / f"{settings.table}-{settings.scale}.json"
    if settings.dry_run:
        parts = dict.fromkeys(part for cell in cells for part in cell.part.in_order())
        degan = ["degan", *_before(session)]
        commands = [shlex.join([*degan, *part.arguments(folder), *shared]) for part in parts]
        evaluations = [shlex.join([*degan, "eval", *arguments(_evaluation(cell, settings))]) for cell in cells]
        return Table(path=path, commands=(*commands, *evaluations))

    results: list[dict[str, Any]] = renamed(json.loads(path.read_text())) if path.exists() else []
    ledger = Ledger(settings.output / "parts.json")
    command = shlex.join(["degan", *_before(session), "reproduce", *arguments(settings)])

    def measure(part: Part) -> None:
        nonlocal results
        for cell in cells:
            if cell.part == part and not is_measured(results, cell):
                accuracy = evaluate(_evaluation(cell, settings), session.silent()).metrics["accuracy"]
                known = {part.name: ledger.about(part, folder) for part in cell.part.in_order()}
                scaled = cell.column.scale(settings.scale)
                results = with_measurement(results, cell, scaled, accuracy, known, provenance(command))
                save_json(path, results)
                with replacing(path.with_suffix(".md")) as file:
                    file.write(f"{markdown(results)}\n".encode())
                published = cell.column.published[cell.row]
                beside = "" if published is None else f" (published {published:.2f})"
                session.say(f"{settings.table} {cell.name} seed {cell.seed}: {100 * accuracy:.2f}{beside}")

    # Commands are processes: each has its memory for itself. Here one has all cores, unless more are asked for.
    jobs = settings.jobs or (1 if settings.executor == "local" else None)
    program = (*PROGRAM, *_before(session))
    wanted = [cell.part for cell in cells]
    with executor(settings.executor, jobs, {}, ledger, folder) as where:
        ended = make(wanted, folder, shared, where, settings.max_minutes, ledger, session.say, measure, program)
    return Table(path=path, results=tuple(results), outcome=ended)


def _before(session: Session) -> list[str]:
    """Options that come before the name of a command."""
    return [] if session.plugins.enabled else ["--no-plugins"]


def _makers(settings: ReproduceSettings, session: Session) -> list[Maker]:
    """One for each seed."""
    finder = session.finder(settings)
    digests: dict[str, str] = {}

    def known_digest(expression: str) -> str:
        """Of a set's training images; empty where they are not there, which the command itself will say."""
        if expression not in digests:
            try:
                digests[expression] = digest(finder.open(expression).images)
            except BadFile:
                digests[expression] = ""
        return digests[expression]

    common = {"precision": settings.precision, "device": settings.device}
    return [Maker(seed=seed, common=common, graphs=settings.graphs, digest=known_digest) for seed in settings.seeds]


def _evaluation(cell: Cell, settings: ReproduceSettings) -> EvaluateSettings:
    return EvaluateSettings(
        model=cell.part.path(settings.output / "parts"),
        dataset=cell.test_data,
        data_dir=settings.data_dir,
        device=settings.device,
        precision=settings.precision,
    )
