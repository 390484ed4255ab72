"""Training commands as processes that a test kills: small ones of every kind, forked from a server that has torch."""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import degan_cli.jobs.compress_look
from degan_cli.app import run
from degan_cli.runs.report import Report

MARK = "a step is over"
OLD = "--classifier old.safetensors"
GAN = "--batch-size 12 --width 2 --latent 4"
STUDENT = "distill --teacher old.safetensors --student lenet-half --batch-size 12 --held-out 32 --epochs 2"
ONLINE = f"{STUDENT} --steps-per-epoch 4 --update-batch 6"
COMMANDS = {
    "teacher": "teacher --dataset digits:0-3 --arch lenet --epochs 3 --batch-size 48",
    "teacher, init": "teacher --dataset digits:0-3 --arch lenet --init old.safetensors --epochs 3 --batch-size 48",
    "dcgan": f"enrich {OLD} --proxy digits:2,3 --method dcgan --steps 12 {GAN}",
    "dafl": f"enrich {OLD} --method dafl --steps 12 {GAN}",
    "zskd": f"enrich {OLD} --method zskd -n 24 --steps 5 --batch-size 6",
    "distill": f"{STUDENT} --steps-per-epoch 8 --samples digits:2,3",
    "online generator": f"{ONLINE} --method mb-dfkd --width 2",
    "online images": f"{ONLINE} --method zskd --update-steps 3",
    "incremental": f"incremental {OLD} --new-data digits:5,6 --samples digits:0-4 --epochs 3 --batch-size 48",
    "incremental, enrich": f"incremental {OLD} --new-data digits:5,6 --enrich --impressions 8 --epochs 1 "
    "--batch-size 48 --set enrich.steps=8 --set enrich.batch_size=12 --set enrich.width=2 --set enrich.latent=4",
    "condense": "condense --dataset digits:0,1 --per-class 1 --steps 6",
    "compress": "compress --classifier old.safetensors --student lenet-half --images digits:2,3 --budget 30s",
}
"""A few updates of every training command."""


def start(
    folder: Path, command: str, *more: str, signalled_at: int = 0, by: signal.Signals = signal.SIGTERM
) -> multiprocessing.Process:
    """A degan process in ``folder`` whose stderr goes to the file ``said`` there.

    ``-o out.safetensors`` and a checkpoint after every step or epoch are added.

    :param signalled_at: the step in which it meets the signal ``by``; each step then leaves a line in ``said``.
    """
    return start_together(folder, command, *more, signalled_at=[signalled_at], by=by)[0]


def start_together(
    folder: Path, command: str, *more: str, signalled_at: Sequence[int], by: signal.Signals = signal.SIGTERM
) -> list[multiprocessing.Process]:
    """Several that share a run, as ``torchrun`` starts them; all but the first say things in ``said 1``, ``said 2``...

    :param signalled_at: one for each process; 0 for never.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["degan_cli.app", "degan_cli.jobs", "sklearn.datasets", "torchvision"])
    arguments = [*command.split(), "--device", "cpu", "--checkpoint-every", "0", "-o", "out.safetensors", *more]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1])}
    count = len(signalled_at)
    processes = []
    for rank, at in enumerate(signalled_at):
        place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "LOCAL_WORLD_SIZE": count}
        environment = {**meeting, **{name: str(value) for name, value in place.items()}} if count > 1 else {}
        processes.append(context.Process(target=_degan, args=(folder, arguments, at, by, rank, environment)))
        processes[-1].start()
    return processes  # type: ignore[return-value]


def _degan(
    folder: Path,
    arguments: Sequence[str],
    signalled_at: int,
    by: signal.Signals,
    rank: int,
    environment: Mapping[str, str],
) -> None:
    os.chdir(folder)
    os.environ.update(environment)
    if signalled_at:
        _signal_itself(signalled_at, by)
    # A plan must not follow this machine's pace, or no two would be the same.
    degan_cli.jobs.compress_look.student_pace = lambda *_: (1.0, 0.1)
    with (
        Path(f"said {rank}" if rank else "said").open("w", buffering=1) as said,
        contextlib.redirect_stderr(said),
        contextlib.redirect_stdout(said),
    ):
        code = run(arguments)
    sys.exit(code)


def _signal_itself(at: int, by: signal.Signals) -> None:
    """Send the signal within a step: before the loop says that it is over."""
    signal.signal(by, signal.SIG_DFL)  # whoever runs the tests may have ignored it
    steps, advance = itertools.count(1), Report.advance

    def marked(report: Report, images: int) -> None:
        if next(steps) == at:
            os.kill(os.getpid(), by)
        print(MARK, file=sys.stderr)
        advance(report, images)

    Report.advance = marked  # type: ignore[method-assign]
