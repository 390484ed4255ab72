"""The columns of the paper's tables: which parts a cell is made of, for each row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from ..config.incremental import ELSEWHERE
from .parts import Maker, Part
from .scales import HOUR_ALEXNET, PAPER_GAN_ALEXNET, TINY, Scale, Values


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
SAMPLED = ("abd", "r-dfcil")
"""Other strategies on the row ``degan``'s samples."""
PAPER_REPLAY: Values = {"scaling": "tie", "temperature": 2.0, "strong": 0.0}
"""Distillation over the old classes and a tie of scales: as near to the paper's words as we come."""


@dataclass(frozen=True, kw_only=True)
class Incremental:
    """A column of Table 3: old classes, new ones, if there are enough as many again; the seed draws their order.

    Not in the paper: ``degan + proxy``, samples and new images in equal parts; ``abd`` and ``r-dfcil`` on the same
    samples; ``degan``, ``abd`` and ``r-dfcil`` with ``+ zskd``, samples and data impressions in equal parts;
    ``joint``, a classifier of the true data of all classes, the ceiling; ``second``, further classes on top of the
    row :attr:`as_by_default`; ``old`` and ``old-sigmoid``, the first classifiers on the old classes; ``lwf``; and the
    other ways to tie the scales of old and new logits.
    """

    name: str
    title: str
    data: str
    classes: int
    each: int
    """How many classes an increment adds."""
    teacher_values: Values
    icarl_values: Values = field(default_factory=dict)
    """Of a teacher whose outputs are sigmoids; the strategies that extend it have their own."""
    enrich_values: Values = field(default_factory=dict)
    abd_settings: Values = field(default_factory=dict)
    """Of the strategy ``abd``, where held-out training images chose others than its own."""
    strategy: str = ELSEWHERE
    """What ``incremental`` takes of itself for such a classifier; increments in a row are made by it."""
    published: Mapping[str, float | None]
    hour: Scale
    gan: Scale

    @property
    def as_by_default(self) -> str:
        """The row with the samples and the strategy of ``incremental --enrich``, as long as the scale has them."""
        return f"{self.strategy} + zskd"

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
        return self._first_draws(seed, 1 if row.startswith("old") else 3 if row == "second" else 2)

    def last_part(self, row: str, scale: Scale, make: Maker) -> Part:
        """The first classifier, or the extended one of a row."""
        old, new, *further = self.draw(make.seed)
        if row == "joint":
            return self._teacher("joint", self.test_data(row, make.seed), "softmax", scale, make)
        outputs = "sigmoid" if row in ("old-sigmoid", *ICARL) else "softmax"
        first = self._teacher(f"old-{outputs}", old, outputs, scale, make)
        if row.startswith("old"):
            return first
        if row == "second":
            below = self._replayed(self.as_by_default, new, first, scale, make)
            return self._replayed(self.as_by_default, further[0], below, scale, make)
        if row.startswith(("degan", *SAMPLED)):
            return self._replayed(row, new, first, scale, make)
        values = {"new_data": new, "test_data": self.data, **scale.incremental}
        replayed = {"strategy": "replay", "samples": (new,), "settings": dict(PAPER_REPLAY)}
        values |= replayed if row == "proxy" else {"strategy": row}
        return make.part(f"{self.name}-{row}", "incremental", values, (new,), classifier=first)

    def _first_draws(self, seed: int, count: int) -> str:
        """The classes of the first draws as one data set expression."""
        return f"{self.data}:{','.join(draw.partition(':')[2] for draw in self.draw(seed)[:count])}"

    def _teacher(self, label: str, classes: str, outputs: str, scale: Scale, make: Maker) -> Part:
        """A classifier of true data."""
        icarl = self.icarl_values if outputs == "sigmoid" else {}
        values = {"dataset": classes, **self.teacher_values, **icarl, "outputs": outputs, **scale.teacher}
        return make.part(f"{self.name}-{label}", "teacher", values, (classes,))

    def _replayed(self, row: str, new: str, classifier: Part, scale: Scale, make: Maker) -> Part:
        enrich = {"proxy": new, **self.enrich_values, **scale.enrich}
        generator = make.part(f"{self.name}-generator", "enrich", enrich, (new,), classifier=classifier)
        values: dict[str, Any] = {"new_data": new, "test_data": self.data, **scale.incremental}
        samples: tuple[Part, ...] = (generator,)
        strategy, _, beside = row.partition(" + ")
        values["strategy"] = strategy if strategy in SAMPLED else "replay"
        if strategy == "abd" and self.abd_settings:
            values["settings"] = dict(self.abd_settings)
        if beside == "zskd":
            images = {"method": "zskd", **scale.images}
            samples += (make.part(f"{self.name}-zskd", "enrich", images, classifier=classifier),)
        elif beside == "proxy":
            # Of a new image itself nothing says that it is of no new class.
            values |= {"samples": (new,), "settings": dict(PAPER_REPLAY)}
        elif scaling := row.partition(", ")[2]:
            values["settings"] = {**PAPER_REPLAY, "scaling": scaling}
        label = f"{self.name}-{row.split(',')[0].replace(' + ', '-')}"
        return make.part(label, "incremental", values, (new,), classifier=classifier, samples=samples)


@dataclass(frozen=True, kw_only=True)
class Tasks(Incremental):
    """Classes learned in one increment after another, each with samples of its own; a row for each task's end.

    Not in the paper. ``task 1`` is the first classifier, ``task 2`` the first increment; each row is measured on all
    classes so far.
    """

    def test_data(self, row: str, seed: int) -> str:
        """Those of all classes up to the row's task."""
        return self._first_draws(seed, int(row.removeprefix("task ")))

    def last_part(self, row: str, scale: Scale, make: Maker) -> Part:
        """The classifier after the row's task."""
        first, *further = self.draw(make.seed)[: int(row.removeprefix("task "))]
        part = self._teacher("old-softmax", first, "softmax", scale, make)
        for new in further:
            part = self._replayed(self.as_by_default, new, part, scale, make)
        return part
