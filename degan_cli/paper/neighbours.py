"""The neighbours of DeGAN side by side: what they need, how good their students are, what they cost.

Published numbers: Nayak et al., ICML 2019 (zskd); Chen et al., ICCV 2019 (dafl); Yin et al., CVPR 2020 (adi); Binici et
al., WACV and AAAI 2022 (mb-dfkd, pre-dfkd: the peak over all epochs, as they give it); DeGAN's own tables.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .parts import Maker, Part
from .scales import NEIGHBOURS_ALEXNET, NEIGHBOURS_DIGITS, NEIGHBOURS_LENET, TINY, Scale, Values

FIXED = ("degan", "degan, strong", "degan, bn_weight", "zskd", "deepinversion")
"""Rows whose samples are there before the student."""
STRONG = ("proxy, strong", "degan, strong", "zskd")
"""Rows whose student sees its samples strongly changed, as Nayak et al. let it."""
POOLS = ("adi", "cde")
"""Rows whose images are optimised while the student learns."""
RESNETS = {
    "optimiser": "sgd",
    "augment": "crop-flip",
    "epochs": 200,
    "milestones": (
        80,
        120,
    ),
    "weight_decay": 5e-4,
    "held_out": 0,
}
"""The recipe of DAFL's teacher."""
SGD = {"optimiser": "sgd", "lr": 0.1, "weight_decay": 5e-4, "latent": 1000, "batch_size": 1024, "update_batch": 1024}


@dataclass(frozen=True, kw_only=True)
class Neighbours:
    """One pair of networks on one data set, taught by each method in turn."""

    name: str
    title: str
    true_data: str
    proxy: str
    teacher: str
    student: str
    published: Mapping[str, float | None]
    hour: Scale
    teacher_values: Values = field(default_factory=dict)
    values: Mapping[str, Values] = field(default_factory=dict)
    """Row -> its own settings, of ``distill``, or for the rows in ``FIXED`` of ``enrich``."""

    def scale(self, name: str) -> Scale:
        """``paper``, ``gan``, ``hour`` or ``tiny``; ``gan`` means nothing here and is ``hour``."""
        return {"paper": Scale(), "gan": self.hour, "hour": self.hour, "tiny": TINY}[name]

    def test_data(self, row: str, seed: int) -> str:
        """The true data's own."""
        return self.true_data

    def last_part(self, row: str, scale: Scale, make: Maker) -> Part:
        """Teacher, or the student of a row."""
        values = {"dataset": self.true_data, "architecture": self.teacher, **self.teacher_values, **scale.teacher}
        teacher = make.part(f"{self.true_data}-{self.teacher}", "teacher", values, (self.true_data,))
        if row == "teacher":
            return teacher
        label, own = f"{self.name}-{row.replace(', ', '-')}", self.values.get(row, {})
        watched: dict[str, Any] = {"student": self.student, "test_data": self.true_data}
        strong = {"augment": "strong"} if row in STRONG else {}
        if row in ("true", "proxy", "proxy, strong"):
            images = self.true_data if row == "true" else self.proxy
            values = {"samples": (images,), "beta1": 0.9, **strong, **watched, **scale.distill}
            return make.part(label, "distill", values, (images,), teacher=teacher)
        if row in FIXED:
            samples = self._samples(row, own, scale, make, teacher)
            return make.part(label, "distill", {**strong, **watched, **scale.distill}, teacher=teacher, samples=samples)
        values = {"method": row, **watched, **own, **(scale.pool if row in POOLS else scale.online)}
        if row == "mosaickd":
            return make.part(label, "distill", values | {"proxy": self.proxy}, (self.proxy,), teacher=teacher)
        if row != "cde":
            return make.part(label, "distill", values, teacher=teacher)
        condense = {"dataset": self.true_data, "per_class": 1, **scale.condense}
        condensed = make.part(f"{self.name}-condensed", "condense", condense, (self.true_data,))
        return make.part(label, "distill", values, teacher=teacher, condensed=condensed)

    def _samples(self, row: str, own: Values, scale: Scale, make: Maker, teacher: Part) -> Part:
        """Samples that are there before the student."""
        data: tuple[str, ...] = ()
        kind = row.removesuffix(", strong").replace(", ", "-")
        if row.startswith("degan"):
            bn_weight = {"settings": {"bn_weight": 1}} if row.endswith("bn_weight") else {}
            values, data = {"proxy": self.proxy, **bn_weight, **own, **scale.enrich}, (self.proxy,)
        else:
            values = {"method": row, **own, **scale.images}
        return make.part(f"{self.name}-{kind}-samples", "enrich", values, data, classifier=teacher)


def needs(row: str) -> str:
    """What a row needs beside the classifier, for people."""
    if row.startswith(("proxy", "degan", "mosaickd")):
        return "proxy"
    data = {"teacher": "true data", "true": "true data", "cde": "1 condensed image per class"}
    return data.get(row, "nothing")


NEIGHBOURS = (
    Neighbours(
        name="digits",
        title="digits, lenet to lenet-half",
        true_data="digits",
        proxy="digits:1-3",
        teacher="lenet",
        student="lenet-half",
        published=dict.fromkeys(
            ("teacher", "true", "proxy", "proxy, strong", "degan", "degan, strong")
            + ("zskd", "dafl", "mb-dfkd", "pre-dfkd", "mosaickd", "cde")
        ),
        hour=NEIGHBOURS_DIGITS,
    ),
    Neighbours(
        name="digits-alexnet",
        title="digits, alexnet (BatchNorm) to lenet-half",
        true_data="digits",
        proxy="digits:1-3",
        teacher="alexnet",
        student="lenet-half",
        published=dict.fromkeys(("teacher", "degan", "degan, bn_weight", "deepinversion", "adi")),
        hour=NEIGHBOURS_DIGITS,
    ),
    Neighbours(
        name="fashion-mnist",
        title="F-MNIST, lenet to lenet-half (proxy: CIFAR-10)",
        true_data="fashion-mnist",
        proxy="cifar10",
        teacher="lenet",
        student="lenet-half",
        published={"teacher": 90.84, "true": 89.66, "degan": 83.79, "degan, strong": None, "zskd": 79.62}
        | dict.fromkeys(("dafl", "mb-dfkd", "pre-dfkd", "mosaickd", "cde")),
        hour=NEIGHBOURS_LENET,
    ),
    Neighbours(
        name="cifar10",
        title="CIFAR-10, alexnet to alexnet-half (proxy: 90 classes of CIFAR-100)",
        true_data="cifar10",
        proxy="cifar100-90",
        teacher="alexnet",
        student="alexnet-half",
        published={
            "teacher": 83.03,
            "true": 80.08,
            "degan": 80.55,
            "degan, strong": None,
            "degan, bn_weight": None,
            "zskd": 69.56,
        }
        | dict.fromkeys(("deepinversion", "dafl", "adi", "mb-dfkd", "pre-dfkd", "mosaickd", "cde")),
        hour=NEIGHBOURS_ALEXNET,
    ),
    *(
        Neighbours(
            name=f"{data}-resnets",
            title=f"{title}, resnet34 to resnet18",
            true_data=data,
            proxy=proxy,
            teacher="resnet34",
            student="resnet18",
            published=dict(zip(("teacher", "dafl", "adi", "mb-dfkd", "pre-dfkd"), published, strict=True)),
            hour=NEIGHBOURS_ALEXNET,
            teacher_values=RESNETS,
            values={
                "dafl": {**SGD, "epochs": 2000, "settings": weights},
                "mb-dfkd": {**SGD, "epochs": 400},
                "pre-dfkd": {**SGD, "epochs": 400},
            },
        )
        for data, title, proxy, weights, published in (
            (
                "cifar10",
                "CIFAR-10",
                "cifar100-90",
                {"one_hot_weight": 0.05, "activation_weight": 0.01},
                (95.58, 92.22, 93.26, 92.4, 94.1),
            ),
            (
                "cifar100",
                "CIFAR-100",
                "cifar10",
                {"one_hot_weight": 0.5, "information_weight": 20},
                (77.84, 74.47, 61.32, 75.4, 77.1),
            ),
        )
    ),
)
