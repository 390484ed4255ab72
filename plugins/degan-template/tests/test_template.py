"""Run with the plugin installed: ``pip install -e '.[test]'``."""

from __future__ import annotations

import json
import subprocess
import sys

import degan_template
import pytest

from degan_cli.testing import check_architecture


@pytest.mark.parametrize("spec", degan_template.degan_architectures(), ids=lambda spec: spec.name)
def test_architecture_keeps_the_contract(spec):
    check_architecture(spec)


def test_degan_lists_it_with_its_distribution():
    command = [sys.executable, "-m", "degan_cli", "list", "architectures", "--json"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)

    providers = {row["name"]: row["provider"] for row in json.loads(result.stdout)}
    assert providers.get("template-cnn", "").startswith("degan-template ")


def test_import_leaves_torch_alone():
    code = "import sys, degan_template; degan_template.degan_architectures(); sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
