"""The README against the program: its tables come from the result files, its commands exist."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from degan_cli.app import COMMANDS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
RESULTS = sorted((ROOT / "benchmarks" / "results").glob("*.json"))


def test_tables_are_those_of_the_result_files():
    check = [sys.executable, "benchmarks/tables.py", "--check"]
    done = subprocess.run(check, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_described(name):
    assert f"| `degan {name}` |" in README


def test_options_in_the_readme_exist():
    source = "".join(path.read_text() for path in (ROOT / "degan_cli").rglob("*.py"))
    for option in set(re.findall(r"`(--[a-z][a-z-]+)", README)) - {"--index-url"}:
        assert f'"{option}"' in source or option[2:].replace("-", "_") in source, option


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_results_say_where_they_come_from(path):
    results = json.loads(path.read_text())
    for result in results if isinstance(results, list) else [results]:
        assert {"command", "commit", "date", "hardware"} <= result.keys()
        assert {"cpu", "cores", "gpu", "torch"} <= result["hardware"].keys()
        assert {"seed", "seeds"} & result.keys()
        if "seeds" in result and "measured" in result:
            assert len(result["seeds"]) == len(result["measured"])
