"""The built-in methods' own settings, with their defaults, bounds and what `degan list methods` says of them."""

from __future__ import annotations

from dataclasses import dataclass, field

COMPETITIONS = ("all", "new")
SCALINGS = ("full-width", "tie", "weight-align", "logits", "none")
STRONGLY_CHANGED = {"help": "part of new images and samples that is strongly changed too", "min": 0, "max": 1}


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
    """And the weight of disagreement between student and teacher, a mean over the classes; 1 in the authors' code."""

    disagreement_weight: float = field(
        default=1.0, metadata={"help": "weight of images on which the student is wrong", "min": 0}
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class MosaicSettings:
    """The weights of MosaicKD's four terms, those of the authors' runs."""

    local_weight: float = field(
        default=1.0, metadata={"help": "weight of patches like the proxy's; a sum over an image's patches", "min": 0}
    )
    align_weight: float = field(default=1.0, metadata={"help": "weight of certain predictions", "min": 0})
    adversarial_weight: float = field(
        default=1.0, metadata={"help": "weight of images on which the student is wrong", "min": 0}
    )
    balance_weight: float = field(default=10.0, metadata={"help": "weight of even classes in a batch", "min": 0})


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
    """And how a discriminator of features ties the images to the condensed ones."""

    fa_weight: float = field(default=1.0, metadata={"help": "weight of features like the condensed images'", "min": 0})
    judge_lr: float = field(default=1e-3, metadata={"help": "Adam's rate of the discriminator", "min": 0})
    judge_steps: int = field(default=50, metadata={"help": "updates of the discriminator after each batch", "min": 1})
    flip: bool = field(default=False, metadata={"help": "mirror images in augmentation; not for digits and letters"})


@dataclass(frozen=True, slots=True, kw_only=True)
class LwfSettings:
    """How strongly the old predictions are kept, and how they are softened; the defaults are PyCIL's."""

    lambda_kd: float = field(default=3.0, metadata={"help": "weight of the distillation", "min": 0})
    temperature: float = field(default=2.0, metadata={"help": "softens both predictions", "min": 0.01})


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaySettings:
    """How samples keep the old classes, and how the scales of old and new logits are tied."""

    lambda_kd: float = field(default=1.0, metadata={"help": "weight of the distillation on samples", "min": 0})
    temperature: float = field(default=1.0, metadata={"help": "softens both predictions", "min": 0.01})
    strong: float = field(default=0.5, metadata=STRONGLY_CHANGED)
    scaling: str = field(
        default="full-width",
        metadata={"help": "how old and new logits are made comparable", "choices": SCALINGS},
    )
    lambda_s: float = field(default=0.1, metadata={"help": "weight of the term that ties the scales", "min": 0})
    tie_to: str = field(
        default="both",
        metadata={"help": "the images whose old logits the new ones are tied to", "choices": ("both", "samples")},
    )
    competition: str = field(
        default="all",
        metadata={"help": "the classes among which a new image's label must win", "choices": COMPETITIONS},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AbdSettings:
    """The weights of ABD, by default the authors', and how many of the images are changed, which is ours."""

    lambda_head: float = field(default=1.0, metadata={"help": "weight of the head's cross-entropy", "min": 0})
    lambda_kd: float = field(default=0.1, metadata={"help": "weight of features as the old head sees them", "min": 0})
    strong: float = field(default=0.5, metadata=STRONGLY_CHANGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class RdfcilSettings:
    """The weights of R-DFCIL before they follow the numbers of classes; the defaults are the authors'."""

    lambda_ce: float = field(default=0.5, metadata={"help": "weight of the local cross-entropy", "min": 0})
    lambda_kd: float = field(default=0.15, metadata={"help": "weight of old logits on samples", "min": 0})
    lambda_rkd: float = field(default=0.5, metadata={"help": "weight of the relations of new images", "min": 0})
    projection: int = field(default=128, metadata={"help": "width of the space of these relations", "min": 1})
    head_part: float = field(
        default=0.2, metadata={"help": "last part of the epochs, in which the head learns alone", "min": 0, "max": 1}
    )
