"""Plugins: the contract, how they are found, and the names that they offer."""

from .load import DISTRIBUTION, PluginInfo, Plugins, load_plugins
from .registry import ArchitectureRegistry, Registry, unknown

__all__ = ["DISTRIBUTION", "ArchitectureRegistry", "PluginInfo", "Plugins", "Registry", "load_plugins", "unknown"]
