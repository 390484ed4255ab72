"""Finds plugins, loads each one alone so that a broken one hurts nobody else, and fills the registries."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pluggy

from .. import __version__
from ..errors import PluginError
from ..specs import (
    ArchitectureFamily,
    ArchitectureSpec,
    DatasetSpec,
    GanSpec,
    InversionSpec,
    MethodSpec,
    StrategySpec,
)
from . import hookspecs
from .registry import ArchitectureRegistry, Registry

__all__ = ["ArchitectureRegistry", "PluginInfo", "Plugins", "Registry", "load_plugins"]

GROUP = "degan"
BUILT_IN = ("degan_cli.networks", "degan_cli.gans", "degan_cli.datasets", "degan_cli.methods")
DISTRIBUTION = "degan-cli"

HOOKS: dict[str, tuple[type, ...]] = {
    "degan_architectures": (ArchitectureSpec, ArchitectureFamily),
    "degan_datasets": (DatasetSpec,),
    "degan_gans": (GanSpec,),
    "degan_methods": (MethodSpec, InversionSpec, StrategySpec),
}
"""Each hook with the kinds of spec that it returns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginInfo:
    """One plugin that was found: a built-in module or an entry point of the group ``degan``."""

    name: str
    distribution: str
    version: str
    status: str
    """``ok``, ``broken`` or ``disabled``."""
    error: str = ""
    """Kind and message of what went wrong, on one line; only when broken."""

    @property
    def provider(self) -> str:
        """Distribution and version, as artifacts store it."""
        return f"{self.distribution} {self.version}".strip()


@dataclass(frozen=True, slots=True)
class Plugins:
    """All that a command can look up by name."""

    architectures: ArchitectureRegistry = field(default_factory=ArchitectureRegistry)
    datasets: Registry[DatasetSpec] = field(default_factory=lambda: Registry[DatasetSpec]("dataset"))
    gans: Registry[GanSpec] = field(default_factory=lambda: Registry[GanSpec]("GAN"))
    methods: Registry[MethodSpec | InversionSpec] = field(
        default_factory=lambda: Registry[MethodSpec | InversionSpec]("method")
    )
    strategies: Registry[StrategySpec] = field(default_factory=lambda: Registry[StrategySpec]("strategy"))
    enabled: bool = True
    """Whether installed plugins were looked for, or the built-in parts alone are there."""
    found: list[PluginInfo] = field(default_factory=list)
    """Every plugin, in the order of loading: built-in modules first."""

    @property
    def broken(self) -> dict[str, str]:
        """Plugins that were skipped, each with its error."""
        return {info.name: info.error for info in self.found if info.status == "broken"}


def load_plugins(enabled: bool = True, disabled: frozenset[str] = frozenset(), raise_errors: bool = False) -> Plugins:
    """Register the built-ins, then every installed plugin, through the same hooks.

    A plugin that fails, whatever it raises, is noted in ``broken`` and in one line on stderr.

    :param enabled: False leaves all plugins but the built-in ones out.
    :param disabled: names of plugins, as entry points call them, to leave out.
    :param raise_errors: do not skip a plugin that fails, let its exception out.
    :raises PluginError: when a name is offered twice, by whomever.
    """
    plugins = Plugins(enabled=enabled)
    for module in BUILT_IN:
        info = PluginInfo(name=module, distribution=DISTRIBUTION, version=__version__, status="ok")
        _register(plugins, info, _specs(importlib.import_module(module), module))
        plugins.found.append(info)
    for entry in _entries() if enabled else ():
        distribution, version = _origin(entry)
        info = PluginInfo(name=entry.name, distribution=distribution, version=version, status="ok")
        if entry.name in disabled:
            plugins.found.append(replace(info, status="disabled"))
            continue
        try:
            specs = _specs(entry.load(), entry.name)
        except (Exception, SystemExit) as error:  # importing a stranger's module may raise anything
            if raise_errors:
                raise
            message = " ".join(f"{type(error).__name__}: {error}".split())
            plugins.found.append(replace(info, status="broken", error=message))
            print(f"degan: warning: plugin {info.name} ({info.provider}) is skipped: {message}", file=sys.stderr)
            continue
        _register(plugins, info, specs)
        plugins.found.append(info)
    return plugins


def _entries() -> list[EntryPoint]:
    return sorted(entry_points(group=GROUP), key=lambda entry: (*_origin(entry), entry.name))


def _origin(entry: EntryPoint) -> tuple[str, str]:
    """Distribution and version; damaged metadata of a package must not stop the tool."""
    try:
        return (str(entry.dist.name), str(entry.dist.version)) if entry.dist else ("unknown", "")
    except Exception:
        return "unknown", ""


def _specs(plugin: Any, name: str) -> list[Any]:
    """Everything that one plugin offers, from a pluggy manager of its own: no other plugin can interfere."""
    manager = pluggy.PluginManager("degan")
    manager.add_hookspecs(hookspecs)
    manager.register(plugin, name=name)
    manager.check_pending()
    specs: list[Any] = []
    for hook, kinds in HOOKS.items():
        caller: Callable[[], list[Any]] = getattr(manager.hook, hook)
        for spec in (spec for result in caller() for spec in result):
            if not isinstance(spec, kinds):
                wanted = " or ".join(kind.__name__ for kind in kinds)
                raise PluginError(f"{hook} returned {type(spec).__name__}, not {wanted}")
            if isinstance(spec, ArchitectureFamily) and not spec.prefix.endswith("/"):
                raise PluginError(f'the prefix "{spec.prefix}" of a family must end with a slash')
            specs.append(spec)
    return specs


def _register(plugins: Plugins, info: PluginInfo, specs: list[Any]) -> None:
    for spec in specs:
        match spec:
            case ArchitectureFamily():
                plugins.architectures.add_family(spec, info.provider, info.name)
            case ArchitectureSpec():
                plugins.architectures.add(spec, info.provider, info.name)
            case DatasetSpec():
                plugins.datasets.add(spec, info.provider, info.name)
            case GanSpec():
                plugins.gans.add(spec, info.provider, info.name)
            case MethodSpec() | InversionSpec():
                plugins.methods.add(spec, info.provider, info.name)
            case StrategySpec():
                plugins.strategies.add(spec, info.provider, info.name)
