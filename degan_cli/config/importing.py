"""Settings of ``degan import``."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .fields import MODELS, RUN, setting
from .groups import ForeignSettings


@dataclass(frozen=True, kw_only=True)
class ImportSettings(ForeignSettings):
    """Which model from elsewhere becomes an artifact, and what must be said of it."""

    source: Path = setting(
        argument=True,
        panel=MODELS,
        help="A file of torch.save (.pth, .pth.tar, .pt, .bin) or safetensors, or a folder of timm or Hugging Face.",
    )
    weights: str | None = setting(
        None,
        metavar="KEY",
        help="Which state dict of a checkpoint, as a path of keys: model_ema, ema.module.",
        shown_default="an averaged one (EMA), if there is one",
        panel=MODELS,
    )
    drop: tuple[str, ...] = setting(
        (),
        metavar="PATTERN",
        help="Leave out keys that match, such as 'criterion.*'; repeatable.",
        panel=MODELS,
    )
    output: Path | None = setting(
        None,
        flags=("-o", "--output"),
        metavar="FILE",
        help="Where to write, - for stdout.",
        shown_default="a name made from the input's",
        panel=RUN,
        key=None,
    )
    force: bool = setting(False, help="Overwrite an existing result.", panel=RUN, key=None, in_file=False)
