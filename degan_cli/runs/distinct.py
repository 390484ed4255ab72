"""No output is one of the inputs, by whatever name or link: what a command reads is still there after it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from ..artifact.model_folder import is_model_folder
from ..config.base import Settings
from ..datasets.image_files import SUFFIXES
from ..datasets.resolve import CROPS
from ..errors import UsageError

OUTPUTS = ("output", "predictions")
"""Settings that name a file to write."""
OTHERS = (*OUTPUTS, "plots", "data_dir", "cache_dir")
"""Settings whose paths are not read as files."""


def refuse_inputs(settings: Settings, more: Mapping[str, Path | str | None] | None = None) -> None:
    """Check, before any work is done, that no file to be written is one that is read.

    :param more: inputs that are no settings, by option.
    :raises UsageError: naming both options.
    """
    outputs = [name for name in OUTPUTS if isinstance(getattr(settings, name, None), Path)]
    for name in outputs:
        for option, text in (*_named(settings), *(more or {}).items()):
            if text is not None and _is_read(getattr(settings, name), str(text), getattr(settings, "data_dir", None)):
                declared = settings.declared()[name]
                flag = (declared.metadata["flags"] or (declared.flag,))[0]
                reads = f"would be written over what {option} {text} reads"
                raise UsageError(f"{flag} {getattr(settings, name)}: {reads}; name another file")


def _named(settings: Settings) -> Iterator[tuple[str, str]]:
    """Each text of the settings that may name files, and its option."""
    for name, declared in settings.declared().items():
        value = getattr(settings, name)
        for text in value if isinstance(value, tuple) else (value,):
            if name not in OTHERS and isinstance(text, str | Path) and str(text) != "-":
                yield (declared.name.upper() if declared.metadata["argument"] else declared.flag), str(text)


def _is_read(output: Path, text: str, data_dir: Path | None) -> bool:
    """Whether what ``text`` names is read from the file ``output``."""
    if not _exists(output):
        return False
    whole = text.rpartition("@")[0] or text  # of several samples, each has a weight
    for path in {text, whole, whole.removeprefix(CROPS), *_heads(text), *_heads(whole)}:
        if _exists(Path(path)) and (output.samefile(path) or _lies_in(output, Path(path))):
            return True
    # A data set that is registered: its packs are called NAME-train and NAME-test.
    name, _, split = output.stem.rpartition("-")
    pack = split in ("train", "test") and data_dir is not None and _lies_in(output, data_dir, whatever=True)
    return pack and bool(name) and text.startswith(name)


def _heads(text: str) -> Iterator[str]:
    """What stands before each colon, behind which are classes."""
    parts = text.split(":")
    return (":".join(parts[:count]) for count in range(1, len(parts)))


def _lies_in(file: Path, folder: Path, whatever: bool = False) -> bool:
    """Whether a file is one of those that are read of a folder."""
    if not folder.is_dir() or Path(os.path.realpath(folder)) not in Path(os.path.realpath(file)).parents:
        return False
    return whatever or file.suffix.lower() in SUFFIXES or (is_model_folder(folder) and file.suffix != ".csv")


def _exists(path: Path) -> bool:
    try:
        return str(path) not in ("", ".") and path.exists()
    except (OSError, ValueError):  # too long for a path, or with a NUL
        return False
