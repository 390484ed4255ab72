"""How long the parts of a cell are trained: the paper's lengths, or shorter ones that two cores manage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

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
    reduced="50 epochs for the old classifier and 60 for each increment, instead of 250; GAN of 3,000 updates of 128 "
    "by the recipe for few updates, instead of 5,000 of 400; 1,000 data impressions of 300 steps",
    teacher={"epochs": 50},
    enrich={"recipe": "few", "steps": 3000, "batch_size": 128},
    incremental={"epochs": 60},
    images={"number": 1000, "steps": 300},
)
PAPER_GAN_RESNET32 = replace(
    HOUR_RESNET32,
    reduced="GAN as in the paper; 50 epochs for the old classifier and 60 for each increment, instead of 250; 1,000 "
    "data impressions of 300 steps",
    enrich={},
)
MINUTE_DIGITS = Scale(
    reduced="GAN of width 16 instead of 64, 1,000 updates of 64 instead of 5,000; 1,000 data impressions of 300 steps; "
    "everything else as the commands have it of themselves",
    enrich={"steps": 1000, "batch_size": 64, "width": 16},
    images={"number": 1000, "steps": 300},
)
HOUR_FASHION = Scale(
    reduced="a stage of the old classifier has 12 epochs at most and ends after 4 without gain, an increment 10; GAN "
    "of width 16 instead of 64, 1,500 updates of 64 instead of 5,000; 1,000 data impressions of 300 steps",
    teacher={"epochs": 12, "patience": 4},
    enrich={"steps": 1500, "batch_size": 64, "width": 16},
    incremental={"epochs": 10},
    images={"number": 1000, "steps": 300},
)

PAPER_GAN_LENET = replace(
    HOUR_LENET,
    reduced="GAN as in the paper, but batches of 256 instead of 2,000; a stage has 40 (teacher) or 60 (student) epochs "
    "at most and ends after 10 or 15 without gain, instead of 100",
    enrich={"batch_size": 256},
    distill={"epochs": 60, "patience": 15},
)
PAPER_GAN_ALEXNET = Scale(
    reduced="GAN as in the paper; a stage has 10 (teacher) or 30 (student) epochs at most and ends after 4 or 8 "
    "without gain, instead of 100",
    teacher=HOUR_ALEXNET.teacher,
    distill={"epochs": 30, "patience": 8},
)
PAPER_GAN_NINETY = replace(
    PAPER_GAN_ALEXNET,
    reduced="GAN as in the paper, but batches of 128 instead of a 25th of the proxy; a stage has 10 (teacher) or 30 "
    "(student) epochs at most and ends after 4 or 8 without gain, instead of 100",
    enrich={"batch_size": 128},
)

NEIGHBOURS_DIGITS = Scale(
    reduced="a stage has 15 (teacher) or 30 (student, of 64 updates) epochs at most, 5 or 8 without gain; "
    "GAN of width 16, 600 updates of 64; 400 images of 300 steps; online methods 12 epochs of 40 updates of 128, a "
    "generator's update for each",
    teacher={"epochs": 15, "patience": 5},
    enrich={"steps": 600, "batch_size": 64, "width": 16, "lr": 1e-3, "lambda_e": 5, "lambda_d": 20},
    distill={"epochs": 30, "steps_per_epoch": 64, "patience": 8},
    images={"number": 400, "steps": 300},
    online={
        "epochs": 12,
        "steps_per_epoch": 40,
        "batch_size": 128,
        "update_every": 1,
        "update_batch": 128,
        "width": 16,
    },
    pool={
        "epochs": 12,
        "steps_per_epoch": 40,
        "batch_size": 128,
        "update_batch": 64,
        "update_steps": 100,
        "update_every": 40,
    },
    condense={"steps": 200},
)
NEIGHBOURS_LENET = Scale(
    reduced="a stage has 15 (teacher) or 60 (student) epochs at most and ends after 4 or 15 without gain; GAN of width "
    "16, 1,500 updates of 128; 4,000 images instead of 24,000; online methods 60 epochs of 50 updates of 128, a "
    "generator's update for each",
    teacher={"epochs": 15, "patience": 4},
    enrich={"steps": 1500, "batch_size": 128, "width": 16},
    distill={"epochs": 60, "patience": 15},
    images={"number": 4000},
    online={
        "epochs": 60,
        "steps_per_epoch": 50,
        "batch_size": 128,
        "update_every": 1,
        "update_batch": 128,
        "width": 16,
    },
    pool={
        "epochs": 60,
        "steps_per_epoch": 50,
        "batch_size": 128,
        "update_batch": 128,
        "update_steps": 200,
        "update_every": 150,
    },
    condense={"steps": 500},
)
NEIGHBOURS_ALEXNET = Scale(
    reduced="a stage has 10 (teacher) or 15 (student) epochs at most and ends after 4 or 6 without gain; GAN "
    "of width 32, 1,500 updates of 128; 500 images instead of 40,000; online methods 40 epochs "
    "of 25 updates of 128, a generator's update for each",
    teacher={"epochs": 10, "patience": 4},
    enrich={"steps": 1500, "batch_size": 128, "width": 32},
    distill={"epochs": 15, "patience": 6},
    images={"number": 500},
    online={
        "epochs": 40,
        "steps_per_epoch": 25,
        "batch_size": 128,
        "update_every": 1,
        "update_batch": 128,
        "width": 32,
    },
    pool={
        "epochs": 40,
        "steps_per_epoch": 25,
        "batch_size": 128,
        "update_batch": 128,
        "update_steps": 200,
        "update_every": 100,
    },
    condense={"steps": 500},
)
