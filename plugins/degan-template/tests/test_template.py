"""Run with the plugin installed: ``pip install -e '.[test]'``."""

from __future__ import annotations

import json
import subprocess
import sys

import degan_template
import pytest
import torch

from degan_cli.specs import DatasetRequest, InversionSpec, MethodSpec, StrategySpec
from degan_cli.testing import (
    check_architecture,
    check_dataset,
    check_gan,
    check_inversion,
    check_method,
    check_strategy,
)

CHECKS = {MethodSpec: check_method, InversionSpec: check_inversion, StrategySpec: check_strategy}


@pytest.mark.parametrize("spec", degan_template.degan_architectures(), ids=lambda spec: spec.name)
def test_architecture_keeps_the_contract(spec):
    check_architecture(spec)


@pytest.mark.parametrize("spec", degan_template.degan_datasets(), ids=lambda spec: spec.name)
def test_data_set_keeps_the_contract(spec, tmp_path):
    check_dataset(spec, tmp_path)


@pytest.mark.parametrize("spec", degan_template.degan_gans(), ids=lambda spec: spec.name)
def test_gan_keeps_the_contract(spec):
    check_gan(spec)


@pytest.mark.parametrize("spec", degan_template.degan_methods(), ids=lambda spec: spec.name)
def test_method_or_strategy_keeps_the_contract(spec):
    CHECKS[type(spec)](spec)


def test_squares_fill_more_of_their_boxes_than_discs(tmp_path):
    """A disc covers pi / 4 of the square around it; sides are drawn alike for both."""
    (spec,) = degan_template.degan_datasets()
    data = spec.load(DatasetRequest(split="train", data_dir=tmp_path))
    bright = (data.images > 127).flatten(1).sum(dim=1).float()
    share = bright[data.labels == 0].mean() / bright[data.labels == 1].mean()
    assert share.item() == pytest.approx(torch.pi / 4, abs=0.05)


@pytest.mark.parametrize(
    ("what", "name"),
    [
        ("architectures", "template-cnn"),
        ("datasets", "template-shapes"),
        ("gans", "template-gan"),
        ("methods", "template-confident"),
        ("methods", "template-dream"),
        ("methods", "template-tether"),
    ],
)
def test_degan_lists_it_with_its_distribution(what, name):
    command = [sys.executable, "-m", "degan_cli", "list", what, "--json"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)

    providers = {row["name"]: row["provider"] for row in json.loads(result.stdout)}
    assert providers.get(name, "").startswith("degan-template ")


def test_import_leaves_torch_alone():
    hooks = "architectures(), t.degan_datasets(), t.degan_gans(), t.degan_methods()"
    code = f"import sys, degan_template as t; t.degan_{hooks}; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
