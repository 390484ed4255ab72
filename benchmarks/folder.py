"""A folder of 100,000 JPEG files as a proxy at 224 pixels: images a second, memory, and a second start.

    python benchmarks/folder.py --work runs/folder --number 100000

The files are crops of the embedded photographs, 256 pixels high and 256 to 341 wide. ``degan enrich --dry-run`` reads
them for an untrained ResNet-18, decodes them once into its cache, and does three updates; then the same again, from the
cache. Memory is sampled from /proc while it runs: anonymous pages are the process's own, and pages of mapped files are
the system's to take back. The machine needs 17 GB of disk for the cache.
"""

from __future__ import annotations

import argparse
import io
import json
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from PIL import Image
from results_file import write
from torchvision.transforms import v2
from untrained import save_untrained

from degan_cli.datasets.photos import load_photos
from degan_cli.paper.provenance import provenance

NAME = "folder"
SIZE = 224
EACH = 1000
"""Files of a folder of their own, as people keep them."""


def make_files(folder: Path, number: int) -> None:
    """So many JPEG files of different content, of those that are not there yet."""
    photos = load_photos("train", (3, 64, 64)).images  # uint8 (n, 3, 64, 64)
    for index in range(number):
        path = folder / f"{index // EACH:03d}" / f"{index:06d}.jpg"
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        width = 256 + index % 86
        pixels = v2.functional.resize(photos[index % len(photos)], [256, width])
        pixels = pixels.roll(index % 251, dims=2)
        content = io.BytesIO()
        Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(content, "jpeg", quality=85)
        path.write_bytes(content.getvalue())


def watch(command: list[str]) -> dict[str, Any]:
    """Run a command; its seconds, and the most that it held of its own and of mapped files, in bytes."""
    began, own, mapped = time.monotonic(), 0, 0
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    status = Path(f"/proc/{process.pid}/status")
    while process.poll() is None:
        try:
            lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
            own = max(own, 1024 * int(lines.get("RssAnon", "0").split()[0]))
            mapped = max(mapped, 1024 * int(lines.get("RssFile", "0").split()[0]))
        except (FileNotFoundError, ProcessLookupError):
            break
        time.sleep(0.2)
    said = process.communicate()[0]
    if process.returncode:
        raise SystemExit(f"{shlex.join(command)}: exit code {process.returncode}")
    timing = json.loads(said)["timing"]
    return {
        "seconds": round(time.monotonic() - began, 1),
        "start_seconds": timing["start_seconds"],
        "anonymous_bytes": own,
        "mapped_bytes": mapped,
    }


def main() -> None:
    """Make the files, and measure two starts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, default=Path("runs/folder"))
    parser.add_argument("--number", type=int, default=100_000)
    options = parser.parse_args()
    files, cache, t = options.work / "files", options.work / "cache", options.work / "t.safetensors"
    options.work.mkdir(parents=True, exist_ok=True)
    make_files(files, options.number)
    save_untrained(t, SIZE)
    command = [sys.executable, "-m", "degan_cli", "enrich", "--classifier", str(t), "--proxy", str(files)]
    command += [
        "--cache-dir",
        str(cache),
        "--steps",
        "1000",
        "--batch-size",
        "16",
        "--width",
        "8",
        "--json",
        "--dry-run",
    ]
    rows = []
    for start in ("first start", "second start"):
        made = watch(command)
        row = {"table": NAME, "row": start, "number": options.number, "size": SIZE, **made}
        row |= {"images_per_second": round(options.number / made["start_seconds"], 1), "seed": 0}
        print(json.dumps(row), flush=True)
        rows.append(row | provenance(shlex.join(["python", *sys.argv])))
    write(NAME, rows)


if __name__ == "__main__":
    main()
