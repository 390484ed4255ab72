"""How far forgetting can be told without a true image: estimates on samples beside what test images say.

    python benchmarks/forgetting.py FOLDER...

FOLDER is one where ``degan reproduce table3`` made its parts. For each extended classifier in it whose column has a
generator, the samples of that generator are shown to the old and to the extended classifier, as they are and strongly
changed; ``results/forgetting.json`` gets the rank correlation (Spearman) of each estimate with true forgetting.
"""

from __future__ import annotations

import argparse
import hashlib
import shlex
import sys
from pathlib import Path
from typing import Any

import torch
from results_file import write
from scipy.stats import spearmanr
from torch import Tensor

from degan_cli import artifact
from degan_cli.images import augment_strongly, fit
from degan_cli.models import Classifier
from degan_cli.paper.provenance import provenance
from degan_cli.plugins import load_plugins

SAMPLES = 2000


def estimates(old: Classifier, extended: Classifier, samples: Tensor) -> dict[str, float]:
    """Fractions of samples (n, C, H, W) in [0, 1] on which the extended classifier is not the old one any more."""
    torch.manual_seed(1)
    kinds = {"samples": samples, "strongly changed samples": augment_strongly(samples)}
    found = {}
    for name, images in kinds.items():
        with torch.no_grad():
            before, after = old(images).argmax(dim=1), extended(images).argmax(dim=1)
        found[f"disagreement on {name}"] = float((before != after).float().mean())
        found[f"{name} taken for new classes"] = float((after >= len(old.class_names)).float().mean())
    return found


def main() -> None:
    """One row for each extended classifier, and the correlations over all of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+")
    options = parser.parse_args()
    plugins, rows = load_plugins(), []
    for folder in options.folders:
        files = sorted(folder.glob("*.safetensors"))
        headers = {path: artifact.read_header(path) for path in files}
        made_for = {header.parents[0]["sha256"]: path for path, header in headers.items() if header.kind == "generator"}
        by_sha256 = {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in files}
        for path, header in headers.items():
            parent = header.parents[0]["sha256"] if header.parents else ""
            if "forgetting" not in header.metrics or parent not in made_for:
                continue
            old = artifact.load_classifier(by_sha256[parent], plugins).model.eval()
            extended = artifact.load_classifier(path, plugins).model.eval()
            generator = artifact.load_generator(made_for[parent], plugins).model.eval()
            torch.manual_seed(0)
            with torch.no_grad():
                samples = fit(generator(torch.randn(SAMPLES, generator.shape.latent)), *old.input.shape)
            about: dict[str, Any] = {name: header.run[name] for name in ("strategy", "seed")} | {"artifact": path.stem}
            rows.append(about | {"forgetting": header.metrics["forgetting"]} | estimates(old, extended, samples))
    truth = [row["forgetting"] for row in rows]
    names = [name for name in rows[0] if name not in ("artifact", "strategy", "seed", "forgetting")]
    correlations = {name: round(float(spearmanr([row[name] for row in rows], truth)[0]), 3) for name in names}
    about = provenance(shlex.join(["python", *sys.argv]))
    seeds = sorted({row["seed"] for row in rows})
    print(write("forgetting", {"correlations": correlations, "runs": len(rows), "seeds": seeds, "rows": rows, **about}))


if __name__ == "__main__":
    main()
