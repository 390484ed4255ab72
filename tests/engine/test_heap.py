"""After a run on a CPU has begun, a freed block's pages are there for the next one."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

FAULTS = """
import resource
import torch
from degan_cli.engine import start

{start}
for _ in range(10):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    torch.ones(2**26, dtype=torch.uint8)  # 64 MiB: 16384 pages, or 32 huge ones
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have no such setting")
def test_large_blocks_come_from_pages_that_the_process_holds() -> None:
    def faults(start: str) -> int:
        command = [sys.executable, "-c", FAULTS.format(start=start)]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    assert faults("start('cpu')") < 20
    assert faults("") > 20, "the allocator keeps its memory anyway: keep_freed_memory() may go"
