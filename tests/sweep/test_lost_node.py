"""A Ray cluster of two nodes, of which one is killed on the way: the table is that of one machine, byte for byte."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from digits_sweep import digits_sweep

pytest.importorskip("ray", reason="Ray is an extra: pip install 'degan-cli[ray]'")

FILE = digits_sweep(epochs=2, steps_per_epoch=20, seeds=6)
MODELS = 13
SWEEP = [sys.executable, "-m", "degan_cli", "sweep", "s.toml", "-q"]


def ancestors(process: int) -> Iterator[int]:
    """The process that started it, the one that started that, and so on, as far as they are there."""
    while process > 1:
        try:
            process = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return
        yield process


def students_of(raylet: int, below: Path) -> list[int]:
    """Commands of a node that have locked their run folders."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            words = (place / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        if "distill" in words and raylet in ancestors(int(place.name)):
            folder = below / Path(words[words.index("--output") + 1]).with_suffix(".run")
            if (folder / ".lock").exists():
                found.append(int(place.name))
    return found


def contents(folder: Path) -> dict[str, bytes]:
    """The table, and the models; what ``eval`` prints holds the seconds it took."""
    return {path.name: path.read_bytes() for path in [folder / "results.json", *folder.glob("parts/*.safetensors")]}


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_a_node_is_killed_and_the_table_is_that_of_one_machine(tmp_path, monkeypatch):
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # what the bytes depend on
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
        (folder / "s.toml").write_text(FILE)
    subprocess.run([*SWEEP, "--jobs", "2"], cwd=here, check=True)

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    sweep = None
    try:
        node = cluster.add_node(num_cpus=1)
        raylet = node.all_processes["raylet"][0].process.pid
        environment = os.environ | {"RAY_ADDRESS": cluster.address}
        sweep = subprocess.Popen([*SWEEP, "--executor", "ray"], cwd=there, env=environment)
        while not (victims := students_of(raylet, there)):
            assert sweep.poll() is None
            time.sleep(0.02)
        os.kill(raylet, signal.SIGKILL)
        assert sweep.wait() == 0
    finally:
        if sweep is not None:
            sweep.kill()
        cluster.shutdown()
    assert not any(Path(f"/proc/{process}").exists() for process in victims)
    made, wanted = (contents(folder / "s.sweep") for folder in (there, here))
    assert len(made) == MODELS + 1
    assert made == wanted
