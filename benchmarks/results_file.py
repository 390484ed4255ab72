"""What every measured result records beside its number."""

from __future__ import annotations

import json
import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def provenance(command: str) -> dict[str, Any]:
    """Command, commit, date and hardware of a result measured now."""
    import torch

    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True, cwd=RESULTS.parent
    )
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    hardware = {"cpu": _cpu(), "cores": torch.get_num_threads(), "gpu": gpu, "torch": torch.__version__}
    return {
        "command": command,
        "commit": commit.stdout.strip(),
        "date": datetime.now(UTC).date().isoformat(),
        "hardware": hardware,
    }


def write(name: str, results: dict[str, Any] | list[dict[str, Any]]) -> Path:
    """Write ``results/NAME.json``."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(results, indent=1) + "\n")
    return path


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if not info.exists():
        return platform.processor() or platform.machine()
    lines = info.read_text().splitlines()
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    flags = next((line.split() for line in lines if line.startswith("flags")), [])
    return " ".join([model, *(flag for flag in ("avx512_bf16", "amx_bf16") if flag in flags)])
