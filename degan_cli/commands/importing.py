"""``degan import``: a model from elsewhere becomes an artifact."""

from __future__ import annotations

from ..config import ImportSettings
from .declare import command, shown

import_model = command(
    ImportSettings,
    shown("import_model"),
    """Make a model file of a classifier from elsewhere: a checkpoint of PyTorch, safetensors, or a folder of timm.

    Checkpoints are read in a process of their own, and only as tensors: no code in them runs. Prefixes of wrappers
    (module., model., _orig_mod., backbone.) are taken off the keys.
    """,
)
