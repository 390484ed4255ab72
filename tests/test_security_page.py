"""SECURITY.md names a test for each promise, and each of them is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "SECURITY.md").read_text()
PROMISES = PAGE.partition("## What is promised")[2].partition("\n## ")[0].split("\n|")[3:]
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


@pytest.mark.parametrize("promise", PROMISES, ids=range(len(PROMISES)))
def test_a_promise_has_tests_that_exist(promise):
    named = TEST.findall(promise)
    assert named
    for file, function in named:
        assert f"\ndef {function}(" in (ROOT / file).read_text(), f"{file} has no {function}"


def test_the_page_has_its_promises():
    assert len(PROMISES) >= 7
