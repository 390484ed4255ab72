"""docs/own-model.md: its script runs in a shell as it stands, but for fewer epochs and a smaller budget."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import onnxruntime

PAGE = (Path(__file__).parent.parent / "docs" / "own-model.md").read_text()
SHORTER = {"range(10)": "range(1)", "randperm(1500)": "randperm(300)", "--budget 60s": "--budget 5s"}


def test_the_script_goes_from_plain_pytorch_to_onnxruntime(tmp_path: Path) -> None:
    page = PAGE
    for words, fewer in SHORTER.items():
        assert words in page
        page = page.replace(words, fewer)
    for text, name in re.findall(r'^```python\n("""(\w+\.py):.*?)^```$', page, re.DOTALL | re.MULTILINE):
        (tmp_path / name).write_text(text)
    (script,) = re.findall(r"^```sh\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    programs = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-e", "-c", script],
        cwd=tmp_path,
        env=os.environ | {"PATH": programs},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:3] == ["teacher.safetensors", "student.safetensors", "student.onnx"]
    assert re.fullmatch(r"\d [01]\.\d\d", done.stdout.splitlines()[-1])
    assert "checkpoint.pth: state_dict is taken" in done.stderr
    assert "loaded again by onnxruntime" in done.stderr
    (pixels,) = onnxruntime.InferenceSession(str(tmp_path / "student.onnx")).get_inputs()
    assert pixels.shape[1:] == [3, 32, 32]
