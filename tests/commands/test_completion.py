"""What a shell is offered after a few letters: the installed command, asked as a shell asks it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


def offered(words: str, folder: Path) -> list[str]:
    """The answers for the last of the words."""
    asked = {"_DEGAN_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split(" ")) - 1)}
    command = [str(Path(sys.executable).with_name("degan"))]
    done = subprocess.run(command, env=os.environ | asked, cwd=folder, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "answers"),
    [
        ("distill --student lenet", ["lenet", "lenet-half"]),
        ("teacher --arch timm/mobilenetv3_small_05", ["timm/mobilenetv3_small_050"]),
        ("enrich --gan dcg", ["dcgan"]),
        ("distill --method mosa", ["mosaickd"]),
        ("incremental --strategy r-", ["r-dfcil"]),
        ("list arch", ["architectures"]),
    ],
)
def test_names_are_completed(words: str, answers: list[str], tmp_path: Path) -> None:
    assert offered(f"degan {words}", tmp_path) == answers


def test_data_sets_come_before_files_and_folders(tmp_path: Path) -> None:
    (tmp_path / "digits-of-mine").mkdir()
    (tmp_path / "digits.safetensors").touch()
    (tmp_path / "other").touch()
    assert offered("degan enrich --proxy digi", tmp_path) == ["digits", "digits-of-mine/", "digits.safetensors"]
    assert offered(f"degan enrich --proxy {tmp_path}/dig", tmp_path) == [
        f"{tmp_path}/digits-of-mine/",
        f"{tmp_path}/digits.safetensors",
    ]
