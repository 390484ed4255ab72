"""The built-in methods; the modules that need torch are imported when a method is built."""

from __future__ import annotations

from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .. import hookimpl
from ..config.methods import (
    AbdSettings,
    AdiSettings,
    AdversarialSettings,
    CdeSettings,
    DaflSettings,
    DeganSettings,
    InversionSettings,
    LwfSettings,
    MosaicSettings,
    RdfcilSettings,
    ReplaySettings,
    ZskdSettings,
)
from ..specs import (
    IncrementRecipe,
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

if TYPE_CHECKING:
    from .dafl import Dafl as Dafl
    from .dcgan import Dcgan as Dcgan
    from .deepinversion import DeepInversion as DeepInversion
    from .finetune import Finetune as Finetune

DAFL_LR = 0.02
"""Adam's, of the authors' CIFAR runs; on MNIST they take ten times as much."""


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


def _mosaickd(parts: MethodParts) -> Method:
    from .mosaickd import Mosaickd

    return Mosaickd(parts)


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
    from .abd import Abd
    from .finetune import Finetune, FixedRepresentation, Lwf, LwfMc
    from .rdfcil import Rdfcil
    from .replay import ReplayStrategy

    classes: dict[str, type[Finetune]] = {
        "finetune": Finetune,
        "fixed": FixedRepresentation,
        "lwf": Lwf,
        "lwf-mc": LwfMc,
        "replay": ReplayStrategy,
        "abd": Abd,
        "r-dfcil": Rdfcil,
    }
    return classes[name](parts)


DAFL_STUDENT = StudentRecipe(epochs=200, steps_per_epoch=120, batch_size=512, lr=2e-3, drops=(), temperature=1.0)
REPLAY_STUDENT = StudentRecipe(epochs=200, steps_per_epoch=360, batch_size=512, lr=1e-3, loss="l1")
MOSAIC_STUDENT = StudentRecipe(epochs=200, steps_per_epoch=250, batch_size=512, lr=1e-3, temperature=1.0)
INVERSION_STUDENT = StudentRecipe(epochs=200, steps_per_epoch=250, batch_size=256, temperature=3.0)

GENERATORS = (
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
        recipe=DAFL_STUDENT,
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
        recipe=REPLAY_STUDENT,
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
        recipe=REPLAY_STUDENT,
        settings=AdversarialSettings,
        source="Binici et al., Data-Free Knowledge Distillation by Generative Pseudo Replay, AAAI 2022",
    ),
    MethodSpec(
        name="mosaickd",
        build=_mosaickd,
        uses_student=True,
        gan="dafl",
        lr=1e-3,
        batch_size=256,
        every=5,
        proxy_share=0.5,
        recipe=MOSAIC_STUDENT,
        settings=MosaicSettings,
        source="Fang et al., Mosaicking to Distill, NeurIPS 2021",
    ),
)
INVERSIONS = (
    InversionSpec(
        name="zskd",
        build=_zskd,
        batch_size=100,
        steps=1500,
        lr=1e-3,
        number=40_000,
        recipe=INVERSION_STUDENT,
        settings=ZskdSettings,
        source="Nayak et al., Zero-Shot Knowledge Distillation in Deep Networks, ICML 2019",
    ),
    InversionSpec(
        name="deepinversion",
        build=_deepinversion,
        number=256_000,
        recipe=INVERSION_STUDENT,
        settings=InversionSettings,
        source="Yin et al., Dreaming to Distill, CVPR 2020, without competition",
    ),
    InversionSpec(
        name="adi",
        build=_deepinversion,
        uses_student=True,
        recipe=INVERSION_STUDENT,
        settings=AdiSettings,
        source="Yin et al., Dreaming to Distill, CVPR 2020: Adaptive DeepInversion",
    ),
    InversionSpec(
        name="cde",
        build=_cde,
        uses_condensed=True,
        recipe=INVERSION_STUDENT,
        settings=CdeSettings,
        source="Binici et al., Condensed Sample-Guided Model Inversion, arXiv 2408.13850",
    ),
)
ICARL = IncrementRecipe(lr=0.02, weight_decay=2e-3, drops=(0.7, 0.9), drop_factor=5.0)
"""Of iCaRL's released code, translated: its loss is the mean over 100 outputs and ours the sum, so that its rate of 2.0
is 0.02; its penalty is 1e-5 times the squared weights beside that mean, whose gradient is 2e-5 times the weight there
and 2e-3 times the weight beside our sum. The rate falls to a fifth after 49 and 63 of 70 epochs."""
RDFCIL = IncrementRecipe(lr=0.1, weight_decay=5e-4, drops=(0.4, 0.6), drop_factor=10.0, adam_drops=(0.4,))
"""Of the authors' code; once with Adam is ours: a hundredth of its rate hardly moves the head, which learns alone in
the end (``docs/results.md``)."""
STRATEGIES = (
    StrategySpec(
        name="replay",
        build=partial(_strategy, "replay"),
        outputs="softmax",
        uses_samples=True,
        keeps_apart=lambda settings: bool(settings.scaling == "full-width"),
        settings=ReplaySettings,
        source="Addepalli et al., DeGAN, AAAI 2020, section 5.2; the term that ties the scales is ours",
    ),
    StrategySpec(
        name="abd",
        build=partial(_strategy, "abd"),
        outputs="softmax",
        uses_samples=True,
        keeps_apart=lambda settings: True,
        one_linear_head=True,
        settings=AbdSettings,
        source="Smith et al., Always Be Dreaming, ICCV 2021; on samples of any generator",
    ),
    StrategySpec(
        name="r-dfcil",
        build=partial(_strategy, "r-dfcil"),
        outputs="softmax",
        uses_samples=True,
        keeps_apart=lambda settings: True,
        one_linear_head=True,
        recipe=RDFCIL,
        settings=RdfcilSettings,
        source="Gao et al., R-DFCIL, ECCV 2022; on samples of any generator",
    ),
    StrategySpec(
        name="finetune",
        build=partial(_strategy, "finetune"),
        recipe=ICARL,
        source="Rebuffi et al., iCaRL, CVPR 2017, section 4.1: nothing against forgetting",
    ),
    StrategySpec(
        name="fixed",
        build=partial(_strategy, "fixed"),
        recipe=ICARL,
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
        recipe=ICARL,
        source="Rebuffi et al., iCaRL, CVPR 2017, section 4.1: LwF with a sigmoid per class",
    ),
)


@hookimpl
def degan_methods() -> list[MethodSpec | InversionSpec | StrategySpec]:
    """The paper's method and its baseline, its neighbours; the paper's way to teach new classes and its baselines."""
    return [*GENERATORS, *INVERSIONS, *STRATEGIES]


BASES = {"Dcgan": "dcgan", "Dafl": "dafl", "DeepInversion": "deepinversion", "Finetune": "finetune"}
"""Classes that a plugin's methods may build on, each with its module; they need torch, so they are imported late."""


def __getattr__(name: str) -> Any:
    if name not in BASES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{BASES[name]}", __name__), name)
