from __future__ import annotations

import errno
import os
import re
import subprocess
import sys

import pytest
import torch
import typer

import degan_cli
from degan_cli import app
from degan_cli.app import COMMANDS, run
from degan_cli.console import one_line
from degan_cli.errors import BadFile, DeganError, Diverged, OutOfMemory, PluginError, Stopped, UnknownName, UsageError


@pytest.fixture
def failing(monkeypatch):
    """Let ``degan list`` raise what the test wants."""

    def let(error: BaseException) -> None:
        def command(context: typer.Context) -> None:
            raise error

        monkeypatch.setattr(app, "COMMANDS", {"list": command})

    monkeypatch.delenv("DEGAN_TRACEBACK", raising=False)
    return let


def test_help_never_imports_torch():
    script = (
        "import sys; from degan_cli.app import COMMANDS, run\n"
        "codes = [run([]), run(['--help']), run(['--version']), *(run([name, '--help']) for name in COMMANDS)]\n"
        "codes.append(run(['list', 'methods']))\n"
        "heavy = {'torch', 'torchvision', 'timm', 'accelerate', 'safetensors', 'sklearn'} & set(sys.modules)\n"
        "print(codes, heavy, file=sys.stderr)\n"
        "sys.exit(bool(heavy) or codes != [2] + [0] * (len(codes) - 1))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-300:]


@pytest.mark.parametrize("asked", ["--help", "-h"])
@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str, asked: str, capsys):
    assert run([name, asked]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith(f"Usage: degan {name} ")
    assert captured.err == ""
    assert COMMANDS[name].__doc__


def test_the_version_is_on_stdout(capsys):
    assert run(["--version"]) == 0
    assert capsys.readouterr() == (f"degan {degan_cli.__version__}\n", "")


def test_no_command_shows_the_help_on_stderr(capsys):
    assert run([]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("Usage: degan ")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["lst"], "No such command 'lst'. Did you mean 'list'?; see degan --help"),
        (["list", "gans", "--jsn"], "No such option: --jsn (Possible options: --json); see degan list --help"),
        (["list", "gnas"], "'gnas' is not one of 'architectures', 'datasets', 'gans', 'methods', 'plugins'"),
        (["eval"], "Missing argument 'MODEL'"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_2(argv: list[str], message: str, capsys):
    assert run(argv) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("degan: error: ")
    assert captured.err.count("\n") == 1
    assert message in captured.err


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (DeganError("x"), 1),
        (UsageError("x"), 2),
        (UnknownName("x"), 2),
        (BadFile("x"), 3),
        (PluginError("x"), 4),
        (Diverged("x"), 5),
        (OutOfMemory("x"), 6),
        (Stopped("x"), 75),
        (Stopped("x", 143), 143),
    ],
)
def test_expected_errors_are_one_line_with_their_exit_code(error: DeganError, code: int, failing, capsys):
    failing(error)
    assert run(["list"]) == code
    assert capsys.readouterr() == ("", "degan: error: x\n")


def test_unexpected_errors_say_how_to_see_more(failing, capsys, monkeypatch):
    failing(KeyError("k"))
    assert run(["list"]) == 1
    assert capsys.readouterr().err == (
        "degan: error: unexpected KeyError: 'k'; set DEGAN_TRACEBACK=1 for the traceback\n"
    )
    monkeypatch.setenv("DEGAN_TRACEBACK", "1")
    assert run(["list"]) == 1
    assert "Traceback (most recent call last)" in capsys.readouterr().err


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"),
        MemoryError(),
        MemoryError("std::bad_alloc"),
        RuntimeError("std::bad_alloc"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: you "),
        RuntimeError("[enforce fail at alloc_cpu.cpp:75] data. DefaultCPUAllocator: not enough memory: you tried to "),
        RuntimeError("unable to mmap 4096 bytes from file <x>: Cannot allocate memory (12)"),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        RuntimeError("CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED"),
        RuntimeError('NVML_SUCCESS == r INTERNAL ASSERT FAILED at "CUDACachingAllocator.cpp":995'),
        RuntimeError("MPS backend out of memory (MPS allocated: 1.00 GB)"),
    ],
    ids=lambda error: str(error)[:40],
)
def test_lack_of_memory_comes_with_advice(error: Exception, monkeypatch, capsys):
    def teacher(settings: object, session: object) -> None:
        raise error

    monkeypatch.setattr("degan_cli.jobs.teacher", teacher)
    assert run(["teacher", "--dataset", "digits", "--arch", "lenet"]) == 6
    assert capsys.readouterr().err == (
        "degan: error: out of memory; use a smaller --batch-size, --precision bf16, another --device, or a machine "
        "with more memory that is free\n"
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_advice_for_lack_of_memory_names_options_that_the_command_has(name, capsys):
    assert run([name, "--help"]) == 0
    said = capsys.readouterr().out
    options = re.findall(r"--[a-z-]+", app.out_of_memory(name))
    assert all(f"{option} " in said for option in options)


def test_other_errors_are_no_lack_of_memory(failing, capsys):
    for error in (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), OSError(2, "No such file"), KeyError("k")):
        failing(error)
        assert run(["list"]) == 1
    capsys.readouterr()


def test_ctrl_c_is_quiet(failing, capsys):
    failing(KeyboardInterrupt())
    assert run(["list"]) == 130
    assert capsys.readouterr() == ("", "")


def test_text_from_files_cannot_steer_the_terminal(failing, capsys):
    failing(BadFile("a\x1b[2Jb\nc\ud800d"))
    assert run(["list"]) == 3
    assert capsys.readouterr().err == "degan: error: a\\x1b[2Jb c\\ud800d\n"
    assert one_line("größe 猫") == "größe 猫"


@pytest.mark.skipif(os.name != "posix", reason="pipes of POSIX")
@pytest.mark.parametrize("loud", [False, True])
def test_a_reader_that_leaves_is_no_error(loud: bool):
    """``degan ... | head -1``: the pipe breaks at the end, or while a command still prints."""
    script = "import sys; from degan_cli import app\n"
    if loud:
        script += "app.COMMANDS['list'] = lambda: [print('x' * 9999) for _ in range(99)]\n"
    script += "sys.argv = ['degan', 'list', *(['plugins'] if %r else [])]; app.main()" % (not loud)
    reader, writer = os.pipe()
    os.close(reader)
    with subprocess.Popen([sys.executable, "-c", script], stdout=writer, stderr=subprocess.PIPE) as process:
        os.close(writer)
        assert process.communicate()[1] == b""
