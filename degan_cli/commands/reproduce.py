"""``degan reproduce``: the cells of the paper's tables, from real data to numbers beside the published ones."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ..errors import UsageError
from ..options import (
    DATA,
    RUN,
    CudaGraphs,
    DataDir,
    Device,
    Download,
    DryRun,
    Json,
    MaxMinutes,
    Precision,
    Quiet,
    plugins_from,
)
from ..report import note

if TYPE_CHECKING:
    from ..paper.cells import Cell


def reproduce(
    context: typer.Context,
    table: Annotated[
        Literal["table1", "table2", "table3", "neighbours"],
        typer.Argument(help="Of the DeGAN paper, or other methods beside it."),
    ],
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="CELL", help="Such as svhn/degan, svhn or '*/degan'; repeatable.", rich_help_panel=RUN),
    ] = None,
    scale: Annotated[
        Literal["paper", "gan", "hour", "tiny"],
        typer.Option(
            help="The paper's lengths, only its GAN, what two cores do in an hour, or a few updates.",
            rich_help_panel=RUN,
        ),
    ] = "paper",
    seeds: Annotated[str, typer.Option(metavar="N,N,...", help="Of all random numbers.", rich_help_panel=RUN)] = "0",
    jobs: Annotated[int, typer.Option(min=1, help="Commands at a time.", rich_help_panel=RUN)] = 1,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="Parts and results.", rich_help_panel=DATA)
    ] = Path("reproduce"),
    data_dir: DataDir = Path("data"),
    download: Download = False,
    device: Device = "auto",
    precision: Precision = "auto",
    graphs: CudaGraphs = False,
    max_minutes: MaxMinutes = None,
    dry_run: DryRun = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make cells of a table, each a chain of plain degan commands; finished parts are not made again.

    Results go to DIR/TABLE-SCALE.json and .md after each cell. --dry-run prints the commands, to be run by hand or by a
    scheduler. A stopped table goes on with the same command.
    """
    from ..paper.cells import choose, is_measured, markdown, with_measurement
    from ..paper.parts import Maker
    from ..paper.provenance import provenance
    from ..paper.run import Ledger, run_parts, save_json
    from ..stopping import StopWatch

    if graphs and table == "neighbours":
        raise UsageError(
            "--cuda-graphs is not for the neighbours, some of whose methods train no generator; leave it out"
        )
    plugins = plugins_from(context)
    digests: dict[str, str] = {}

    def digest(expression: str) -> str:
        if expression not in digests:
            digests[expression] = _digest(expression, plugins, data_dir, download)
        return digests[expression]

    common = ("--precision", precision, "--device", device)
    makers = [Maker(seed=seed, common=common, graphs=graphs, digest=digest) for seed in _seeds(seeds)]
    cells = choose(table, only or [], makers, scale)
    folder = output / "parts"
    shared = ["--data-dir", str(data_dir), *(["--download"] if download else [])]
    if dry_run:
        for part in dict.fromkeys(part for cell in cells for part in cell.part.in_order()):
            print(shlex.join(["degan", *part.arguments(folder), *shared]))
        for cell in cells:
            print(shlex.join(["degan", *_eval(cell, folder), "--data-dir", str(data_dir)]))
        return

    path = output / f"{table}-{scale}.json"
    results: list[dict[str, Any]] = json.loads(path.read_text()) if path.exists() else []
    ledger = Ledger(output / "parts.json")
    command = shlex.join(["degan", *sys.argv[1:]])

    def measure(part: Any) -> None:
        nonlocal results
        for cell in cells:
            if cell.part == part and not is_measured(results, cell):
                accuracy = _accuracy(cell, folder, data_dir, device, precision)
                parts = {part.name: ledger.about(part, folder) for part in cell.part.in_order()}
                scaled = cell.column.scale(scale)
                results = with_measurement(results, cell, scaled, accuracy, parts, provenance(command))
                save_json(path, results)
                path.with_suffix(".md").write_text(markdown(results) + "\n")
                if not quiet:
                    published = cell.column.published[cell.row]
                    beside = "" if published is None else f" (published {published:.2f})"
                    note(f"{table} {cell.name} seed {cell.seed}: {100 * accuracy:.2f}{beside}")

    with StopWatch(max_minutes) as watch:
        say = (lambda line: None) if quiet else note
        run_parts([cell.part for cell in cells], folder, shared, jobs, watch, ledger, say, measure)
    if as_json:
        print(json.dumps({"artifact": str(path), "kind": "table", "results": results}))
    else:
        print(markdown(results))


def _seeds(text: str) -> list[int]:
    try:
        return [int(item) for item in text.split(",")]
    except ValueError:
        raise UsageError(f"--seeds {text}: write numbers, such as 0,1,2") from None


def _digest(expression: str, plugins: Any, data_dir: Path, download: bool) -> str:
    """The content of a set's training images; empty where they are not there, which the command itself will say."""
    from ..datasets.resolve import open_images
    from ..errors import BadFile
    from ..pixels import digest

    try:
        return digest(open_images(expression, "train", plugins=plugins, data_dir=data_dir, download=download).images)
    except BadFile:
        return ""


def _eval(cell: Cell, folder: Path) -> list[str]:
    return ["eval", str(cell.part.path(folder)), "--dataset", cell.test_data]


def _accuracy(cell: Cell, folder: Path, data_dir: Path, device: str, precision: str) -> float:
    from .chain import run_command

    where = ["--data-dir", str(data_dir), "--device", device, "--precision", precision]
    return float(run_command(_eval(cell, folder), where, quiet=True)["metrics"]["accuracy"])
