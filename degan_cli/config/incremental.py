"""Settings of ``degan incremental``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from ..errors import UsageError
from ..specs import StrategySpec
from .base import Layer
from .conditions import settle
from .enrich import EnrichSettings
from .fields import DATA, MODELS, setting
from .groups import (
    AUGMENTATIONS,
    OPTIMISERS,
    ZOOMS,
    CompileSettings,
    ComputeSettings,
    DataSettings,
    ForeignSettings,
    ImageSettings,
    RunSettings,
)
from .method_settings import read_settings
from .recipes import DROPS, check_milestones, milestones_at, sgd_layer
from .values import checked, parsed

OF_THE_INCREMENT = frozenset(
    ("classifier", *ForeignSettings.declared(), *ImageSettings.declared(), *ComputeSettings.declared())
    + ("output", "max_minutes", "checkpoint_every", "resume", "force", "dry_run")
)
"""Settings of the generator that are not to be set apart."""
NESTED = "enrich."
"""Prefix in ``--set`` of what is meant for the generator of ``--enrich``."""
ELSEWHERE, ON_COLOUR = "abd", "r-dfcil"
"""The strategy of an increment where none is named. The second came out best on photographs, for a classifier trained
with SGD; with Adam the two are level (``docs/results.md``)."""
STEPS_OF_IMPRESSIONS = 300
"""A fifth of what ``degan enrich --method zskd`` takes by itself, for these only stand beside a generator's samples."""


@dataclass(frozen=True, kw_only=True)
class IncrementalSettings(RunSettings, ImageSettings, ForeignSettings, CompileSettings):
    """How a classifier is taught new classes."""

    classifier: Path = setting(help="Who knows the old classes: an artifact or a state dict.", panel=MODELS)
    new_data: str = setting(help="Labelled images of the new classes: a name, name:classes, a folder.", panel=DATA)
    samples: tuple[str, ...] = setting(
        (),
        metavar="S[@WEIGHT]",
        help="What stands for the old data: a generator, a data set, stored samples; several with @WEIGHT.",
        panel=DATA,
    )
    enrich: Mapping[str, Any] | None = setting(
        None,
        help="Make the samples: train a generator on the new images; its settings: --set enrich.steps=2000.",
        panel=DATA,
        key=None,
    )
    impressions: int = setting(
        1000,
        min=0,
        help="Beside the samples of --enrich, in equal parts: images optimised from noise to be old classes; 0: none.",
        panel=DATA,
        key=None,
        needs=("enrich",),
    )
    test_data: str | None = setting(
        None,
        help="Labelled images to report on, of old classes too.",
        shown_default="the new data's test images",
        panel=DATA,
        key=None,
    )
    strategy: str | None = setting(
        None,
        help="See `degan list methods`.",
        shown_default=f"{ON_COLOUR} for a classifier of colour images and --optimiser sgd, else {ELSEWHERE}",
        panel=MODELS,
    )
    optimiser: str = setting(
        "adam", choices=OPTIMISERS, help="As the classifier was trained, if that is known and nothing else is said."
    )
    epochs: int = setting(250, min=1, help="Passes over the new images.")
    batch_size: int = setting(128, min=2, help="New images per step, and as many samples.")
    lr: float = setting(1e-3, min=0, help="The rate at first; sgd: 0.1, or as the strategy has it.")
    schedule: str = setting(
        "stages",
        newer=True,
        choices=("stages", "cosine"),
        help="Of the rate: falling at milestones, or over all epochs as half a cosine.",
    )
    milestones: tuple[int, ...] = setting(
        (),
        metavar="E,E,...",
        help="Epochs after which the rate falls, with --schedule stages.",
        shown_default="at 40, 60 and 80 % of the epochs; finetune, fixed, lwf-mc: 70 and 90 %",
        needs=("drops",),
    )
    drop_factor: float = setting(
        10.0,
        newer=True,
        min=1,
        help="What the rate is divided by at each milestone.",
        shown_default="10; finetune, fixed, lwf-mc: 5",
        needs=("drops",),
    )
    weight_decay: float = setting(
        0.0, min=0, help="L2 penalty on the weights; with sgd 2e-4, or as the strategy has it.", needs=("sgd",)
    )
    augment: str = setting(
        "none",
        choices=(*AUGMENTATIONS, *ZOOMS),
        help="Done to each image at random; as the classifier was trained, if nothing else is said.",
    )
    settings: Mapping[str, Any] = setting(
        {}, flags=("--set",), metavar="NAME=VALUE", help="A setting of the strategy's own; repeatable."
    )

    def decided(self, colour: bool, trained: Mapping[str, Any]) -> Self:
        """With a strategy: the one named, or else what suits such a classifier.

        :param trained: as for :meth:`resolved`.
        """
        optimiser = self.optimiser if "optimiser" in self.given else trained.get("optimiser")
        strategy = ON_COLOUR if colour and optimiser == "sgd" else ELSEWHERE
        return self.filled(Layer("the classifier's images and optimiser", {"strategy": strategy}))

    def checked(self, spec: StrategySpec) -> Self:
        """With all settings of the strategy's own and of the generator's, before the classifier is read.

        :raises UsageError: for settings that contradict each other, whatever the classifier is.
        """
        self._check_samples(spec)
        own = {name: value for name, value in self.settings.items() if not name.startswith(NESTED)}
        nested = {name.removeprefix(NESTED): v for name, v in self.settings.items() if name.startswith(NESTED)}
        if nested and self.enrich is None:
            raise UsageError(f"--set {NESTED}{next(iter(nested))} belongs to --enrich; add it, or leave it out")
        check_milestones(self.milestones)
        settings = self.completed(settings=asdict(read_settings(spec, own)))
        return settings if self.enrich is None else settings.completed(enrich=_typed({**self.enrich, **nested}))

    def resolved(self, spec: StrategySpec, trained: Mapping[str, Any]) -> Self:
        """Every value as it will be used.

        :param trained: the ``run`` of the classifier, empty where it is not known.
        :raises UsageError: for settings that contradict each other or have no use.
        """
        settings = self.checked(spec)
        known = {
            name: trained[name]
            for name in ("optimiser", "augment")
            if trained.get(name) in self.declared()[name].metadata["choices"]
        }
        settings = settings.filled(Layer("the classifier's own run", known))
        if settings.optimiser == "sgd":
            settings = settings.filled(sgd_layer("lr", "weight_decay"))
        layers = [Layer("the recipe of increments", {"milestones": milestones_at(DROPS, settings.epochs)})]
        if spec.recipe is not None:
            preset = asdict(spec.recipe)
            drops, adam_drops = preset.pop("drops"), preset.pop("adam_drops")
            if settings.optimiser != "sgd":
                drops = adam_drops or drops
                del preset["lr"], preset["weight_decay"]
            preset["milestones"] = milestones_at(drops, settings.epochs)
            layers.append(Layer(f"the strategy {spec.name}", preset))
        holding = {settings.optimiser}
        holding |= {"drops"} if settings.schedule == "stages" else set()
        holding |= {"enrich"} if settings.enrich is not None else set()
        return settle(settings.filled(*layers), holding)

    def for_generator(self, output: Path, uses_proxy: bool = True) -> EnrichSettings:
        """Settings of the generator that ``--enrich`` trains, on the new images if its method uses a proxy."""
        assert self.enrich is not None
        values = self._shared()
        reading = ImageSettings.declared().keys() - DataSettings.declared().keys()
        values |= {name: v for name in reading if (v := getattr(self, name)) != self.declared()[name].default}
        values |= {"proxy": self.new_data} if uses_proxy else {}
        declared = EnrichSettings.declared()
        own = {name: value for name, value in self.enrich.items() if name not in declared}
        values |= {name: value for name, value in self.enrich.items() if name in declared}
        return EnrichSettings(**values | {"settings": {**values.get("settings", {}), **own}, "output": output})

    def for_impressions(self, output: Path) -> EnrichSettings:
        """Settings of the data impressions that stand beside the generator's samples."""
        return EnrichSettings(
            **self._shared(), method="zskd", number=self.impressions, steps=STEPS_OF_IMPRESSIONS, output=output
        )

    def _shared(self) -> dict[str, Any]:
        """What the makers of samples have in common with the increment."""
        groups = (ForeignSettings, DataSettings, ComputeSettings)
        return {name: getattr(self, name) for name in ("classifier", *(n for g in groups for n in g.declared()))}

    def _check_samples(self, spec: StrategySpec) -> None:
        wanted, enriched = spec.uses_samples, self.enrich is not None
        if self.samples and enriched:
            raise UsageError("--samples and --enrich both say where the samples come from; give one of them")
        if wanted and not self.samples and not enriched:
            raise UsageError(
                f'strategy "{spec.name}" needs samples of the old classes: name them with --samples, '
                "or add --enrich to make them from the new images"
            )
        if not wanted and (self.samples or enriched):
            option = "--enrich" if enriched else "--samples"
            raise UsageError(f'strategy "{spec.name}" uses no samples; leave {option} out, or take --strategy abd')


def _typed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of ``degan enrich`` under their own names, read from the texts of ``--set``.

    A method's own stay as they are, for their types are not known here.
    """
    typed: dict[str, Any] = {}
    for name, value in values.items():
        field = name.replace("-", "_")
        declared = EnrichSettings.declared().get(field)
        if field in OF_THE_INCREMENT:
            raise UsageError(f"{NESTED}{name} follows from the increment itself; leave it out")
        if declared is None:
            typed[name] = value
        elif value is None and declared.optional:
            typed[field] = None
        elif isinstance(value, str):
            typed[field] = parsed(value, declared.kind, f"--set {NESTED}{name}={value}")
        else:
            typed[field] = checked(value, declared.kind, declared.metadata, f"{NESTED}{name}")
    return typed
