"""Parts as job arrays for Slurm: one script a level of dependencies, a collector, and what would submit them in order.

A script holds its commands, so that one which waits in a queue is not changed by a later call.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..artifact.atomic import replacing
from ..paper.parts import Part
from ..paper.run import going_on, missing

RUN = """run() {  # NAME PRINTS COMMAND...: the log, the result if that is what it prints, and the exit code
  name=$1 prints=$2; shift 2
  "$@" 2>>"$parts/$name.log" >"$parts/$name.out"; code=$?
  if [ "$code" = 0 ] && [ "$prints" = 1 ]; then mv "$parts/$name.out" "$parts/$name.json"; fi
  rm -f "$parts/$name.out"; echo "$code" >"$parts/$name.exit"; exit "$code"
}"""


def levels(wanted: Sequence[Part], folder: Path) -> list[list[Part]]:
    """What is missing, by how long a chain of missing parts each needs first."""
    depth: dict[Part, int] = {}
    for last in wanted:
        for part in missing(last, folder):  # each after what it needs
            depth[part] = max((1 + depth[need] for _, need in part.needs if need in depth), default=0)
    return [[part for part, at in depth.items() if at == level] for level in range(max(depth.values(), default=-1) + 1)]


def scripts(
    wanted: Sequence[Part],
    folder: Path,
    program: Sequence[str],
    again: Sequence[str],
    jobs: int | None,
    options: Mapping[str, str],
) -> dict[str, str]:
    """Text by file name; nothing where all is made.

    :param program: what starts degan.
    :param again: arguments of the command that wrote these; the collector is the same one.
    :param jobs: tasks of an array at a time.
    :param options: long options of ``sbatch``.
    """
    found = levels(wanted, folder)
    if not found:
        return {}
    head = [f"#SBATCH --{name}={value}" for name, value in options.items()]
    place = [f"cd {shlex.quote(os.getcwd())} || exit 1", f"parts={shlex.quote(str(folder))}", 'mkdir -p "$parts"']
    texts = {}
    submit = [
        "#!/bin/bash",
        "# Submits all of it; a level begins when the one before it has ended, well or not.",
        "set -e",
    ]
    submit += ['cd "$(dirname "$0")"']
    for number, parts in enumerate(found, 1):
        limit = f"%{jobs}" if jobs else ""
        lines = ["#!/bin/bash", f"#SBATCH --array=0-{len(parts) - 1}{limit}", *head, *place, RUN]
        lines.append("case $SLURM_ARRAY_TASK_ID in")
        for task, part in enumerate(parts):
            command = shlex.join([*program, *part.arguments(folder), *going_on(part, folder)])
            lines.append(f"  {task}) run {part.name} {int(part.prints)} {command} ;;")
        texts[f"level-{number}.sh"] = "\n".join([*lines, "esac"]) + "\n"
        after = ' --dependency=afterany:"$job"' if number > 1 else ""
        submit.append(f"job=$(sbatch --parsable{after} level-{number}.sh)")
    texts["collect.sh"] = "\n".join(["#!/bin/bash", *head, *place[:1], shlex.join([*program, *again])]) + "\n"
    submit.append('sbatch --dependency=afterany:"$job" collect.sh')
    texts["submit.sh"] = "\n".join(submit) + "\n"
    return texts


def write_scripts(texts: Mapping[str, str], folder: Path) -> None:
    """Put them where the former ones were, of which none is left."""
    for old in folder.glob("*.sh"):
        old.unlink()
    for name, text in texts.items():
        with replacing(folder / name) as file:
            file.write(text.encode())


def exit_codes(parts: Sequence[Part], folder: Path) -> dict[str, int]:
    """Of the parts that a script ran and that failed, by name."""
    files = {part.name: folder / f"{part.name}.exit" for part in parts if not part.path(folder).exists()}
    texts = {name: path.read_text().strip() for name, path in files.items() if path.exists()}
    return {name: int(text) if text.isdecimal() else 1 for name, text in texts.items()}  # a full disk leaves it empty
