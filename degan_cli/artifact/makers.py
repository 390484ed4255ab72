"""The plugins that a file says it was made with, and what has become of them here.

What a file says is a stranger's text: it is quoted, and never part of a command to type.
"""

from __future__ import annotations

from ..console import quoted
from ..plugins import Plugins
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


def missing_maker(header: Header, plugins: Plugins) -> str:
    """The first plugin that took part when a file was made and does not work here, and why; empty where all do."""
    working = {info.distribution for info in plugins.found if info.status == "ok"}
    missing = [name for name in header.versions if name not in working and name not in OWN_VERSIONS]
    if not missing:
        return ""
    name = missing[0]
    return f"it says it was made with {quoted(f'{name} {header.versions[name]}')}, {absence(name, plugins)}"
