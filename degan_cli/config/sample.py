"""Settings of ``degan sample``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .fields import DATA, MODELS, RUN, setting
from .groups import ComputeSettings, ForeignSettings


@dataclass(frozen=True, kw_only=True)
class SampleSettings(ForeignSettings, ComputeSettings):
    """Which images are drawn from a generator, and where they go."""

    arch: str | None = setting(
        None, metavar="NAME", help="Architecture of a plain state dict from elsewhere.", panel=MODELS, key=None
    )
    num_classes: int | None = setting(
        None, min=1, metavar="K", help="Number of classes of a plain state dict.", panel=MODELS, key=None
    )
    generator: Path = setting(
        argument=True, panel=MODELS, help="A generator; or stored images, to be unpacked into a folder."
    )
    number: int = setting(
        1000,
        flags=("--number", "-n"),
        min=1,
        help="Images to make; of stored ones the first so many.",
        shown_default="1000; all stored ones",
        panel=DATA,
    )
    balanced: bool = setting(False, help="Equally many of each class.", panel=DATA)
    classes: str | None = setting(None, metavar="A,B", help="Only images of these classes.", panel=DATA)
    classifier: Path | None = setting(
        None, help="Who names the classes.", shown_default="the one that enrich used", panel=MODELS
    )
    output: Path | None = setting(
        None,
        flags=("-o", "--output"),
        metavar="DIR|FILE",
        help="Folder, or file .safetensors, - for stdout.",
        shown_default="a folder named after the generator",
        panel=RUN,
        key=None,
    )
    force: bool = setting(False, help="Overwrite an existing result.", panel=RUN, key=None, in_file=False)
    dry_run: bool = setting(
        False, help="Check everything, show what would run, and stop.", panel=RUN, key=None, in_file=False
    )
