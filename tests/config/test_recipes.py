"""The recipe of a generator: which one a run of some size takes, what it presets, and what counts more."""

from __future__ import annotations

import dataclasses

import pytest
from resolving import PLUGINS

from degan_cli.config import EnrichSettings
from degan_cli.config.methods import DeganSettings
from degan_cli.config.recipes import choose_recipe, few_layer
from degan_cli.specs import MethodSpec

AUGMENT = "color-translation-cutout"


def sized(images=100, spec=None, **given):
    given = {"classifier": "t", "proxy": "p"} | given
    spec = spec or PLUGINS.methods.get(given.get("method", "degan"))
    return EnrichSettings(**given).resolved(spec).sized(spec, images)


@pytest.mark.parametrize(
    ("images", "steps", "recipe", "why"),
    [
        (5000, 2000, "paper", "5,000 proxy images and 2,000 updates are enough for the paper's values"),
        (4999, 5000, "few", "4,999 proxy images are fewer than 5,000"),
        (50_000, 1999, "few", "1,999 updates are fewer than 2,000"),
    ],
)
def test_a_run_takes_the_recipe_of_its_size_and_says_why(images, steps, recipe, why):
    assert choose_recipe(images, steps) == (recipe, why)
    settings, said = sized(images, steps=steps)
    assert (settings.recipe, said) == (recipe, why)


def test_the_papers_recipe_changes_nothing():
    settings, _ = sized(50_000)
    assert (settings.lr, settings.ema, settings.d_augment) == (2e-4, 0.0, "none")
    assert settings.settings == {"lambda_e": 0.0, "lambda_d": 5.0, "bn_weight": 0.0}


def test_few_presets_rate_weights_average_and_augmentation():
    settings, _ = sized(steps=800)
    assert (settings.lr, settings.ema, settings.d_augment) == (1e-3, 0.9875, AUGMENT)
    assert (settings.lambda_e, settings.lambda_d) == (1.0, 10.0)
    assert settings.settings == {"lambda_e": 1.0, "lambda_d": 10.0, "bn_weight": 0.0}
    assert {settings.origins[name] for name in ("lr", "ema", "d_augment", "lambda_d")} == {"the recipe few"}


@pytest.mark.parametrize(("steps", "decay"), [(5, 0.0), (10, 0.0), (100, 0.9), (1000, 0.99), (50_000, 0.999)])
def test_the_moving_average_suits_the_length(steps, decay):
    assert few_layer(steps).values["ema"] == pytest.approx(decay)


def test_what_the_user_says_counts_more_even_where_it_is_the_papers_value():
    settings, said = sized(recipe="few", lr=2e-4, ema=0.0, d_augment="none", lambda_d=5.0, settings={"lambda_e": "0"})
    assert (settings.lr, settings.ema, settings.d_augment) == (2e-4, 0.0, "none")
    assert settings.settings == {"lambda_e": 0.0, "lambda_d": 5.0, "bn_weight": 0.0}
    assert said == ""  # nobody needs to be told of the recipe that they asked for
    assert sized(recipe="paper")[0].lr == 2e-4


def test_tuned_weights_are_left_to_the_tuning():
    settings, _ = sized(tune=True)
    assert settings.lr == 1e-3
    assert settings.settings == {"bn_weight": 0.0}


def test_a_method_without_weights_has_the_rest_of_the_recipe():
    settings, _ = sized(method="dcgan")
    assert (settings.lr, settings.d_augment, settings.settings) == (1e-3, AUGMENT, {})


def test_what_a_plugins_method_presets_otherwise_stays():
    @dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
    class Own(DeganSettings):
        lambda_d: float = 2.0

    spec = MethodSpec(name="own", build=lambda parts: None, lr=5e-4, settings=Own)
    settings, _ = sized(spec=spec)
    assert (settings.lr, settings.d_augment) == (5e-4, AUGMENT)
    assert settings.settings == {"lambda_e": 1.0, "lambda_d": 2.0, "bn_weight": 0.0}
