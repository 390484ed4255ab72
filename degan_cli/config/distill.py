"""Settings of ``degan distill``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from ..errors import UsageError
from ..specs import InversionSpec, MethodSpec
from .base import Layer
from .conditions import settle
from .fields import DATA, MODELS, ONLINE, setting
from .groups import (
    AUGMENTATIONS,
    OPTIMISERS,
    ZOOMS,
    ForeignSettings,
    GraphSettings,
    ImageSettings,
    InitSettings,
    RunSettings,
    SelectionSettings,
)
from .method_settings import read_settings
from .recipes import MIXES, SCHEDULES, STUDENT_RECIPES, check_milestones, milestones_at, sgd_layer, student_layer

RENAMED_AUGMENTATIONS = {"heavy": "strong"}
IN_TURN = "alternating-flip"
"""Each stored image mirrored every second time that it is drawn."""


@dataclass(frozen=True, kw_only=True)
class DistillSettings(RunSettings, InitSettings, SelectionSettings, ImageSettings, ForeignSettings, GraphSettings):
    """How a student is taught; the defaults are the paper's, for samples that stay as they are."""

    teacher: Path = setting(help="Who teaches: an artifact or a safetensors state dict.", panel=MODELS)
    student: str = setting(help="Architecture of the student.", panel=MODELS)
    samples: tuple[str, ...] = setting(
        (),
        metavar="S[@WEIGHT]",
        help="A generator, a data set or stored samples; several with weights: g.safetensors@0.8.",
        panel=DATA,
    )
    method: str | None = setting(
        None,
        help="Makes the samples while the student learns, instead of --samples; see `degan list methods`.",
        panel=MODELS,
        key="live.method",
    )
    proxy: str | None = setting(
        None, help="Images at hand, for a --method that uses some.", panel=DATA, key="live.proxy", needs=("proxy",)
    )
    condensed: str | None = setting(
        None,
        help="A few labelled images per class, for a --method that uses some.",
        panel=DATA,
        key="live.condensed",
        needs=("condensed",),
    )
    test_data: str | None = setting(
        None, help="Labelled images on which the student is watched; they decide nothing.", panel=DATA
    )
    gan: str = setting("dcgan", help="Backbone of --method.", panel=MODELS, key="live.gan", only_for="generator")
    recipe: str = setting(
        "paper",
        choices=tuple(STUDENT_RECIPES),
        help="As in the paper; patient or fast, on images changed strongly; photographs, on images as they are.",
        newer=True,
        needs=("fixed",),
    )
    optimiser: str = setting(
        "adam", shown_default="adam; the method's with --method", choices=OPTIMISERS, help="Of the student."
    )
    schedule: str = setting(
        "stages",
        choices=SCHEDULES,
        shown_default="stages; the recipe's",
        help="Of the rate: full, then a tenth; or falling over all epochs as half a cosine; or rising first.",
        newer=True,
    )
    ema: float = setting(
        0.0,
        min=0,
        max=0.99999,
        shown_default="0, none; the recipe's",
        help="Decay of a moving average of the student, which is kept instead.",
        newer=True,
    )
    epochs: int = setting(
        5000,
        shown_default="5000; the method's with --method",
        min=1,
        help="At most so many in each of two stages; in all with --method and other schedules.",
    )
    steps_per_epoch: int = setting(
        256, shown_default="256; the method's with --method", min=1, help="Updates of the student in an epoch."
    )
    batch_size: int = setting(64, shown_default="64; the method's with --method", min=2, help="Images per step.")
    lr: float = setting(
        1e-3, shown_default="1e-3; the method's with --method", min=0, help="Rate in the first stage; then a tenth."
    )
    weight_decay: float = setting(0.0, min=0, help="L2 penalty on the weights; with sgd 2e-4.", needs=("sgd",))
    clip: float = setting(
        0.0,
        min=0,
        shown_default="0, never; the recipe's",
        help="Longest gradient, over all weights together, with which the student learns; longer ones are shortened.",
        newer=True,
    )
    milestones: tuple[int, ...] = setting(
        (),
        metavar="E,E,...",
        help="Epochs after which the rate falls to a tenth, with --method.",
        shown_default="the method's",
        needs=("online", "drops"),
    )
    beta1: float = setting(
        0.5,
        shown_default="0.5; the method's with --method",
        min=0,
        max=0.999,
        help="Adam's first beta; the authors take 0.5 with generated and 0.9 with stored images.",
        needs=("adam",),
    )
    loss: str = setting(
        "kd",
        shown_default="kd; the method's with --method",
        choices=("kd", "l1"),
        help="Softened predictions, or the distance of the logits.",
    )
    temperature: float = setting(
        20.0,
        shown_default="20.0; the method's with --method",
        min=0.01,
        help="Softens both predictions.",
        needs=("kd",),
    )
    ce_weight: float = setting(
        0.0, min=0, max=1, help="Share of cross-entropy with the teacher's top class.", needs=("kd",)
    )
    logit_weight: float = setting(
        0.0,
        shown_default="0; the recipe's",
        min=0,
        help="Weight of the distance of the logits, in units of the teacher's spread, beside the softened predictions.",
        newer=True,
        needs=("kd", "fixed"),
    )
    augment: str = setting(
        "none",
        choices=(*AUGMENTATIONS, "strong", "outlined", *ZOOMS, IN_TURN),
        renamed=RENAMED_AUGMENTATIONS,
        shown_default="none; the recipe's",
        help="Done to each image at random before the teacher sees it; strong turns, masks and relights, outlined also "
        "makes drawings of some.",
    )
    mix: str = setting(
        "none",
        choices=MIXES,
        shown_default="none; the recipe's",
        help="Blend images, or paste a part of one into another, before the teacher sees them.",
        newer=True,
    )
    patience: int = setting(
        100, min=0, help="Epochs without better agreement that end a stage, or the run.", needs=("fixed",)
    )
    held_out: int = setting(4096, min=1, help="Samples by which the student is selected, at most.")
    update_every: int = setting(
        1,
        shown_default="the method's",
        min=1,
        help="Steps of the student for one update.",
        panel=ONLINE,
        key="live.every",
        needs=("online",),
    )
    update_batch: int = setting(
        64,
        shown_default="the method's",
        min=2,
        help="Images in an update.",
        panel=ONLINE,
        key="live.batch_size",
        needs=("online",),
    )
    update_steps: int = setting(
        2000,
        shown_default="the method's",
        min=1,
        help="Adam's steps for a batch, where the images are optimised.",
        panel=ONLINE,
        key="live.steps",
        only_for="images",
    )
    update_lr: float = setting(
        2e-4,
        shown_default="the method's",
        min=0,
        help="Adam's rate of generator or images.",
        panel=ONLINE,
        key="live.lr",
        needs=("online",),
    )
    latent: int = setting(
        100, min=1, help="Length of the noise vector.", panel=ONLINE, key="live.latent", only_for="generator"
    )
    width: int = setting(
        64, min=1, help="Channels of the narrowest layers.", panel=ONLINE, key="live.width", only_for="generator"
    )
    replay: str = setting(
        "none",
        choices=("none", "bank", "vae"),
        help="Memory of earlier samples: stored images, or a small VAE.",
        panel=ONLINE,
        key="live.replay",
        needs=("generator",),
    )
    replay_share: float = setting(
        0.125,  # 128 of 1,024 in Binici et al., AAAI 2022
        min=0,
        max=0.9,
        help="Of the student's images, from that memory.",
        panel=ONLINE,
        key="live.replay_share",
        needs=("replay",),
    )
    proxy_share: float = setting(
        0.0,
        shown_default="the method's",
        min=0,
        max=0.9,
        help="Of the student's images, from the proxy itself.",
        panel=ONLINE,
        key="live.proxy_share",
        newer=True,
        needs=("proxy",),
    )
    settings: Mapping[str, Any] = setting(
        {},
        flags=("--set",),
        metavar="NAME=VALUE",
        help="A setting of the method's own; repeatable.",
        panel=ONLINE,
        key="live.settings",
        needs=("online",),
    )

    def resolved(self, spec: MethodSpec | InversionSpec | None) -> Self:
        """Every value as it will be used.

        :param spec: of ``method``; None for samples that stay as they are.
        :raises UsageError: for settings that contradict each other or have no use.
        """
        if self.method is not None and self.samples:
            raise UsageError("--samples and --method both say where the samples come from; give one of them")
        if spec is not None and self.augment == IN_TURN:
            raise UsageError(
                f"--augment {IN_TURN}: with --method no image is drawn twice, so none can alternate; use --augment flip"
            )
        if spec is None and not self.samples:
            raise UsageError("nothing to learn from; name --samples, or a --method that makes them meanwhile")
        holding = {"fixed"} if spec is None else {"online", *spec.conditions}
        recipe = student_layer(self.recipe)
        settings = (self if spec is None else self._with_method(spec)).filled(recipe)
        if settings.optimiser == "sgd":
            settings = settings.filled(sgd_layer("weight_decay"), recipe)
        holding |= {settings.optimiser, settings.loss}
        if settings.schedule == "stages":
            holding.add("drops")
        if "generator" in holding and settings.replay != "none":
            holding.add("replay")
        holding |= self.selecting(at_hand=bool(holding & {"fixed", "proxy"}))
        check_milestones(settings.milestones)
        return settle(settings, holding)

    def _with_method(self, spec: MethodSpec | InversionSpec) -> Self:
        for option, words in (("proxy", "learns from images at hand"), ("condensed", "expands a few images per class")):
            if option in spec.conditions and getattr(self, option) is None:
                raise UsageError(f"--method {spec.name} {words}; name them with --{option}")
        recipe = asdict(spec.recipe)
        drops = recipe.pop("drops")
        settings = self.filled(Layer(f"the method {spec.name}", recipe | spec.online_defaults()))
        falls = {"milestones": milestones_at(drops, settings.epochs)}
        own = asdict(read_settings(spec, self.settings))
        settings = settings.filled(Layer(f"the method {spec.name}", falls))
        return settings.completed(settings=own)
