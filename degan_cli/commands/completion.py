"""What a shell completes: names of architectures, GANs, methods, strategies and data sets, and files beside these."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..plugins import Plugins

NAMED: Mapping[str, str] = {
    "arch": "architectures",
    "architecture": "architectures",
    "student": "architectures",
    "gan": "gans",
    "method": "methods",
    "strategy": "strategies",
    "dataset": "datasets",
    "images": "datasets",
    "new_data": "datasets",
    "proxy": "datasets",
    "samples": "datasets",
    "test_data": "datasets",
}
"""Setting -> what its values are names of, in every command that has it."""


def completion(setting: str) -> Callable[[str], list[str]] | None:
    """What completes the values of a setting, or None where names are of no use."""
    kind = NAMED.get(setting)
    if kind is None:
        return None

    def complete(incomplete: str) -> list[str]:
        from ..plugins import load_plugins

        found = _names(load_plugins(), kind, incomplete)
        if kind == "datasets":
            found += [f"{path}/" if path.is_dir() else str(path) for path in _files(incomplete)]
        return [name for name in found if name.startswith(incomplete)]

    return complete


def _names(plugins: Plugins, kind: str, incomplete: str) -> list[str]:
    names: list[str] = getattr(plugins, kind).names()
    if kind == "architectures":
        for family in plugins.architectures.families:
            inside = incomplete.startswith(family.prefix)
            names += [family.prefix + name for name in family.names()] if inside else [family.prefix]
    return names


def _files(incomplete: str) -> list[Path]:
    folder, _, start = incomplete.rpartition("/")
    place = Path(folder or ("/" if incomplete.startswith("/") else "."))
    try:
        return sorted(path for path in place.iterdir() if path.name.startswith(start))
    except OSError:
        return []
