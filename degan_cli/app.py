"""The command line as a whole: its subcommands, and how an error becomes one line and an exit code."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from . import __version__, streams
from .commands.compress import compress
from .commands.condense import condense
from .commands.demo import demo
from .commands.distill import distill
from .commands.enrich import enrich
from .commands.eval import evaluate
from .commands.export import export
from .commands.importing import import_model
from .commands.incremental import incremental
from .commands.list import list_command
from .commands.report import report
from .commands.reproduce import reproduce
from .commands.rerun import rerun
from .commands.sample import sample
from .commands.sweep import sweep
from .commands.teacher import teacher
from .commands.verify import verify
from .console import one_line
from .errors import (
    EXIT_DONE,
    EXIT_UNEXPECTED,
    NO_ROOM,
    DeganError,
    OutOfMemory,
    UsageError,
    is_out_of_memory,
    unwritable,
)

COMMANDS: dict[str, Callable[..., None]] = {
    "compress": compress,
    "import": import_model,
    "teacher": teacher,
    "condense": condense,
    "enrich": enrich,
    "distill": distill,
    "incremental": incremental,
    "eval": evaluate,
    "sample": sample,
    "export": export,
    "report": report,
    "list": list_command,
    "rerun": rerun,
    "verify": verify,
    "sweep": sweep,
    "reproduce": reproduce,
    "demo": demo,
}
"""In the order of ``--help``."""

HELP = {"help_option_names": ["-h", "--help"]}
INTERRUPTED = 130
# Typer brings its own click or uses the installed one, depending on its version; this finds the class in both.
USAGE_ERROR = typer.BadParameter.__bases__[0]

LOWERED = ("batch_size", "update_batch", "per_class", "width")
"""Settings that take less memory where they are smaller; a command has some of them, or none."""


def make_app() -> typer.Typer:
    """A Typer app with all subcommands; none of them imports torch before it runs."""
    # Panels for people; plain text for pipes, whose readers want no frames.
    app = typer.Typer(rich_markup_mode="rich" if sys.stdout.isatty() else None, pretty_exceptions_enable=False)
    app.callback(invoke_without_command=True, context_settings=HELP)(degan)
    for name, command in COMMANDS.items():
        app.command(name, context_settings=HELP)(command)
    return app


def degan(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.", is_eager=True)] = False,
    no_plugins: Annotated[bool, typer.Option("--no-plugins", help="Use the built-in parts only.")] = False,
) -> None:
    """From an image classifier whose training data is gone, and some other images, to a new classifier.

    stdout carries the result, stderr the progress. Exit codes: 0 done, 1 unexpected, 2 usage, 3 bad input file,
    4 plugin missing or broken, 5 training diverged, 6 out of memory, 75 stopped early and resumable.
    """
    if version:
        print(f"degan {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help(), file=sys.stderr)
        raise typer.Exit(UsageError.exit_code)


def run(argv: Sequence[str]) -> int:
    """Run one command line, without the program's name; its exit code. Errors are one line on stderr."""
    try:
        result = typer.main.get_command(make_app()).main(args=list(argv), prog_name="degan", standalone_mode=False)
    except SystemExit as stop:  # how Typer ends when nobody reads stdout any more
        return stop.code if isinstance(stop.code, int) else EXIT_UNEXPECTED
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        if os.environ.get("DEGAN_TRACEBACK", "") not in ("", "0"):
            traceback.print_exc()
        message, code = explain(error, next((word for word in argv if word in COMMANDS), ""))
        print(f"degan: error: {one_line(message)}", file=sys.stderr)
        return code
    return result if isinstance(result, int) else EXIT_DONE


def explain(error: Exception, command: str) -> tuple[str, int]:
    """What to tell a person about an exception in a command, and the exit code."""
    if isinstance(error, DeganError):
        return str(error), error.exit_code
    if isinstance(error, USAGE_ERROR):
        wrong: Any = error
        command = wrong.ctx.command_path if wrong.ctx else "degan"
        return f"{wrong.format_message().rstrip('.')}; see {command} --help", UsageError.exit_code
    if is_out_of_memory(error):
        return out_of_memory(command), OutOfMemory.exit_code
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        failed = unwritable(error.filename or "a temporary file", error)
        return str(failed), failed.exit_code
    hint = "set DEGAN_TRACEBACK=1 for the traceback"
    return f"unexpected {type(error).__name__}: {error}; {hint}", EXIT_UNEXPECTED


def out_of_memory(command: str) -> str:
    """What to tell a person whose memory a command has used up: which of its settings to lower."""
    settings = getattr(COMMANDS.get(command), "settings", None)
    declared = {} if settings is None else settings.declared()
    advice = [f"a smaller {declared[name].flag}" for name in LOWERED if name in declared]
    advice += ["a smaller --set enrich.batch_size"] if "enrich" in declared else []
    advice += ["--precision bf16"] if "precision" in declared else []
    advice += ["another --device"] if "device" in declared else []
    return f"out of memory; use {', '.join([*advice, ''])}or a machine with more memory that is free"


def main() -> None:
    """The executable ``degan``."""
    streams.mend()
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except DeganError as error:
        print(f"degan: error: {error}", file=sys.stderr)
        code = code or error.exit_code
    sys.exit(code)
