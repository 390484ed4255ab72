"""The pages under docs/: the reference is the generated one, and the Python example runs as it stands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from degan_cli.app import COMMANDS
from degan_cli.commands.reference import reference

DOCS = Path(__file__).parent.parent / "docs"


def test_the_reference_is_the_generated_one():
    page = (DOCS / "reference.md").read_text()
    assert page == reference(COMMANDS), "run make docs"


def test_the_python_example_is_short_and_makes_a_student_that_beats_chance_by_far(tmp_path):
    (example,) = re.findall(r"```python\n(.*?)```", (DOCS / "python.md").read_text(), re.DOTALL)
    assert len([line for line in example.splitlines() if line.strip()]) <= 15
    done = subprocess.run(
        [sys.executable, "-c", example], capture_output=True, text=True, cwd=tmp_path, env=os.environ, check=False
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) > 0.7
