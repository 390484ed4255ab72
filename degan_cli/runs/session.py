"""A session, which jobs share, and the frame of each of their runs: output, lock, checkpoint, report, result.

``with session.open(command, kind, settings, name) as run`` holds what every run needs in the same order; whatever
happens inside, the lock is released and progress is closed.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..artifact import file_sha256, read_header
from ..config.arguments import arguments
from ..config.base import Settings
from ..config.groups import DataSettings, ImageSettings, RunSettings
from ..config.stored import refuse_others, stored_run
from ..console import note, warn
from ..datasets.finder import DataFinder
from ..datasets.reading import Reading
from ..engine import Engine, start
from ..errors import Unwritable
from ..plugins import Plugins, load_plugins
from .checkpoint import Checkpoint
from .distinct import refuse_inputs
from .dry_run import Train, plan, rehearse
from .inputs import Parent, refuse_other_inputs
from .metrics_log import check_log
from .output import CHECKPOINT, Output, choose_output
from .report import Report
from .result import Result
from .stopping import StopWatch

if TYPE_CHECKING:
    from torch import Tensor, nn


Inner = TypeVar("Inner", bound=RunSettings)


@dataclass(frozen=True, kw_only=True)
class Session:
    """What the jobs of a process have in common."""

    plugins: Plugins = field(default_factory=load_plugins)
    """All that can be looked up by name; by default the built-in parts and every installed plugin."""
    quiet: bool = False
    """No progress on stderr and none of the notes about it; warnings are shown all the same."""
    skipped: dict[str, int] = field(default_factory=dict)
    """Set of images -> how many broken files were left out of it; filled in by :meth:`finder`."""
    warnings: list[str] = field(default_factory=list)
    """All that was warned of, in order and each once, runs inside others included."""

    def say(self, message: str) -> None:
        """A note for people, unless they want none."""
        if not self.quiet:
            note(message)

    def warn(self, message: str) -> None:
        """A warning, shown even when quiet, and once where several runs of one command come upon the same."""
        if message not in self.warnings:
            self.warnings.append(message)
            warn(message)

    def announce(self, command: str, settings: Settings) -> None:
        """Show the command line that a run inside another one amounts to."""
        self.say(f"$ degan {shlex.join([command, *arguments(settings)])}")

    def silent(self) -> Session:
        """The same for a run inside another one, whose progress would be in the way."""
        return replace(self, quiet=True)

    def finder(self, settings: DataSettings) -> DataFinder:
        """Where these settings let data sets be looked for, and how they let image files be read."""
        reading = Reading(quiet=self.quiet, skipped=self.skipped, warn=self.warn)
        if isinstance(settings, ImageSettings):
            reading = replace(reading, fit=settings.fit, skip_broken=settings.skip_broken, cache_dir=settings.cache_dir)
        return DataFinder(plugins=self.plugins, data_dir=settings.data_dir, download=settings.download, reading=reading)

    @contextmanager
    def open(self, command: str, kind: str, settings: RunSettings, name: str) -> Iterator[Run]:
        """The frame of one run.

        :param command: its name, for the progress bar.
        :param kind: of the artifact that it makes.
        :param name: of the artifact where ``-o`` names none, without suffix.
        :raises UsageError: when nothing can or may be written there, or it is one of the inputs.
        :raises PluginError: when ``--log`` needs what is not installed.
        """
        check_log(settings.log)
        refuse_inputs(settings)
        output = choose_output(settings.output, name, force=settings.force, resume=settings.resume)
        with ExitStack() as stack:
            try:
                yield Run(self, command, kind, settings, output, stack)
            except Unwritable as error:
                if not output.has_checkpoint():
                    raise
                raise error.keeping() from error


class Run:
    """One run, from its output to its result; made by :meth:`Session.open`."""

    engine: Engine
    checkpoint: Checkpoint
    report: Report
    watch: StopWatch

    def __init__(
        self, session: Session, command: str, kind: str, settings: RunSettings, output: Output, stack: ExitStack
    ) -> None:
        self.session = session
        self.command = command
        self.kind = kind
        self.settings = settings
        self.output = output
        self.stored: Mapping[str, Any] = {}
        self.parents: tuple[Parent, ...] = ()
        self._stack = stack
        self._began = time.monotonic()

    def start_engine(self, compiled: bool = False, graphs: bool = False, own_batch_norm: bool = False) -> Engine:
        """Choose device and precision, join the other processes and seed this one; all draws after it are the run's.

        :raises UsageError: when the device is not there, or cannot compute in this precision.
        """
        given = self.settings
        self.engine = start(given.device, given.precision, given.seed, compiled, graphs, own_batch_norm)
        return self.engine

    @property
    def used(self) -> dict[str, Any]:
        """Device and precision as they are used, whatever ``auto`` became."""
        return {
            "device": self.engine.device.type,
            "precision": self.engine.precision,
            "compiled": self.engine.compiled,
        }

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self._began

    @property
    def minutes_left(self) -> float | None:
        """What is left of ``--max-minutes``; None without limit."""
        if self.settings.max_minutes is None:
            return None
        return max(0.0, self.settings.max_minutes - self.seconds / 60)

    def inside(self, settings: Inner) -> Inner:
        """Settings of a run inside this one: it goes on or begins anew as this one does, in the time that is left."""
        outer = self.settings
        said = {name: getattr(outer, name) for name in ("log", "checkpoint_every") if name in outer.given}
        return settings.replaced(resume=outer.resume, force=not outer.resume, max_minutes=self.minutes_left, **said)

    def made_from(self, *parents: Parent) -> None:
        """Take what the artifact will be made from, in the order of its header; all of it before the run is locked."""
        self.parents = parents

    def use(self, settings: RunSettings, derived: Mapping[str, Any] | None = None) -> None:
        """Take the settings as they are used; the artifact's header will hold them.

        :param derived: what is known only now, see :func:`~degan_cli.config.stored.stored_run`.
        """
        self.settings = settings
        self.stored = stored_run(settings, self.used | dict(derived or {}))

    def ends_early(self) -> Result | None:
        """With ``--resume`` the result of a run that was complete before; else None.

        :raises UsageError: when the artifact is there, but was made with other settings or from other inputs.
        """
        path = self.output.path
        if (
            self.settings.dry_run
            or not self.settings.resume
            or self.output.to_stdout
            or not path.exists()
            or self.output.has_checkpoint()
        ):
            return None
        header = read_header(path)
        advice = "name another file with -o, or overwrite it with --force"
        refuse_others(path, header.run, self.stored, advice)
        refuse_other_inputs(path, header.parents, self.parents, advice)
        return Result(
            artifact=path,
            kind=self.kind,
            sha256=file_sha256(path),
            metrics=header.metrics,
            reused=True,
            warnings=self.session.warnings,
        )

    def planned(self, networks: Mapping[str, nn.Module], images: Mapping[str, Tensor]) -> Result:
        """The result of a dry run that trains nothing."""
        shown = plan(self.output, self.settings, self.stored, networks, images)
        return Result(
            artifact=self.output.path,
            kind=self.kind,
            plan=shown,
            skipped=self.session.skipped,
            warnings=self.session.warnings,
        )

    def rehearsed(
        self,
        train: Train,
        steps: int,
        networks: Mapping[str, nn.Module],
        images: Mapping[str, Tensor],
        looks: int = 0,
    ) -> Result:
        """The result of a dry run: what is planned, and how long two real steps take.

        :param train: the loop; with ``looks`` so short that it ends by itself, see :func:`~.dry_run.rehearse`.
        :param steps: updates in the whole run, at most.
        """
        planned = self.planned(networks, images)
        begun = self.seconds
        timing = rehearse(train, steps, self.command, self.output, self.engine, looks=looks, start_seconds=begun)
        return replace(planned, plan={**(planned.plan or {}), "timing": timing})

    def lock(self) -> None:
        """Keep other commands out of the run folder to the end of the run, which may write there from now on.

        Every process must come here.

        :raises UsageError: when another command writes there.
        """
        if self.engine.is_main:
            self._stack.enter_context(self.output.locked())
            if not (self.settings.force or self.settings.resume):
                self.output.check_free()  # another command may have made it while this one read its inputs
            begins = not (self.output.folder / CHECKPOINT).exists()  # it may have been killed before the first one
            if begins or (self.settings.force and not self.settings.resume):
                self.output.clear()
        self.engine.wait()
        self.checkpoint = Checkpoint(self.output.folder, self.stored, self.engine, self.parents)

    @contextmanager
    def training(self, steps: int) -> Iterator[None]:
        """:meth:`lock` the run folder, and inside have checkpoint, progress and the watch for stopping.

        Every process must come here.

        :param steps: updates in the whole run, at most.
        :raises UsageError: when another command writes there.
        """
        self.lock()
        report = Report(
            self.command,
            steps,
            self.output.folder,
            self.session.quiet,
            self.engine.is_main,
            self.settings.log,
            self.session.warnings,
        )
        with StopWatch(self.minutes_left, self.settings.checkpoint_every) as self.watch, report as self.report:
            yield

    def finish(
        self,
        save: Callable[[Path], str],
        metrics: Mapping[str, Any],
        *,
        summary: str = "",
        next_command: str = "",
    ) -> Result:
        """Write the artifact in the main process, remove the checkpoint, say what came out; all processes come here.

        :param save: writes the artifact to a path; its SHA-256.
        """
        sha256 = ""
        if self.engine.is_main:
            sha256 = save(self.output.path)
            self.checkpoint.remove()
        self.engine.wait()  # a run that this one is part of reads the artifact in every process
        return Result(
            artifact=self.output.path,
            kind=self.kind,
            sha256=sha256,
            metrics=metrics,
            seconds=self.seconds,
            skipped=self.session.skipped,
            warnings=self.session.warnings,
            summary=summary,
            next_command=next_command,
        )
