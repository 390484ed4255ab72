"""Settings of ``degan enrich``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

from ..errors import UsageError
from ..specs import InversionSpec, MethodSpec
from .base import Layer
from .conditions import settle
from .fields import DATA, MODELS, RUN, setting
from .groups import ForeignSettings, GraphSettings, ImageSettings, RunSettings, SelectionSettings
from .method_settings import read_settings
from .methods import DeganSettings
from .recipes import PAPER_GAN, choose_recipe, few_layer

WEIGHTS = ("lambda_e", "lambda_d")
"""Settings of a method's own that have an option of their own."""
RECIPES = ("auto", "paper", "few")
D_AUGMENTATIONS = ("none", "color-translation-cutout")


def _weight(name: str, help: str) -> Any:
    """The option of a weight that the method ``degan`` declares."""
    (declared,) = (field for field in fields(DeganSettings) if field.name == name)
    return setting(declared.default, min=declared.metadata["min"], help=help, key=None, needs=(name,), in_file=False)


@dataclass(frozen=True, kw_only=True)
class EnrichSettings(RunSettings, SelectionSettings, ImageSettings, ForeignSettings, GraphSettings):
    """How samples that stand for a classifier's lost data are made; ``--recipe paper`` made the paper's numbers."""

    graphs: bool = setting(
        False,
        flags=("--cuda-graphs",),
        help="Launch each step as one CUDA graph; not measured yet.",
        panel=RUN,
        only_for="generator",
    )
    classifier: Path = setting(help="Whose data is gone: an artifact or a safetensors state dict.", panel=MODELS)
    proxy: str | None = setting(
        None,
        help="Images at hand: a name, name:classes, a folder, a file, crops:FILE; for methods that learn from some.",
        panel=DATA,
        only_for="generator",
        needs=("proxy",),
    )
    method: str = setting("degan", help="See `degan list methods`.", panel=MODELS)
    gan: str = setting("dcgan", help="Backbone; see `degan list gans`.", panel=MODELS, only_for="generator")
    steps: int = setting(5000, min=1, help="Updates of the generator, or of each batch of images.", needs=("steps",))
    number: int = setting(
        10_000,
        shown_default="the method's",
        flags=("--number", "-n"),
        min=1,
        help="Images to make without a generator.",
        only_for="images",
    )
    epochs: int | None = setting(
        None, min=1, help="Passes over the proxy, instead of --steps.", key=None, needs=("generator", "proxy")
    )
    recipe: str = setting(
        "auto",
        choices=RECIPES,
        help="paper: the methods' own values; few: others for few images or short runs; auto: by the run's size.",
        key=None,
        needs=("proxy",),
    )
    batch_size: int = setting(
        0, min=2, automatic=0, help="Images per step.", shown_default="a 25th of the proxy, 64 to 2048"
    )
    lr: float = setting(2e-4, min=0, help="Adam's rate of both networks, or of the images; --recipe few: 0.001.")
    latent: int = setting(100, min=1, help="Length of the noise vector.", only_for="generator")
    width: int = setting(64, min=1, help="Channels of the narrowest layers.", only_for="generator")
    lambda_e: float = _weight("lambda_e", "Weight of the entropy term: more for a far proxy; --recipe few: 1.")
    lambda_d: float = _weight("lambda_d", "Weight of the diversity term; --recipe few: 10.")
    tune: bool = setting(
        False, help="Choose both weights first, by short runs on a grid.", key=None, needs=("weights",)
    )
    d_augment: str = setting(
        "none",
        choices=D_AUGMENTATIONS,
        help="Done at random to all that the discriminator sees, so that few images last; --recipe few: all of it.",
        newer=True,
        needs=("proxy",),
    )
    ema: float = setting(
        0.0,
        min=0,
        max=0.99999,
        help="Decay of the stored moving average, 0: none; --recipe few: as the steps let it, 0.999 at most.",
        only_for="generator",
    )
    settings: Mapping[str, Any] = setting(
        {}, flags=("--set",), metavar="NAME=VALUE", help="A setting of the method's own; repeatable."
    )

    def resolved(self, spec: MethodSpec | InversionSpec) -> Self:
        """Every value as it will be used, but for those that follow the proxy's size, see :meth:`sized`.

        :raises UsageError: for settings that contradict each other or have no use with the method.
        """
        if spec.uses_student or "condensed" in spec.conditions:
            raise UsageError(
                f"--method {spec.name} makes samples while a student learns; use degan distill --method {spec.name}"
            )
        if self.tune and (given := [name for name in WEIGHTS if name in self.given or name in self.settings]):
            raise UsageError(f"--tune chooses both weights; leave --{given[0].replace('_', '-')} out")
        holding = set(spec.conditions) | ({"steps"} if self.epochs is None else set())
        weights = {field.name for field in fields(spec.settings)} & set(WEIGHTS)
        holding |= weights | ({"weights"} if len(weights) == len(WEIGHTS) else set())
        settings = settle(self, holding | self.selecting(at_hand="proxy" in spec.conditions))
        if "proxy" in spec.conditions and self.proxy is None:
            raise UsageError(f"--method {spec.name} learns from images at hand; name them with --proxy")
        if "batch_size" in self.given and self.batch_size == 0:
            raise UsageError("--batch-size 0: leave it out, and it follows the method or the proxy's size")
        method = Layer(f"the method {spec.name}", spec.enrich_defaults())
        by_option = {name: getattr(self, name) for name in WEIGHTS if name in self.given}
        complete = asdict(read_settings(spec, {**self.settings, **by_option}))
        chosen = {name: complete[name] for name in WEIGHTS if name in self.settings}
        if self.tune:
            complete = {name: value for name, value in complete.items() if name not in WEIGHTS}
        return settings.filled(method, Layer("--set", chosen)).completed(settings=complete)

    def sized(self, spec: MethodSpec, images: int) -> tuple[Self, str]:
        """With the recipe settled and its values filled in, and why it is this one: empty where the user said so.

        What a method presets otherwise than the paper stays.

        :param spec: a method with a proxy, for which :meth:`resolved` filled in the rest.
        :param images: in the proxy.
        """
        recipe, why = (self.recipe, "") if self.recipe != "auto" else choose_recipe(images, self.steps)
        settings = self.completed(recipe=recipe)
        if recipe == "paper":
            return settings, why
        presets = {**spec.enrich_defaults(), **self.settings}
        said = self.given | {name for name, origin in self.origins.items() if origin == "--set"}
        said |= set(WEIGHTS) if self.tune else set()
        layer = few_layer(self.steps)
        kept = {name for name, paper in PAPER_GAN.items() if presets.get(name) != paper}
        few = {name: value for name, value in layer.values.items() if name not in said | kept}
        weights = {name: few[name] for name in WEIGHTS if name in few}
        return settings.filled(Layer(layer.origin, few)).completed(settings={**self.settings, **weights}), why
