from __future__ import annotations

import subprocess
import sys

import pytest

from degan_cli.networks import degan_architectures
from degan_cli.specs import ArchitectureSpec
from degan_cli.testing import check_architecture

SPECS = {spec.name: spec for spec in degan_architectures() if isinstance(spec, ArchitectureSpec)}
FAMILIES = [spec for spec in degan_architectures() if not isinstance(spec, ArchitectureSpec)]


def test_names():
    small = {"lenet", "lenet-half", "alexnet", "alexnet-half"}
    assert set(SPECS) == small | {"resnet18", "resnet32", "resnet34", "inception-v3", "convnet"}
    assert [family.prefix for family in FAMILIES] == ["timm/", "torchvision/"]
    assert all(spec.source for spec in degan_architectures())


@pytest.mark.parametrize("name", sorted(SPECS))
def test_each_keeps_the_contract_of_a_plugin(name):
    check_architecture(SPECS[name])


def test_a_torchvision_classifier_keeps_the_contract_of_a_plugin():
    check_architecture(FAMILIES[1].find("shufflenet_v2_x0_5"))


def test_a_timm_classifier_keeps_the_contract_of_a_plugin():
    check_architecture(FAMILIES[0].find("resnet10t"))


@pytest.mark.parametrize("name", ["lenet", "alexnet-half"])
def test_networks_of_a_fixed_size_say_so(name):
    spec = SPECS[name]
    assert spec.input_for(1, 28, 28).shape == (1, 32, 32)
    larger = SPECS["resnet18"].input_for(3, 64, 48)
    with pytest.raises(ValueError, match=f"{name} takes images of 32x32 pixels, not 64x48"):
        spec.build(10, larger)


def test_listing_them_does_not_import_torch():
    code = "import sys, degan_cli.networks as n; n.degan_architectures(); sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
