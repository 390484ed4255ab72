from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from degan_cli.artifact import atomic
from degan_cli.artifact.atomic import replacing
from degan_cli.errors import DeganError, UsageError

posix = pytest.mark.skipif(os.name != "posix", reason="links and signals of POSIX")


def write(path: Path | str, data: bytes = b"new") -> None:
    with replacing(path) as file:
        file.write(data)


def test_the_file_appears_with_its_folder_and_nothing_beside_it(tmp_path: Path):
    write(tmp_path / "a" / "b" / "file")
    assert (tmp_path / "a" / "b" / "file").read_bytes() == b"new"
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["file"]


def test_a_failure_leaves_the_old_file_alone(tmp_path: Path):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def fail() -> None:
        with replacing(path) as file:
            file.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@posix
def test_a_killed_writer_leaves_the_old_file_and_the_next_one_cleans_up(tmp_path: Path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    script = (
        "import os, signal, sys; from degan_cli.artifact.atomic import replacing\n"
        "with replacing(sys.argv[1]) as file:\n"
        "    file.write(b'half'); file.flush(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 2
    write(path)
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


@posix
@pytest.mark.parametrize("moment", ["before", "between the two moves"])
def test_a_killed_writer_of_a_folder_loses_nothing_and_the_next_one_cleans_up(tmp_path: Path, moment: str):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "old").touch()
    script = (
        "import os, pathlib, signal, sys; from degan_cli.artifact import atomic\n"
        "folder = pathlib.Path(sys.argv[1])\n"
        "with atomic.folder_beside(folder) as beside:\n"
        "    (beside / 'half').touch()\n"
        "    if sys.argv[2] != 'before': folder.rename(beside / atomic.OLD)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(folder), moment], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == (2 if moment == "before" else 1)
    with atomic.folder_beside(folder) as beside:
        assert [path.name for path in folder.iterdir()] == ["old"]
        (beside / "new").mkdir()
        (beside / "new" / "new").touch()
        atomic.replace_folder(folder, beside / "new", beside)
    assert [path.name for path in folder.iterdir()] == ["new"]
    assert list(tmp_path.iterdir()) == [folder]


@posix
def test_a_writer_that_lives_is_left_alone(tmp_path: Path):
    """Two commands that write the same file: the last one wins, neither breaks."""
    path = tmp_path / "file"
    script = (
        "import sys; from degan_cli.artifact.atomic import replacing\n"
        "with replacing(sys.argv[1]) as file:\n"
        "    file.write(b'other'); print(flush=True); input()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", script, str(path)], **pipes) as other:
        other.stdout.readline()
        write(path)
        assert path.read_bytes() == b"new"
        other.communicate(b"\n")
    assert other.returncode == 0
    assert path.read_bytes() == b"other"
    assert list(tmp_path.iterdir()) == [path]


@posix
def test_an_existing_mode_is_kept_and_a_link_still_points_to_its_file(tmp_path: Path):
    target, link = tmp_path / "real" / "file", tmp_path / "link"
    write(target, b"old")
    target.chmod(0o640)
    link.symlink_to(target)
    write(link)
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


@posix
def test_devices_and_pipes_are_written_straight():
    write("/dev/null")
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


@posix
def test_file_and_folder_are_synced_around_the_rename(tmp_path: Path, monkeypatch):
    events: list[str] = []
    sync, replace = os.fsync, os.replace

    def record_sync(descriptor: int) -> None:
        events.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", record_sync)
    monkeypatch.setattr(os, "replace", lambda old, new: (events.append("rename"), replace(old, new)))
    write(tmp_path / "file")
    assert events == ["file", "rename", "folder"]


def test_targets_that_cannot_be_written_are_usage_errors(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError, match="cannot be written: .*; name another file"):
        write(tmp_path)
    with pytest.raises(UsageError, match="cannot be written"):
        write(tmp_path / "file" / "below")


def test_a_full_disk_is_said(tmp_path: Path, monkeypatch):
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DeganError, match="cannot be written: No space left on device") as error:
        write(tmp_path / "file")
    assert error.value.exit_code == 1
    assert list(tmp_path.iterdir()) == []


def test_a_long_name_is_no_problem(tmp_path: Path):
    path = tmp_path / ("n" * 250)
    write(path)
    assert path.read_bytes() == b"new"
