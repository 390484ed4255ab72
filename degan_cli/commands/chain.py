"""One subcommand that another one needs: shown, run in the same process, its result taken as an object."""

from __future__ import annotations

import contextlib
import io
import json
import shlex
from collections.abc import Sequence
from typing import Any

from ..errors import DeganError
from ..report import note


def run_command(arguments: Sequence[str], shared: Sequence[str], quiet: bool) -> dict[str, Any]:
    """Run ``degan ARGUMENTS SHARED --json`` and give back the object that it prints.

    :raises DeganError: with the command's exit code, when it fails; it has said on stderr why.
    """
    from ..app import run

    if not quiet:
        note(f"$ degan {shlex.join([*arguments, *shared])}")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        code = run([*arguments, *shared, "--json"])
    if code:
        failure = DeganError(f"ended at: degan {shlex.join(arguments)}")
        failure.exit_code = code
        raise failure
    result: dict[str, Any] = json.loads(printed.getvalue() or "{}")  # only the main process prints
    return result
