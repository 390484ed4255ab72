"""SECURITY.md and docs/trust.md name tests for each promise, and each of them is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROMISES = (ROOT / "SECURITY.md").read_text().partition("## What is promised")[2].partition("\n## ")[0].split("\n|")[3:]
GOALS = (ROOT / "docs" / "trust.md").read_text().partition("|---|---|\n")[2].partition("\n\n")[0].splitlines()
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


@pytest.mark.parametrize("promise", [*PROMISES, *GOALS], ids=range(len(PROMISES) + len(GOALS)))
def test_a_promise_has_tests_that_exist(promise):
    named = TEST.findall(promise)
    assert named
    for file, function in named:
        assert f"\ndef {function}(" in (ROOT / file).read_text(), f"{file} has no {function}"


def test_the_pages_have_their_promises():
    assert len(PROMISES) >= 11
    assert len(GOALS) >= 12
