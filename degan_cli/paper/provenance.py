"""What every measured number carries: command, commit, date and hardware."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from .. import __version__

SOURCE = Path(__file__).parents[2]


def provenance(command: str) -> dict[str, Any]:
    """Of a result measured now: ``command``, ``commit``, ``date``, ``hardware`` {cpu, cores, gpu, torch}."""
    import torch

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    hardware = {"cpu": _cpu(), "cores": os.cpu_count(), "gpu": gpu, "torch": torch.__version__}
    date = datetime.now(UTC).date().isoformat()
    return {"command": command, "commit": commit(), "date": date, "hardware": hardware}


def commit() -> str:
    """The commit that runs, with ``+`` where files differ from it; the version where this is no checkout."""
    if not (SOURCE / ".git").exists():
        return f"degan-cli {__version__}"
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, cwd=SOURCE)
    changed = subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=no", "--", "degan_cli"],
        capture_output=True,
        text=True,
        cwd=SOURCE,
    )
    known = head.stdout.strip() or f"degan-cli {__version__}"
    return known + ("+" if changed.stdout.strip() else "")


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return platform.processor() or platform.machine()
    lines = info.read_text().splitlines()
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    flags = next((line.split() for line in lines if line.startswith("flags")), [])
    return " ".join([model, *(flag for flag in ("avx512_bf16", "amx_bf16") if flag in flags)])
