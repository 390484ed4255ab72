"""The built-in methods; the modules that need torch are imported when a method is built."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from .. import hookimpl
from ..specs import (
    Inversion,
    InversionParts,
    InversionSpec,
    Method,
    MethodParts,
    MethodSpec,
    Strategy,
    StrategyParts,
    StrategySpec,
    StudentRecipe,
)

DAFL_LR = 0.02
"""Adam's, of the authors' CIFAR runs; on MNIST they take ten times as much."""
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
class DaflSettings:
    """The weights of DAFL's three terms, those of the authors' MNIST runs."""

    one_hot_weight: float = field(default=1.0, metadata={"help": "weight of certain predictions", "min": 0})
    information_weight: float = field(default=5.0, metadata={"help": "weight of even classes in a batch", "min": 0})
    activation_weight: float = field(default=0.1, metadata={"help": "weight of strong features", "min": 0})


@dataclass(frozen=True, slots=True, kw_only=True)
class AdversarialSettings(DaflSettings):
    """And the weight of disagreement between student and teacher."""

    disagreement_weight: float = field(
        default=1.0, metadata={"help": "weight of images on which the student is wrong", "min": 0}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ZskdSettings:
    """How far predictions are softened."""

    temperature: float = field(default=20.0, metadata={"help": "softens the classifier's predictions", "min": 0.01})


@dataclass(frozen=True, slots=True, kw_only=True)
class InversionSettings:
    """The weights of DeepInversion's priors, those of the authors' CIFAR-10 runs."""

    bn_weight: float = field(
        default=10.0, metadata={"help": "weight of the statistics in the classifier's BatchNorm layers", "min": 0}
    )
    tv_weight: float = field(default=2.5e-5, metadata={"help": "weight of the images' total variation", "min": 0})


@dataclass(frozen=True, slots=True, kw_only=True)
class AdiSettings(InversionSettings):
    """And the weight of disagreement between student and teacher; 0.2 is the authors' on ImageNet."""

    disagreement_weight: float = field(
        default=0.2, metadata={"help": "weight of images on which the student is wrong", "min": 0}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CdeSettings(InversionSettings):
    """And how a judge of features ties the images to the condensed ones."""

    fa_weight: float = field(default=1.0, metadata={"help": "weight of features like the condensed images'", "min": 0})
    judge_lr: float = field(default=1e-3, metadata={"help": "Adam's rate of the judge", "min": 0})
    judge_steps: int = field(default=50, metadata={"help": "updates of the judge after each batch", "min": 1})
    flip: bool = field(default=False, metadata={"help": "mirror images in augmentation; not for digits and letters"})


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


def _dafl(parts: MethodParts) -> Method:
    from .dafl import Dafl

    return Dafl(parts)


def _adversarial(parts: MethodParts) -> Method:
    from .adversarial import Adversarial

    return Adversarial(parts)


def _zskd(parts: InversionParts) -> Inversion:
    from .zskd import ZeroShot

    return ZeroShot(parts)


def _deepinversion(parts: InversionParts) -> Inversion:
    from .deepinversion import DeepInversion

    return DeepInversion(parts)


def _cde(parts: InversionParts) -> Inversion:
    from .cde import CondensedExpansion

    return CondensedExpansion(parts)


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
def degan_methods() -> list[MethodSpec | InversionSpec | StrategySpec]:
    """The paper's method and its baseline, its neighbours; the paper's way to teach new classes and its baselines."""
    dafl = StudentRecipe(epochs=200, steps_per_epoch=120, batch_size=512, lr=2e-3, drops=(), temperature=1.0)
    replay = StudentRecipe(epochs=200, steps_per_epoch=360, batch_size=512, lr=1e-3, loss="l1")
    inverted = StudentRecipe(epochs=200, steps_per_epoch=250, batch_size=256, temperature=3.0)
    return [
        MethodSpec(
            name="degan",
            build=_degan,
            settings=DeganSettings,
            source="Addepalli et al., DeGAN, AAAI 2020, equations 6 and 7",
        ),
        MethodSpec(name="dcgan", build=_dcgan, source="Radford et al., DCGAN, ICLR 2016; no classifier in the loop"),
        MethodSpec(
            name="dafl",
            build=_dafl,
            uses_proxy=False,
            gan="dafl",
            lr=DAFL_LR,
            batch_size=512,
            recipe=dafl,
            settings=DaflSettings,
            source="Chen et al., Data-Free Learning of Student Networks, ICCV 2019",
        ),
        MethodSpec(
            name="mb-dfkd",
            build=_adversarial,
            uses_proxy=False,
            uses_student=True,
            gan="dafl",
            lr=DAFL_LR,
            batch_size=512,
            every=10,
            replay="bank",
            recipe=replay,
            settings=AdversarialSettings,
            source="Binici et al., Preventing Catastrophic Forgetting and Distribution Mismatch, WACV 2022",
        ),
        MethodSpec(
            name="pre-dfkd",
            build=_adversarial,
            uses_proxy=False,
            uses_student=True,
            gan="dafl",
            lr=DAFL_LR,
            batch_size=512,
            every=10,
            replay="vae",
            recipe=replay,
            settings=AdversarialSettings,
            source="Binici et al., Data-Free Knowledge Distillation by Generative Pseudo Replay, AAAI 2022",
        ),
        InversionSpec(
            name="zskd",
            build=_zskd,
            batch_size=100,
            steps=1500,
            lr=1e-3,
            number=40_000,
            recipe=inverted,
            settings=ZskdSettings,
            source="Nayak et al., Zero-Shot Knowledge Distillation in Deep Networks, ICML 2019",
        ),
        InversionSpec(
            name="deepinversion",
            build=_deepinversion,
            number=256_000,
            recipe=inverted,
            settings=InversionSettings,
            source="Yin et al., Dreaming to Distill, CVPR 2020, without competition",
        ),
        InversionSpec(
            name="adi",
            build=_deepinversion,
            uses_student=True,
            recipe=inverted,
            settings=AdiSettings,
            source="Yin et al., Dreaming to Distill, CVPR 2020: Adaptive DeepInversion",
        ),
        InversionSpec(
            name="cde",
            build=_cde,
            uses_condensed=True,
            recipe=inverted,
            settings=CdeSettings,
            source="Binici et al., Condensed Sample-Guided Model Inversion, arXiv 2408.13850",
        ),
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
