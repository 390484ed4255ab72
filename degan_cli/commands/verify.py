"""``degan verify``: whether artifacts and what they were made from are what they were."""

from __future__ import annotations

from ..config import VerifySettings
from .declare import command, shown

verify = command(
    VerifySettings,
    shown("verify"),
    """Look whether artifacts, and the model files they were made from, are there and what they were.

    Prints the commands that would make each again, the first one first. Sets of images are not looked at. Ends with
    exit code 3 where a file is missing, damaged or another one.
    """,
)
