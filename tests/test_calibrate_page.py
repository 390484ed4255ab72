"""docs/calibrate.md: its steps run as they stand, at small size, down to an int8 network that works."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import onnx
import pytest

from degan_cli.app import run

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "calibrate.md").read_text()
SCRIPT = ROOT / "benchmarks" / "quantise.py"
SHORT = {
    "teacher": "--epochs 3",
    "enrich": "--steps 100 --batch-size 32 --width 8 --lr 1e-3 --lambda-e 5 --lambda-d 20",
    "sample": "-n 60",
}


def steps() -> list[list[str]]:
    (block,) = re.findall(r"^```\n(degan .*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    return [shlex.split(line) for line in block.splitlines()]


def test_the_page_shows_the_script():
    assert f"```python\n{SCRIPT.read_text()}```" in PAGE


def test_the_steps_give_an_int8_network_that_keeps_the_classes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copy(SCRIPT, tmp_path)
    *commands, quantise = steps()
    for _, name, *arguments in commands:
        assert run([name, *arguments, *SHORT.get(name, "").split(), "-q"]) == 0
    assert quantise[:2] == ["python", "quantise.py"]
    done = subprocess.run([sys.executable, *quantise[1:]], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    kept = re.fullmatch(r"([\d.]+)% of the samples keep their class\n", done.stdout)
    assert kept is not None, done.stdout
    assert float(kept[1]) > 80

    exact, small = (onnx.load(name) for name in ("t.onnx", "t-int8.onnx"))
    assert sum(w.data_type == onnx.TensorProto.INT8 for w in small.graph.initializer) >= 5  # LeNet's layers
    assert Path("t-int8.onnx").stat().st_size < 0.5 * Path("t.onnx").stat().st_size
    assert "DequantizeLinear" in {node.op_type for node in small.graph.node}
    assert not exact.graph.node[0].op_type.startswith("Quantize")


@pytest.mark.parametrize("count", [1, 49, 50, 51])
def test_batches_hold_every_image_once(monkeypatch, count):
    np = pytest.importorskip("numpy")
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    from quantise import Pixels

    images = np.arange(count, dtype="uint8").reshape(count, 1, 1, 1)
    batches = list(iter(Pixels(images).get_next, None))
    assert np.array_equal(np.concatenate([batch["pixels"] for batch in batches]) * 255, images)
    assert all(batch["pixels"].dtype == np.float32 and len(batch["pixels"]) <= 50 for batch in batches)
