"""The plugins that a file is made with; and of a file from elsewhere, what has become of them here.

What a file says is a stranger's text: it is quoted, and never part of a command to type.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..console import quoted
from ..errors import PluginError, UnknownName
from ..plugins import DISTRIBUTION, Plugins, Registry
from .header import OWN_VERSIONS, Header


def maker(header: Header) -> str:
    """What a header says of the distribution that offers its architecture or GAN, for people."""
    return f"it says it was made with {quoted(header.provider)}" if header.provider else "it does not say what made it"


def absence(distribution: str, plugins: Plugins) -> str:
    """Why a name that a distribution offered elsewhere is not offered here, and what to do, as the end of a message."""
    here = [info for info in plugins.found if info.distribution == distribution]
    if not plugins.enabled:
        return "and plugins are switched off; leave --no-plugins out"
    if not here:
        return "which is not installed; ask who made the file where it is from"
    if here[0].status == "ok":
        return f"and {here[0].provider}, which is installed, lacks it; another version may have it"
    return f"whose plugin {here[0].name} is {here[0].status}; {here[0].error or 'enable it'}"


@contextmanager
def naming_the_missing(path: str | Path, header: Header, plugins: Plugins) -> Iterator[None]:
    """Where a name is unknown inside, tell which plugin that a file was made with does not work here, and why.

    :raises PluginError: for UnknownName, if there is such a plugin; else that passes.
    """
    try:
        yield
    except UnknownName as error:
        working = {info.distribution for info in plugins.found if info.status == "ok"}
        missing = [name for name in header.versions if name not in working and name not in OWN_VERSIONS]
        if not missing:
            raise
        made_with = quoted(f"{missing[0]} {header.versions[missing[0]]}")
        state = absence(missing[0], plugins)
        raise PluginError(f"{path}: {error}; it says it was made with {made_with}, {state}") from error


def plugin_versions(settings: object, plugins: Plugins) -> dict[str, str]:
    """Versions of the installed plugins that offer what settings name, by their distribution."""
    registries: dict[str, Registry[Any]] = {
        "architecture": plugins.architectures,
        "student": plugins.architectures,
        "gan": plugins.gans,
        "method": plugins.methods,
        "strategy": plugins.strategies,
    }
    versions = {}
    for name, registry in registries.items():
        if offered := getattr(settings, name, None):
            distribution, _, version = registry.provider(offered).rpartition(" ")
            versions[distribution] = version
    versions.pop(DISTRIBUTION, None)  # every header names it
    return versions
