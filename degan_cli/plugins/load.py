"""Finds plugins, loads each one alone so that a broken one hurts nobody else, and fills the registries."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field, replace
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pluggy

from .. import __version__
from ..console import one_line, warn
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
from .guard import Owner, blamed, check_spec, guarded, told
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
    owners: dict[str, Owner] = field(default_factory=dict)
    """Of the installed plugins that work, by the name of the package or module that holds their code."""

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Inside, an exception that came through a plugin's code is its fault, at whatever step a network met it.

        :raises PluginError: for whatever is raised there but errors that a user can repair, Ctrl-C and lack of memory.
        """
        try:
            yield
        except BaseException as error:
            fault = blamed(error, self.owners)
            if fault is None:
                raise
            raise fault from error

    @property
    def broken(self) -> dict[str, str]:
        """Plugins that were skipped, each with its error."""
        return {info.name: info.error for info in self.found if info.status == "broken"}


def load_plugins(enabled: bool = True, disabled: frozenset[str] = frozenset(), raise_errors: bool = False) -> Plugins:
    """Register the built-ins, then every installed plugin, through the same hooks.

    A plugin that fails, whatever it raises, or that offers a name which is taken, is noted in ``broken`` and in one
    line on stderr, and nothing of it is registered. What it prints goes to stderr.

    :param enabled: False leaves all plugins but the built-in ones out.
    :param disabled: names of plugins, as entry points call them, to leave out.
    :param raise_errors: do not skip a plugin that fails, let its exception out.
    :raises PluginError: when two built-in parts offer one name.
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
            with redirect_stdout(sys.stderr):  # stdout is for the result alone
                specs = _specs(entry.load(), entry.name)
            _register(plugins, info, specs)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # importing a stranger's module may raise anything, and end the process too
            if raise_errors:
                raise
            message = str(error) if isinstance(error, PluginError) else told(error)
            plugins.found.append(replace(info, status="broken", error=message))
            warn(one_line(f"plugin {info.name} ({info.provider}) is skipped: {message}"))
            continue
        plugins.found.append(info)
        plugins.owners[entry.module.partition(".")[0]] = Owner(info.name, info.provider)
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
            check_spec(spec)
            specs.append(spec)
    return specs


def _register(plugins: Plugins, info: PluginInfo, specs: list[Any]) -> None:
    """All of a plugin's specs or, where a name is taken, none: that raises PluginError."""
    claimed: set[tuple[str, str]] = set()
    for spec in specs:
        registry = _registry(plugins, spec)
        name = spec.prefix if isinstance(spec, ArchitectureFamily) else spec.name
        registry.refuse_taken(name, info.provider, info.name)
        if (registry.kind, name) in claimed:
            raise PluginError(f'it offers the {registry.kind} "{name}" twice')
        claimed.add((registry.kind, name))
    for spec in specs:
        own = spec if info.distribution == DISTRIBUTION else guarded(spec, Owner(info.name, info.provider))
        if isinstance(own, ArchitectureFamily):
            plugins.architectures.add_family(own, info.provider, info.name)
        else:
            _registry(plugins, own).add(own, info.provider, info.name)


def _registry(plugins: Plugins, spec: Any) -> Registry[Any]:
    match spec:
        case ArchitectureFamily() | ArchitectureSpec():
            return plugins.architectures
        case DatasetSpec():
            return plugins.datasets
        case GanSpec():
            return plugins.gans
        case StrategySpec():
            return plugins.strategies
        case _:
            return plugins.methods
