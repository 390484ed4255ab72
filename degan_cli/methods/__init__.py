"""The built-in methods; the modules that need torch are imported when a method is built."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from .. import hookimpl
from ..specs import Method, MethodParts, MethodSpec, Strategy, StrategyParts, StrategySpec

COMPETITIONS = ("all", "new")
SCALINGS = ("tie", "full-width", "weight-align", "logits", "none")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeganSettings:
    """The weights of the third player; the last is not in the paper."""

    lambda_e: float = field(
        default=0.0,
        metadata={"help": "weight of the entropy term: confident images; more for a proxy far from the data", "min": 0},
    )
    lambda_d: float = field(
        default=5.0, metadata={"help": "weight of the diversity term: all classes in each batch", "min": 0}
    )
    bn_weight: float = field(
        default=0.0,
        metadata={"help": "weight of the distance to the statistics in the classifier's BatchNorm layers", "min": 0},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class LwfSettings:
    """How strongly the old predictions are kept, and how they are softened."""

    lambda_kd: float = field(default=3.0, metadata={"help": "weight of the distillation", "min": 0})
    temperature: float = field(default=2.0, metadata={"help": "softens both predictions", "min": 0.01})


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaySettings:
    """How samples keep the old classes, and how the scales of old and new logits are tied."""

    lambda_kd: float = field(default=1.0, metadata={"help": "weight of the distillation on samples", "min": 0})
    temperature: float = field(default=2.0, metadata={"help": "softens both predictions", "min": 0.01})
    lambda_s: float = field(default=0.1, metadata={"help": "weight of the term that ties the scales", "min": 0})
    competition: str = field(
        default="all",
        metadata={"help": "the classes among which a new image's label must win", "choices": COMPETITIONS},
    )
    tie_to: str = field(
        default="both",
        metadata={"help": "the images whose old logits the new ones are tied to", "choices": ("both", "samples")},
    )
    scaling: str = field(
        default="tie",
        metadata={"help": "how old and new logits are made comparable", "choices": SCALINGS},
    )


def _degan(parts: MethodParts) -> Method:
    from .degan import Degan

    return Degan(parts)


def _dcgan(parts: MethodParts) -> Method:
    from .dcgan import Dcgan

    return Dcgan(parts)


def _strategy(name: str, parts: StrategyParts) -> Strategy:
    from .finetune import Finetune, Fixed, Lwf, LwfMc
    from .replay import Replay

    classes: dict[str, type[Finetune]] = {
        "finetune": Finetune,
        "fixed": Fixed,
        "lwf": Lwf,
        "lwf-mc": LwfMc,
        "replay": Replay,
    }
    return classes[name](parts)


@hookimpl
def degan_methods() -> list[MethodSpec | StrategySpec]:
    """The paper's method and its baseline; the paper's way to teach new classes and its baselines."""
    return [
        MethodSpec(
            name="degan",
            build=_degan,
            settings=DeganSettings,
            source="Addepalli et al., DeGAN, AAAI 2020, equations 6 and 7",
        ),
        MethodSpec(name="dcgan", build=_dcgan, source="Radford et al., DCGAN, ICLR 2016; no classifier in the loop"),
        StrategySpec(
            name="replay",
            build=partial(_strategy, "replay"),
            outputs="softmax",
            uses_samples=True,
            settings=ReplaySettings,
            source="Addepalli et al., DeGAN, AAAI 2020, section 5.2; the term that ties the scales is ours",
        ),
        StrategySpec(
            name="finetune",
            build=partial(_strategy, "finetune"),
            source="Rebuffi et al., iCaRL, CVPR 2017, section 4.1: nothing against forgetting",
        ),
        StrategySpec(
            name="fixed",
            build=partial(_strategy, "fixed"),
            source="Rebuffi et al., iCaRL, CVPR 2017, section 4.1: frozen features and old outputs",
        ),
        StrategySpec(
            name="lwf",
            build=partial(_strategy, "lwf"),
            outputs="softmax",
            settings=LwfSettings,
            source="Li and Hoiem, Learning without Forgetting, ECCV 2016",
        ),
        StrategySpec(
            name="lwf-mc",
            build=partial(_strategy, "lwf-mc"),
            outputs="sigmoid",
            source="Rebuffi et al., iCaRL, CVPR 2017, section 4.1: LwF with a sigmoid per class",
        ),
    ]
