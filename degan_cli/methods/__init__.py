"""The built-in methods; the modules that need torch are imported when a method is built."""

from __future__ import annotations

from dataclasses import dataclass, field

from .. import hookimpl
from ..specs import Method, MethodParts, MethodSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class DeganSettings:
    """The weights of the third player."""

    lambda_e: float = field(
        default=0.0,
        metadata={"help": "weight of the entropy term: confident images; more for a proxy far from the data", "min": 0},
    )
    lambda_d: float = field(
        default=5.0, metadata={"help": "weight of the diversity term: all classes in each batch", "min": 0}
    )


def _degan(parts: MethodParts) -> Method:
    from .degan import Degan

    return Degan(parts)


def _dcgan(parts: MethodParts) -> Method:
    from .dcgan import Dcgan

    return Dcgan(parts)


@hookimpl
def degan_methods() -> list[MethodSpec]:
    """The paper's method and its baseline."""
    return [
        MethodSpec(
            name="degan",
            build=_degan,
            settings=DeganSettings,
            source="Addepalli et al., DeGAN, AAAI 2020, equations 6 and 7",
        ),
        MethodSpec(name="dcgan", build=_dcgan, source="Radford et al., DCGAN, ICLR 2016; no classifier in the loop"),
    ]
