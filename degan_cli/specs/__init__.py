"""What a plugin offers: frozen, typed values, light enough to be imported for ``--help``.

Every ``build``, ``load`` or ``find`` in here imports torch when it is called, never before.
Pixels are [0, 1] wherever a value crosses from one of these parts to another.
"""

from __future__ import annotations

from .images import DatasetRequest, DatasetSpec, ImageSet
from .inversions import Inversion, InversionParts, InversionSpec
from .methods import Method, MethodParts, MethodSpec, NoSettings, StudentRecipe
from .networks import ArchitectureFamily, ArchitectureSpec, GanShape, GanSpec, InputSpec, to_minus_one_one
from .protocols import ClassifierNetwork, ComputeEngine, GeneratorNetwork, Network
from .strategies import IncrementRecipe, Strategy, StrategyParts, StrategySpec

__all__ = [
    "ClassifierNetwork",
    "ComputeEngine",
    "GeneratorNetwork",
    "Network",
    "ArchitectureFamily",
    "ArchitectureSpec",
    "DatasetRequest",
    "DatasetSpec",
    "GanShape",
    "GanSpec",
    "ImageSet",
    "IncrementRecipe",
    "InputSpec",
    "Inversion",
    "InversionParts",
    "InversionSpec",
    "Method",
    "MethodParts",
    "MethodSpec",
    "NoSettings",
    "Strategy",
    "StrategyParts",
    "StrategySpec",
    "StudentRecipe",
    "to_minus_one_one",
]
