"""The import rules of the design, read off the source: what each part may know."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEAVY = {"torch", "torchvision", "timm", "accelerate", "safetensors", "sklearn", "PIL", "numpy"}
CLI = {"typer", "rich", "pluggy", "click"}
LIGHT = (
    "app", "options", "commands", "specs", "hookspecs", "plugins", "errors", "registry", "runs", "settings", "outputs",
    "report", "stopping", "tables", "image_folder", "artifact/header", "networks/__init__", "gans/__init__",
    "datasets/__init__", "methods/__init__", "datasets/class_names", "datasets/paper_proxies",
)  # fmt: skip
FOR_PLUGINS = {"degan_cli", "degan_cli.specs", "degan_cli.testing", "degan_cli.losses"}


def imports(tree: ast.AST, module: str, *, at_import_only: bool) -> Iterator[str]:
    """Dotted names that a module imports, relative ones resolved; blocks for type checkers are left out."""
    package = module.split("/")
    package = ["degan_cli", *package[:-1]] if package[-1] != "__init__" else ["degan_cli", *package[:-1]]
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        if at_import_only and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            yield origin
            yield from (f"{origin}.{alias.name}" for alias in node.names)
        else:
            yield from imports(node, module, at_import_only=at_import_only)


def broken_rules(source: str, module: str) -> list[str]:
    """What is wrong with a module of ``degan_cli``, named as in ``loops/enrich``."""
    tree = ast.parse(source)
    first = module.split("/")[0]
    anywhere = set(imports(tree, module, at_import_only=False))
    at_import = set(imports(tree, module, at_import_only=True))
    tops, tops_at_import = ({name.split(".")[0] for name in names} for names in (anywhere, at_import))
    wrong = []
    if (first in LIGHT or module in LIGHT) and tops_at_import & HEAVY:
        wrong.append(f"imports {tops_at_import & HEAVY} at module level")
    if first in ("networks", "gans", "losses", "metrics", "loops", "methods", "features", "samples") and tops & CLI:
        wrong.append(f"knows {tops & CLI}")
    if "safetensors" in tops and first != "artifact":
        wrong.append("imports safetensors")
    if "accelerate" in tops and module != "engine":
        wrong.append("imports accelerate")
    for private in ("degan_cli.commands", "degan_cli.app"):
        if first not in ("app", "commands", "__main__") and any(name.startswith(private) for name in anywhere):
            wrong.append(f"imports {private}")
    if first == "commands" and any(name.startswith(("degan_cli.loops", "degan_cli.app")) for name in at_import):
        wrong.append("imports loops or app at module level")
    names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    calls = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    if first == "loops" and ("environ" in names or "print" in calls):
        wrong.append("reads os.environ or prints")
    if tops & {"pickle", "dill", "cloudpickle"} or re.search(r"(?<!safetensors\.)torch\.load\(", ast.unparse(tree)):
        wrong.append("unpickles")
    return wrong


def modules() -> list[str]:
    package = ROOT / "degan_cli"
    return sorted(path.relative_to(package).with_suffix("").as_posix() for path in package.rglob("*.py"))


@pytest.mark.parametrize("module", modules())
def test_a_module_keeps_the_rules(module):
    assert broken_rules((ROOT / "degan_cli" / f"{module}.py").read_text(), module) == []


def test_the_light_modules_exist():
    known = {*modules(), *(module.split("/")[0] for module in modules())}
    assert set(LIGHT) <= known


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("commands/eval", "import torch"),
        ("commands/eval", "from ..loops.enrich import enrich"),
        ("specs", "try:\n    from torch import nn\nexcept ImportError:\n    pass"),
        ("losses", "def f():\n    import typer"),
        ("networks/lenet", "from rich.table import Table"),
        ("loops/enrich", "import os\nseed = os.environ['SEED']"),
        ("loops/enrich", "def f():\n    print(1)"),
        ("loops/enrich", "from ..commands.enrich import enrich"),
        ("datasets/packs", "from safetensors.torch import load_file"),
        ("loops/teacher", "from accelerate import Accelerator"),
        ("samples", "from . import app"),
        ("artifact/file", "import torch\nx = torch.load('f')"),
        ("checkpoint", "def f():\n    import pickle"),
    ],
)
def test_a_broken_rule_is_found(module, source):
    assert broken_rules(source, module)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("commands/eval", "def f():\n    import torch\n    from ..loops.enrich import enrich"),
        ("specs", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from torch import Tensor"),
        ("artifact/file", "from safetensors.torch import load"),
        ("engine", "from accelerate import Accelerator"),
    ],
)
def test_what_is_allowed_passes(module, source):
    assert broken_rules(source, module) == []


PLUGIN_FILES = sorted(path for path in (ROOT / "plugins").rglob("*.py") if "build" not in path.parts)


@pytest.mark.parametrize("path", PLUGIN_FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_plugin_uses_the_public_modules_only(path):
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("degan_cli"):
            found.add(node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.startswith("degan_cli")}
    assert found <= FOR_PLUGINS
