"""How and where a run computes: device, precision, processes, compiled and recorded steps."""

from .engine import Engine, leave_processes, start

__all__ = ["Engine", "leave_processes", "start"]
