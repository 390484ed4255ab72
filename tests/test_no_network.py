"""Without --download nothing asks the network, and nothing is unpickled: Python itself tells of every attempt."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
import socket
import sys
from pathlib import Path

import pytest
from kills import COMMANDS

from degan_cli.app import run

EVENTS = ("socket.connect", "socket.getaddrinfo", "socket.gethostby", "socket.sendto", "urllib.Request", "pickle.")
"""Beginnings of the audit events of any connection, look-up of a name, request and unpickling of a class."""
MORE = {
    "degan": "enrich --classifier old.safetensors --proxy digits:2,3 --steps 3 --batch-size 16 --width 2 --latent 4",
    "compress": f"{COMMANDS['compress']} --dry-run -o out.safetensors",
    "eval": "eval old.safetensors --dataset digits",
    "sample": "sample generator.safetensors -n 8 --classifier old.safetensors -o images",
    "export": "export old.safetensors --to torchscript -o out.pt",
    "report": "report old.safetensors -o out.html",
    "verify": "verify old.safetensors",
    "list": "list architectures timm/",
    "rerun": "rerun teacher.safetensors --dry-run -o out.safetensors",
    "missing data": "teacher --dataset svhn --arch lenet --data-dir gone -o out.safetensors",
    "missing proxy": "enrich --classifier old.safetensors --proxy cifar100-6 --data-dir gone -o out.safetensors",
    "the test itself": "connect",
}
WANTED = {"missing data": 3, "missing proxy": 3}
RUN = {name: f"{command} -o out.safetensors" for name, command in COMMANDS.items()} | MORE


def watched(folder: Path, command: str) -> None:
    """In a process of its own: what it attempts is in the file ``attempts``."""
    os.chdir(folder)
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    with (
        Path("attempts").open("a", buffering=1) as attempts,
        Path("said").open("w") as said,
        contextlib.redirect_stderr(said),
        contextlib.redirect_stdout(said),
    ):
        sys.addaudithook(lambda event, given: print(event, given, file=attempts) if event.startswith(EVENTS) else None)
        if command == "connect":
            with contextlib.suppress(OSError):
                socket.getaddrinfo("localhost", 9)
            sys.exit(0)
        sys.exit(run(command.split()))


@pytest.mark.parametrize("name", RUN)
def test_no_command_asks_the_network_or_unpickles(tmp_path, name):
    for path in (Path(__file__).parent / "golden").glob("*.safetensors"):
        shutil.copy(path, tmp_path)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["degan_cli.app", "degan_cli.jobs", "sklearn.datasets", "torchvision"])
    process = context.Process(target=watched, args=(tmp_path, RUN[name]))
    process.start()
    process.join()
    assert process.exitcode == WANTED.get(name, 0), (tmp_path / "said").read_text()
    attempts = (tmp_path / "attempts").read_text()
    assert "socket.getaddrinfo" in attempts if name == "the test itself" else attempts == ""
