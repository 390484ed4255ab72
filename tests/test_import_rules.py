"""The rooms of docs/code.md, read off the source: what each may know."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "degan_cli"
TORCH = {"torch", "torchvision", "timm", "accelerate", "safetensors", "sklearn", "PIL", "numpy"}
LIGHT = {"app", "commands", "config", "specs", "plugins", "errors", "console"}
PURE = {"networks", "gans", "losses", "metrics"}
"""Rooms that know torch, what a spec is and what can go wrong, and nothing else of ours."""
PURE_MAY_KNOW = {"specs", "errors"}
LIGHT_MODULES = {"networks/__init__", "gans/__init__", "datasets/__init__", "methods/__init__", "artifact/header"}
READER = "artifact/read_checkpoint"
"""Reads tensors out of a pickle, in a process of its own."""
UNPICKLERS = {"pickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
PUBLIC = {
    "degan_cli",
    *(f"degan_cli.{room}" for room in ("specs", "losses", "models", "images", "errors", "testing", "jobs", "methods")),
}


def layers() -> dict[str, int]:
    """Room -> its layer, from the table of docs/code.md; the package itself is below all."""
    rows = re.findall(r"^\| [^|]+ \| (`[^|]+`) \|", (ROOT / "docs" / "code.md").read_text(), re.MULTILINE)
    numbered = {room: number for number, row in enumerate(rows, 1) for room in re.findall(r"`(\w+)`", row)}
    return {"__init__": 0} | numbered


LAYERS = layers()


def modules() -> list[str]:
    return sorted(path.relative_to(PACKAGE).with_suffix("").as_posix() for path in PACKAGE.rglob("*.py"))


MODULES = modules()
ROOMS = {module.split("/")[0] for module in MODULES}


def imports(tree: ast.AST, module: str, *, at_import_only: bool = False) -> Iterator[str]:
    """Dotted names that a module imports, relative ones resolved.

    :param at_import_only: without those inside functions and those for type checkers.
    """
    package = ["degan_cli", *module.split("/")[:-1]]
    for node in ast.iter_child_nodes(tree):
        if at_import_only and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if at_import_only and isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
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


def rooms_of(names: set[str]) -> set[str]:
    """The rooms of ours among dotted names."""
    parts = [name.split(".") for name in names if name.split(".")[0] == "degan_cli"]
    return {part[1] for part in parts if len(part) > 1 and part[1] in ROOMS}


def broken_rules(source: str, module: str) -> list[str]:
    """What is wrong with a module of ``degan_cli``, named as in ``loops/enrich``."""
    tree = ast.parse(source)
    room = module.split("/")[0]
    anywhere, at_import = set(imports(tree, module)), set(imports(tree, module, at_import_only=True))
    tops, tops_at_import = ({name.split(".")[0] for name in names} for names in (anywhere, at_import))
    wrong = [
        f"{room} imports {other}, which is not below it"
        for other in sorted(rooms_of(anywhere) - {room})
        if LAYERS[other] >= LAYERS[room]
    ]
    if (room in LIGHT or module in LIGHT_MODULES) and tops_at_import & TORCH:
        wrong.append(f"imports {tops_at_import & TORCH} at module level")
    homes = {"typer": {"app", "commands"}, "click": set(), "accelerate": {"engine"}, "safetensors": {"artifact"}}
    homes |= {"pluggy": {"plugins", "__init__"}}
    wrong += [f"imports {name}" for name, home in homes.items() if name in tops and room not in home]
    if room in PURE:
        wrong += [f"{room} imports {other}" for other in sorted(rooms_of(anywhere) - PURE_MAY_KNOW - {room})]
    if room == "loops" and "plugins" in rooms_of(anywhere):
        wrong.append("loops imports plugins")
    names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    names |= {name.rpartition(".")[2] for name in anywhere if name.startswith("os.")}
    calls = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    if room in ("loops", "methods", "samples", "losses") and ({"environ", "getenv"} & names or "print" in calls):
        wrong.append("reads os.environ or prints")
    loads = re.findall(r"(?<!safetensors\.)torch\.load\(.*", ast.unparse(tree))
    if module == READER:
        loads = [call for call in loads if not call.endswith("weights_only=True)")]
    keywords = {
        node.arg for node in ast.walk(tree) if isinstance(node, ast.keyword) and ast.unparse(node.value) != "False"
    }
    if tops & UNPICKLERS or loads or "allow_pickle" in keywords:
        wrong.append("unpickles")
    if any(name.startswith(f"degan_cli.{READER.replace('/', '.')}") for name in anywhere):
        wrong.append("imports what runs as a process of its own only")
    return wrong


@pytest.mark.parametrize("module", MODULES)
def test_a_module_keeps_the_rules(module):
    assert broken_rules((PACKAGE / f"{module}.py").read_text(), module) == []


def test_the_table_names_every_room_and_no_other():
    assert set(LAYERS) == ROOMS


def test_the_root_holds_six_modules_only():
    found = {path.stem for path in PACKAGE.glob("*.py")}
    assert found == {"__init__", "__main__", "app", "console", "errors", "streams"}


def module_of(name: str, known: set[str]) -> str:
    """The module that a dotted name lies in."""
    while name and name not in known:
        name = name.rpartition(".")[0]
    return name


def circles(graph: dict[str, set[str]]) -> list[str]:
    """Modules that import themselves by way of others."""

    def reaches(start: str) -> bool:
        seen, waiting = set(), list(graph.get(start, ()))
        while waiting:
            module = waiting.pop()
            if module == start:
                return True
            if module not in seen:
                seen.add(module)
                waiting += graph.get(module, ())
        return False

    return [module for module in graph if reaches(module)]


def test_no_module_imports_itself_by_way_of_others():
    dotted = {module: f"degan_cli.{module.replace('/', '.')}".removesuffix(".__init__") for module in MODULES}
    dotted["__init__"] = "degan_cli"
    known = set(dotted.values())
    graph: dict[str, set[str]] = {}
    for module, name in dotted.items():
        tree = ast.parse((PACKAGE / f"{module}.py").read_text())
        found = [n for n in imports(tree, module) if n.startswith("degan_cli")]
        # A name that is itself a module counts as that module, not as its package.
        targets = {module_of(n, known) for n in found if n in known or n.rpartition(".")[0] in known}
        submodules = [n for n in found if n in known]
        packages = {target for target in targets if any(n.startswith(f"{target}.") for n in submodules)}
        graph[name] = targets - {name} - packages
    assert circles(graph) == []


def test_a_circle_is_found():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("commands/eval", "import torch"),
        ("config/base", "from ..images import fit"),
        ("specs/methods", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from ..models import Classifier"),
        ("specs/images", "try:\n    from torch import nn\nexcept ImportError:\n    pass"),
        ("losses/gan", "def f():\n    import typer"),
        ("networks/lenet", "from ..gans import dcgan"),
        ("loops/enrich", "import os\nseed = os.environ['SEED']"),
        ("loops/enrich", "from os import environ"),
        ("loops/enrich", "import os\nos.getenv('SEED')"),
        ("loops/enrich", "def f():\n    print(1)"),
        ("loops/enrich", "from ..plugins import load_plugins"),
        ("gans/dcgan", "from ..plugins import load_plugins"),
        ("networks/lenet", "from ..config import TeacherSettings"),
        ("losses/gan", "from ..console import note"),
        ("loops/enrich", "from ..jobs.enrich import enrich"),
        ("jobs/enrich", "def f():\n    from ..commands.enrich import enrich"),
        ("datasets/packs", "from safetensors.torch import load_file"),
        ("loops/teacher", "from accelerate import Accelerator"),
        ("samples/bank", "from .. import app"),
        ("artifact/file", "import torch\nx = torch.load('f')"),
        ("runs/checkpoint", "def f():\n    import pickle"),
        ("datasets/packs", "def f():\n    from joblib import load"),
        ("datasets/packs", "import numpy\nnumpy.load('f', allow_pickle=True)"),
        (READER, "import torch\ntorch.load('f')"),
        (READER, "import torch\ntorch.load('f', weights_only=False)"),
        (READER, "import pickle"),
        ("artifact/pickled", "from .read_checkpoint import main"),
        ("jobs/importing", "def f():\n    from ..artifact import read_checkpoint"),
    ],
)
def test_a_broken_rule_is_found(module, source):
    assert broken_rules(source, module)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("commands/eval", "def f():\n    import torch\n    from ..jobs import evaluate"),
        ("specs/methods", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from torch import Tensor"),
        ("artifact/file", "from safetensors.torch import load"),
        (READER, "import torch\ntorch.load('f', weights_only=True)"),
        ("methods/zskd", "import numpy\nnumpy.load('f', allow_pickle=False)"),
        ("engine/engine", "from accelerate import Accelerator"),
        ("loops/enrich", "from ..runs.report import Report\nfrom .finite import Losses"),
    ],
)
def test_what_is_allowed_passes(module, source):
    assert broken_rules(source, module) == []


PLUGIN_FILES = sorted(path for path in (ROOT / "plugins").rglob("*.py") if "build" not in path.parts)


@pytest.mark.parametrize("path", PLUGIN_FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_plugin_uses_the_public_rooms_only(path):
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("degan_cli"):
            found.add(node.module)
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.startswith("degan_cli")}
    assert found <= PUBLIC
    assert "unpickles" not in broken_rules(path.read_text(), "methods/of_a_plugin")
