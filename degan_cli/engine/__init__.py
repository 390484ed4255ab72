"""How and where a run computes: device, precision, processes, compiled and recorded steps."""

from .engine import Engine, start

__all__ = ["Engine", "start"]
