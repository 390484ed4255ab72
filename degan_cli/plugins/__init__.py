"""Plugins: the contract, how they are found, and the names that they offer."""

from .load import PluginInfo, Plugins, load_plugins
from .registry import ArchitectureRegistry, Registry, unknown

__all__ = ["ArchitectureRegistry", "PluginInfo", "Plugins", "Registry", "load_plugins", "unknown"]
