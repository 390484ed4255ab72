"""degan: samples for a classifier whose training data is gone; nothing heavy is imported here."""

import pluggy

__version__ = "0.1.0"

hookimpl = pluggy.HookimplMarker("degan")
"""Marks a plugin's hook functions; see :mod:`degan_cli.plugins.hookspecs`."""
