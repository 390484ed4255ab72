"""Every cell of the paper's Tables 1, 2 and 3: networks, data, settings and the published number.

Source: Addepalli et al., "DeGAN", AAAI 2020; settings from the authors' code where the paper has none. What neither
gives is noted beside the setting. Table 3's first three numbers are copied there from Rebuffi et al., "iCaRL", 2017.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Protocol

from .parts import Maker, Part

Values = Mapping[str, Any]
"""Settings of a command by name."""


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Settings that shorten each command; none for the paper's lengths, which are the tool's defaults."""

    reduced: str = ""
    """What is less than in the paper, for people."""
    teacher: Values = field(default_factory=dict)
    enrich: Values = field(default_factory=dict)
    distill: Values = field(default_factory=dict)
    incremental: Values = field(default_factory=dict)
    images: Values = field(default_factory=dict)
    """Of ``enrich`` with a method that optimises images."""
    online: Values = field(default_factory=dict)
    """Of ``distill`` with a method that trains a generator meanwhile."""
    pool: Values = field(default_factory=dict)
    """Of ``distill`` with a method that optimises images meanwhile."""
    condense: Values = field(default_factory=dict)


class Column(Protocol):
    """A column of a table: cells that share networks and data."""

    @property
    def name(self) -> str:
        """For ``--only``."""

    @property
    def title(self) -> str:
        """For people."""

    @property
    def published(self) -> Mapping[str, float | None]:
        """Row -> the paper's number, in per cent; None where it has none."""

    def scale(self, name: str) -> Scale:
        """How long the parts are trained."""

    def last_part(self, row: str, scale: Scale, make: Maker) -> Part:
        """The part whose artifact is measured, with all that it needs."""

    def test_data(self, row: str, seed: int) -> str:
        """Whose test images a row is measured on."""


TINY = Scale(
    reduced="a few updates, which show only that the cell runs",
    teacher={"epochs": 1},
    enrich={"steps": 3, "batch_size": 16, "width": 8},
    distill={"epochs": 1, "steps_per_epoch": 3, "batch_size": 16, "held_out": 32},
    incremental={"epochs": 1, "batch_size": 16},
    images={"number": 8, "batch_size": 4, "steps": 2},
    online={"epochs": 2, "steps_per_epoch": 2, "batch_size": 16, "update_batch": 16, "width": 8, "held_out": 32},
    pool={"epochs": 2, "steps_per_epoch": 2, "batch_size": 8, "update_batch": 8, "update_steps": 2, "held_out": 8},
    condense={"steps": 2},
)
HOUR_LENET = Scale(
    reduced="GAN of width 32 instead of 64, 2,500 updates of 128 instead of 5,000 of 2,000; a stage has "
    "40 (teacher) or 25 (student) epochs at most and ends after 10 or 6 without gain, instead of 100",
    teacher={"epochs": 40, "patience": 10},
    enrich={"steps": 2500, "batch_size": 128, "width": 32},
    distill={"epochs": 25, "patience": 6},
)
HOUR_ALEXNET = Scale(
    reduced="GAN of width 32 instead of 64, 1,000 updates of 128 instead of 5,000 of a 25th of the proxy; a stage has "
    "10 (teacher) or 8 (student, of 128 updates instead of 256) epochs at most",
    teacher={"epochs": 10, "patience": 4},
    enrich={"steps": 1000, "batch_size": 128, "width": 32},
    distill={"epochs": 8, "steps_per_epoch": 128, "patience": 4},
)
HOUR_RESNET32 = Scale(
    reduced="50 epochs for the old classifier and 25 for each increment, instead of 250; GAN of width 32 instead of "
    "64, 1,500 updates of 128 instead of 5,000 of 400",
    teacher={"epochs": 50},
    enrich={"steps": 1500, "batch_size": 128, "width": 32},
    incremental={"epochs": 25},
)
PAPER_GAN_RESNET32 = replace(
    HOUR_RESNET32,
    reduced="GAN as in the paper; 50 epochs for the old classifier and 25 for each increment, instead of 250",
    enrich={},
)
MINUTE_DIGITS = Scale(
    reduced="15 epochs a stage for the old classifier, 30 for each increment; GAN of width 16, 600 updates of 64",
    teacher={"epochs": 15, "patience": 5},
    enrich={"steps": 600, "batch_size": 64, "width": 16},
    incremental={"epochs": 30},
)


PAPER_GAN_ALEXNET = Scale(
    reduced="GAN as in the paper; a stage has 10 (teacher) or 30 (student) epochs at most and ends after 4 or 8 "
    "without gain, instead of 100",
    teacher=HOUR_ALEXNET.teacher,
    distill={"epochs": 30, "patience": 8},
)


@dataclass(frozen=True, kw_only=True)
class Distilled:
    """A column of Table 1 or 2: a teacher, a proxy, and students taught by one or the other kind of samples.

    Not in the paper: ``proxy, strong`` and ``degan, strong``, whose students see these samples strongly changed.
    """

    name: str
    title: str
    true_data: str
    proxy: str
    teacher: str
    student: str
    published: Mapping[str, float | None]
    hour: Scale = HOUR_ALEXNET
    """What two CPU cores manage in about an hour."""
    gan: Scale = PAPER_GAN_ALEXNET
    """The paper's generator, and networks trained for as long as its quality needs to show."""
    teacher_values: Values = field(default_factory=dict)
    enrich_values: Values = field(default_factory=dict)
    """Loss weights; unknown but for CIFAR-10 with CIFAR-100 and SVHN, where the defaults are the authors'."""

    def scale(self, name: str) -> Scale:
        """``paper``, ``gan``, ``hour`` or ``tiny``."""
        return {"paper": Scale(), "gan": self.gan, "hour": self.hour, "tiny": TINY}[name]

    def test_data(self, row: str, seed: int) -> str:
        """The true data's own."""
        return self.true_data

    def last_part(self, row: str, scale: Scale, make: Maker) -> Part:
        """Teacher, or the student of a row."""
        values = {"dataset": self.true_data, "architecture": self.teacher, **self.teacher_values, **scale.teacher}
        teacher = make.part(f"{self.true_data}-{self.teacher}", "teacher", values, (self.true_data,))
        if row == "teacher":
            return teacher
        pair = f"{self.true_data}-from-{self.true_data if row == 'true' else self.proxy}"
        label = f"{pair}-student-{row.replace(', ', '-')}"
        row, _, augment = row.partition(", ")
        student = partial(make.part, label, "distill", teacher=teacher)
        values = {"student": self.student, **scale.distill} | ({"augment": augment} if augment else {})
        if row in ("true", "proxy"):
            samples = self.true_data if row == "true" else self.proxy
            # The authors' betas: 0.9 with stored samples, 0.5, the default, with generated ones.
            return student({"samples": (samples,), "beta1": 0.9} | values, (samples,))
        weights = self.enrich_values if row == "degan" else {}
        enrich = {"proxy": self.proxy, "method": row, **weights, **scale.enrich}
        generator = make.part(f"{pair}-generator-{row}", "enrich", enrich, (self.proxy,), classifier=teacher)
        return student(values, samples=generator)


SHUFFLE_SEED = 1993
"""numpy's seed of the class order in iCaRL's code; further orders have the seeds that follow."""
ICARL = ("finetune", "fixed", "lwf-mc")
"""Rows that the paper copies from iCaRL; they extend a classifier whose outputs are sigmoids, as there."""
SCALINGS = ("full-width", "weight-align", "logits", "none")
"""Rows ``degan, ...`` that tie the scales of old and new logits otherwise, or not at all."""
TABLE3 = {"finetune": 41.6, "fixed": 46.8, "lwf-mc": 62.58, "proxy": 65.03, "degan": 68.65}


@dataclass(frozen=True, kw_only=True)
class Incremental:
    """A column of Table 3: old classes, new ones, if there are enough as many again; the seed draws their order.

    Not in the paper: ``degan + proxy``, samples and new images in equal parts; ``second``, further classes on top of
    it; ``old`` and ``old-sigmoid``, the first classifiers on the old classes; ``lwf``; and the other ways to tie the
    scales of old and new logits.
    """

    name: str
    title: str
    data: str
    classes: int
    each: int
    """How many classes an increment adds."""
    teacher_values: Values
    icarl_values: Values = field(default_factory=dict)
    """Of teacher and increments where the outputs are sigmoids."""
    enrich_values: Values = field(default_factory=dict)
    published: Mapping[str, float | None]
    hour: Scale
    gan: Scale

    def scale(self, name: str) -> Scale:
        """``paper``, ``gan``, ``hour`` or ``tiny``."""
        return {"paper": Scale(), "gan": self.gan, "hour": self.hour, "tiny": TINY}[name]

    def draw(self, seed: int) -> list[str]:
        """Classes of each increment as data set expressions, in the order that ``seed`` shuffles."""
        import numpy

        order = numpy.arange(self.classes)
        numpy.random.RandomState(SHUFFLE_SEED + seed).shuffle(order)
        draws = (order[first : first + self.each] for first in range(0, self.classes, self.each))
        return [f"{self.data}:{','.join(map(str, draw))}" for draw in draws]

    def test_data(self, row: str, seed: int) -> str:
        """Those of all classes that the row's classifier has learned."""
        draws = self.draw(seed)[: 1 if row.startswith("old") else 3 if row == "second" else 2]
        return f"{self.data}:{','.join(draw.partition(':')[2] for draw in draws)}"

    def last_part(self, row: str, scale: Scale, make: Maker) -> Part:
        """The first classifier, or the extended one of a row."""
        old, new, *further = self.draw(make.seed)
        outputs = "sigmoid" if row in ("old-sigmoid", *ICARL) else "softmax"
        icarl = self.icarl_values if outputs == "sigmoid" else {}
        values = {"dataset": old, **self.teacher_values, **icarl, "outputs": outputs, **scale.teacher}
        first = make.part(f"{self.name}-old-{outputs}", "teacher", values, (old,))
        if row.startswith("old"):
            return first
        if row == "second":
            below = self._replayed("degan + proxy", new, first, scale, make)
            return self._replayed("degan + proxy", further[0], below, scale, make)
        if row.startswith("degan"):
            return self._replayed(row, new, first, scale, make)
        values = {"new_data": new, "test_data": self.data, **icarl, **scale.incremental}
        values |= {"strategy": "replay", "samples": (new,)} if row == "proxy" else {"strategy": row}
        return make.part(f"{self.name}-{row}", "incremental", values, (new,), classifier=first)

    def _replayed(self, row: str, new: str, classifier: Part, scale: Scale, make: Maker) -> Part:
        enrich = {"proxy": new, **self.enrich_values, **scale.enrich}
        generator = make.part(f"{self.name}-generator", "enrich", enrich, (new,), classifier=classifier)
        values: dict[str, Any] = {"new_data": new, "test_data": self.data, **scale.incremental}
        if row == "degan + proxy":
            values["samples"] = (new,)
        elif scaling := row.partition(", ")[2]:
            values["settings"] = {"scaling": scaling}
        return make.part(f"{self.name}-degan", "incremental", values, (new,), classifier=classifier, samples=generator)


ROWS = ("teacher", "true", "proxy", "dcgan", "degan")
STRONG: dict[str, float | None] = {"proxy, strong": None, "degan, strong": None}
"""Rows beyond the paper, so without a published number."""
CIFAR10 = partial(Distilled, true_data="cifar10", teacher="alexnet", student="alexnet-half")
NINETY = dict(zip(ROWS, (83.02, 81.78, 74.58, 66.24, 80.55), strict=True)) | STRONG
INCEPTION = {
    "optimiser": "sgd",
    "augment": "crop-flip",
    "epochs": 200,
    "milestones": (
        60,
        120,
        160,
    ),
    "weight_decay": 5e-4,
}
"""The recipe of the repository that the teacher's network comes from; its rate falls to a fifth, ours to a tenth."""


def _proxy(name: str, title: str, proxy: float, dcgan: float, degan: float) -> Distilled:
    published = {"proxy": proxy, "dcgan": dcgan, "degan": degan} | STRONG
    return CIFAR10(name=name, title=title, proxy=name, published=published)


BOTH: dict[str, float | None] = {"degan + proxy": None}
FURTHER: dict[str, float | None] = dict.fromkeys(("lwf", *(f"degan, {scaling}" for scaling in SCALINGS)))

TABLES: Mapping[str, tuple[Column, ...]] = {
    "table1": (
        CIFAR10(name="cifar10", title="CIFAR-10 (CIFAR-100, 90 classes)", proxy="cifar100-90", published=NINETY),
        Distilled(
            name="fashion-mnist",
            title="F-MNIST (CIFAR-10)",
            true_data="fashion-mnist",
            proxy="cifar10",
            teacher="lenet",
            student="lenet-half",
            published=dict(zip(ROWS, (90.72, 88.98, 77.81, 79.67, 83.79), strict=True)) | STRONG,
            hour=HOUR_LENET,
            gan=replace(HOUR_LENET, enrich={}, reduced="GAN as in the paper; teacher and student as at --scale hour"),
        ),
        Distilled(
            name="cifar100",
            title="CIFAR-100 (CIFAR-10)",
            true_data="cifar100",
            proxy="cifar10",
            teacher="inception-v3",
            student="resnet18",
            published=dict(zip(ROWS, (79.05, 69.65, 46.32, 39.77, 65.25), strict=True)) | STRONG,
            teacher_values=INCEPTION,
        ),
    ),
    "table2": (
        _proxy("cifar100-90", "90 classes", 74.58, 66.24, 80.55),
        _proxy("cifar100-40", "40 classes", 65.78, 66.13, 76.32),
        _proxy("cifar100-6", "6 classes", 36.44, 39.44, 59.53),
        _proxy("cifar100-10-1", "sample 1", 42.15, 56.81, 66.95),
        _proxy("cifar100-10-2", "sample 2", 49.24, 67.33, 74.59),
        _proxy("cifar100-10-3", "sample 3", 46.65, 62.1, 72.87),
        _proxy("cifar100-10-4", "sample 4", 49.08, 69.34, 76.63),
        _proxy("cifar100-10-5", "sample 5", 47.0, 68.66, 71.61),
        _proxy("svhn", "SVHN", 45.18, 26.5, 55.05),
        _proxy("noise", "noise", 11.63, 10.09, 23.26),
    ),
    "table3": (
        Incremental(
            name="cifar100-20+20",
            title="CIFAR-100, 20 old and 20 new classes",
            data="cifar100",
            classes=100,
            each=20,
            teacher_values={"architecture": "resnet32", "optimiser": "sgd", "augment": "crop-flip", "held_out": 0},
            # iCaRL's rate of 2.0 is for a loss averaged over 100 outputs; ours is summed.
            icarl_values={"lr": 0.02, "weight_decay": 1e-5},
            published={"old": None, "old-sigmoid": None} | TABLE3 | BOTH | {"second": None} | FURTHER,
            hour=HOUR_RESNET32,
            gan=PAPER_GAN_RESNET32,
        ),
        Incremental(
            name="digits-5+5",
            title="digits, 5 old and 5 new classes (not in the paper)",
            data="digits",
            classes=10,
            each=5,
            teacher_values={"architecture": "lenet"},
            enrich_values={"lr": 1e-3, "lambda_e": 1, "lambda_d": 10},
            published=dict.fromkeys(("old", "old-sigmoid", *TABLE3)) | BOTH | FURTHER,
            hour=MINUTE_DIGITS,
            gan=MINUTE_DIGITS,
        ),
    ),
}
