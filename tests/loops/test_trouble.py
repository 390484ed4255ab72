"""What is said of useless samples: one thing, the gravest, with advice that fits the run."""

from __future__ import annotations

import math

import pytest

from degan_cli.config import EnrichSettings
from degan_cli.loops.trouble import trouble
from degan_cli.metrics import Support

WEIGHTS = {"lambda_e": 0.0, "lambda_d": 5.0}
EVEN = dict.fromkeys("abcd", 250)
ONE = {"a": 970, "b": 30, "c": 0, "d": 0}
THREE = {"a": 400, "b": 300, "c": 300, "d": 0}


def told(counts=EVEN, confidence=0.9, entropy=0.2, spread=0.2, d_loss=1.0, **settings) -> str:
    shares = [count / sum(counts.values()) for count in counts.values() if count]
    effective = math.exp(-sum(share * math.log(share) for share in shares))
    support = Support(classes=len(counts), seen=len(shares), effective=effective, confidence=confidence)
    seen = {"class_counts": counts, "prediction_entropy": entropy, "image_spread": spread}
    run = EnrichSettings(**{"classifier": "t", "recipe": "paper", "settings": WEIGHTS} | settings)
    return trouble(seen, support, {"d_loss": d_loss}, run)


def test_nothing_is_said_of_good_samples():
    assert told() == ""


BAD = {"spread": 0.001, "counts": ONE, "confidence": 0.26, "entropy": 1.38, "d_loss": 0.0}
"""Everything at once."""


@pytest.mark.parametrize(
    ("healed", "words"),
    [
        ((), "all samples look alike"),
        (("spread",), "the classifier takes nearly all samples for any class"),
        (("spread", "confidence"), "the samples amount to 1.1 of 4 classes"),
        (("spread", "confidence", "counts"), "the classifier takes nearly all samples for any class"),
        (("spread", "confidence", "counts", "entropy"), "the discriminator tells all images apart"),
    ],
)
def test_the_gravest_trouble_is_told_alone(healed, words):
    said = told(**{name: value for name, value in BAD.items() if name not in healed})
    assert said.startswith(words)
    assert said.count("try ") == 1


def test_missing_classes_are_named_and_counts_come_sorted():
    said = told(counts=THREE)
    assert said.startswith("no sample of 1 of 4 classes (d); ")
    assert said.endswith("; class counts: a 400, b 300, c 300, d 0")


def test_counts_of_many_classes_are_shortened():
    said = told(counts={f"n{k}": 1000 if k == 70 else 0 for k in range(100)})
    assert said.endswith("class counts: n70 1000, n0 0, n1 0, n2 0, n3 0 and 95 more")


@pytest.mark.parametrize(
    ("settings", "advice"),
    [
        ({}, "try --recipe few"),
        ({"recipe": "few"}, "try a larger --lambda-d than 5"),
        ({"settings": {"lambda_e": 0.0, "lambda_d": 20.0}}, "try a larger --lambda-d than 20"),  # few has 10
        ({"method": "dcgan", "settings": {}}, "try --method degan"),
        ({"method": "dafl", "settings": {"information_weight": 5.0}}, "try a larger --set information_weight than 5"),
        ({"method": "of-a-plugin", "settings": {}}, "try another method"),
    ],
)
def test_advice_on_one_class_fits_the_run(settings, advice):
    assert f"; {advice}" in told(counts=ONE, **settings)


@pytest.mark.parametrize(
    ("settings", "advice"),
    [
        ({}, "try --recipe few"),
        ({"recipe": "few", "settings": {"lambda_e": 1.0, "lambda_d": 10.0}}, "try a larger --lambda-e than 1"),
        ({"method": "dafl", "settings": {"one_hot_weight": 1.0}}, "try a larger --set one_hot_weight than 1"),
    ],
)
def test_advice_on_unsure_samples_fits_the_run(settings, advice):
    assert f"; {advice}" in told(confidence=0.26, **settings)


def test_other_advice_is_never_what_the_run_does_already():
    assert "try another --seed" in told(spread=0.0, recipe="few")
    assert "try --d-augment color-translation-cutout" in told(d_loss=0.0, recipe="few")
    assert "use more proxy images" in told(d_loss=0.0, recipe="few", d_augment="color-translation-cutout")
