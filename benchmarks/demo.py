"""``degan demo`` over several seeds: the mean accuracy of the students.

python benchmarks/demo.py --seeds 0,1,2,3,4 --work runs
"""

from __future__ import annotations

import argparse
import shlex
import sys
from pathlib import Path
from typing import Any

from results_file import write

from degan_cli.jobs import DemoSettings, Session, demo
from degan_cli.paper.provenance import provenance

ROWS = {
    "teacher": "teacher",
    "true": "true data",
    "proxy": "proxy",
    "proxy, strong": "proxy, strong",
    "dcgan": "DCGAN",
    "degan": "DeGAN",
    "compress": "compress",
}
"""The tables' names of the rows, and the demo's."""


def main() -> None:
    """Run the demo once per seed and write ``results/demo.json``, or ``demo-PRECISION.json``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="0,1,2,3,4")
    parser.add_argument("--work", type=Path, default=Path("runs"))
    parser.add_argument("--precision", default="fp32")
    options = parser.parse_args()
    seeds = [int(seed) for seed in options.seeds.split(",")]

    about = provenance(shlex.join(["python", "benchmarks/demo.py", *sys.argv[1:]]))
    cells: dict[str, dict[str, Any]] = {}
    for seed in seeds:
        folder = options.work / f"demo-{options.precision}-{seed}"
        settings = DemoSettings(output=folder, seed=seed, precision=options.precision, force=True)
        result = demo(settings, Session(quiet=True)).to_json()
        for row, title in ROWS.items():
            cell = cells.setdefault(
                row,
                about
                | {"table": "demo", "row": row, "column": "digits (proxy: three of ten digits)", "published": None}
                | {
                    "scale": f"as `degan demo` runs it, {options.precision}",
                    "seeds": [],
                    "measured": [],
                    "seconds": [],
                },
            )
            cell["seeds"].append(seed)
            cell["measured"].append(round(100 * result["metrics"][title], 2))
            cell["seconds"].append(result["seconds"])
        write("demo" if options.precision == "fp32" else f"demo-{options.precision}", list(cells.values()))
        print(seed, {row: cell["measured"][-1] for row, cell in cells.items()}, f"{result['seconds']} s", flush=True)


if __name__ == "__main__":
    main()
