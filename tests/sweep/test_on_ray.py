"""Commands as tasks of a local Ray cluster: exit code, stdout and log come back, also when a worker is killed."""

import sys
from tempfile import TemporaryFile

import pytest

from degan_cli.paper.parts import Part

pytest.importorskip("ray", reason="Ray is an extra: pip install 'degan-cli[ray]'")

PRINTS = "import sys; print('result'); print('said', file=sys.stderr); sys.exit(3)"
KILLS_ITS_WORKER_ONCE = """
import os, pathlib, signal
mark = pathlib.Path("mark")
if not mark.exists():
    mark.touch()
    os.kill(os.getppid(), signal.SIGKILL)
    signal.pause()
print("second time")
"""
KILLS_ITS_WORKER = """
import os, signal
os.kill(os.getppid(), signal.SIGKILL)
signal.pause()
"""


@pytest.mark.slow
def test_commands_run_in_workers_and_a_lost_one_is_started_again(tmp_path, monkeypatch):
    from degan_cli.sweep.on_ray import cluster

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    found = []
    with cluster({}, 1) as (jobs, launching):
        assert jobs == 1
        for code in (PRINTS, KILLS_ITS_WORKER_ONCE):
            with TemporaryFile() as result:
                part = Part(label=f"p{len(found)}", command="eval")
                process = launching(tmp_path / "parts")(part, [sys.executable, "-c", code], result, {})
                process.ray.wait([process.reference], timeout=120)
                assert process.poll() is not None
                result.seek(0)
                log = (tmp_path / "parts" / f"{part.name}.log").read_text()
                found.append((process.returncode, result.read(), log))
    assert found == [(3, b"result\n", "said\n"), (0, b"second time\n", "")]


@pytest.mark.slow
def test_a_part_that_ray_gives_up_has_failed_and_its_log_says_why(tmp_path, monkeypatch):
    from degan_cli.sweep import on_ray

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(on_ray, "RETRIES", 1)
    logs = []
    with on_ray.cluster({}, 1) as (_, launching), TemporaryFile() as result:
        for label, code in (("killer", KILLS_ITS_WORKER), ("elsewhere", PRINTS)):
            part = Part(label=label, command="eval")
            process = launching(tmp_path / "parts")(part, [sys.executable, "-c", code], result, {})
            process.ray.wait([process.reference], timeout=120)
            assert process.poll() == on_ray.LOST
            logs.append((tmp_path / "parts" / f"{part.name}.log").read_text())
            monkeypatch.setattr(on_ray.os, "getcwd", lambda: str(tmp_path / "not-shared"))  # by the nodes
    assert logs[0].startswith("degan: error: Ray gave this part up: WorkerCrashedError: ")
    assert "Ray gave this part up: FileNotFoundError: [Errno 2] No such file or directory: " in logs[1]
