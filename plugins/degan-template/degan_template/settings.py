"""What ``--set NAME=VALUE`` reaches in the methods and the strategy; ``degan list methods`` shows it."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class ConfidentSettings:
    """Of ``template-confident``."""

    entropy_weight: float = field(default=1.0, metadata={"help": "weight of the entropy of predictions", "min": 0})


@dataclass(frozen=True, kw_only=True)
class DreamSettings:
    """Of ``template-dream``."""

    tv_weight: float = field(default=1e-4, metadata={"help": "weight of the variation of an image", "min": 0})


@dataclass(frozen=True, kw_only=True)
class TetherSettings:
    """Of ``template-tether``."""

    tether: float = field(default=0.1, metadata={"help": "weight of the distance to the old weights", "min": 0})
