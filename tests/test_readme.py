"""The README and the pages in docs/ against the program: tables from result files, commands, options and links."""

from __future__ import annotations

import json
import pkgutil
import re
import subprocess
import sys
import types
from pathlib import Path

import pytest
import typer

from degan_cli.app import COMMANDS, make_app
from degan_cli.testing import check_method

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGES = (README, *sorted((ROOT / "docs").glob("*.md")))
RESULTS = sorted((ROOT / "benchmarks" / "results").glob("*.json"))
EVERYWHERE = frozenset({"--help"})
"""Click's own, of every command."""

by_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def code(page: Path) -> list[str]:
    """Lines of code blocks, but for those of Python and TOML, with continued lines joined; and code in the text."""
    text = page.read_text().replace("\\\n", " ")
    blocks = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
    lines = [
        line for kind, block in blocks.findall(text) if kind not in ("python", "toml") for line in block.split("\n")
    ]
    return [*lines, *re.findall(r"`([^`\n]+)`", blocks.sub("", text))]


def degan_commands(page: Path) -> list[tuple[str, str]]:
    """Each command line of degan on a page: the command's name, and its arguments."""
    calls = re.compile(r"(?:^|\s)degan ([a-z][\w-]*)([^|&;#]*)")
    return [(name, arguments) for line in code(page) for name, arguments in calls.findall(line)]


def options(text: str) -> set[str]:
    """All ``--options`` in a text."""
    return set(re.findall(r"(?<![\w-])--[a-z][\w-]*", text))


@pytest.fixture(scope="module")
def real_options() -> dict[str, frozenset[str]]:
    """Each command's options, as the program takes them; those before a command under the empty name."""
    app = typer.main.get_command(make_app())
    commands = {"": app, **app.commands}
    names = {
        name: {o for p in command.params for o in (*p.opts, *p.secondary_opts)} for name, command in commands.items()
    }
    return {name: frozenset(each) | EVERYWHERE for name, each in names.items()}


def test_tables_are_those_of_the_result_files():
    check = [sys.executable, "benchmarks/tables.py", "--check"]
    done = subprocess.run(check, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_readme_is_short():
    assert len(README.read_text().splitlines()) <= 130


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_described(name):
    assert f"| `degan {name}` |" in README.read_text()


@by_page
def test_commands_exist(page):
    assert {name for name, _ in degan_commands(page)} <= COMMANDS.keys()


@by_page
def test_commands_have_the_options_that_they_are_shown_with(page, real_options):
    wrong = {name: options(arguments) - real_options[name] for name, arguments in degan_commands(page)}
    assert not any(wrong.values()), wrong


@by_page
def test_options_exist(page, real_options):
    foreign = re.compile(r"(pip install|python benchmarks/|ray start)[^`\n]*|torchrun --\S+")
    found = options(foreign.sub("", page.read_text()))
    assert not found - frozenset().union(*real_options.values())


@by_page
def test_links_lead_somewhere(page):
    text = page.read_text()
    links = [*re.findall(r"\]\(([^)\s]+)\)", text), *re.findall(r'src="([^"]+)"', text)]
    for link in links:
        if re.match(r"\w+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{page.name} links to {link}, which is not there"
        if anchor:
            assert anchor in anchors(target), f"{page.name} links to {link}, which has no such heading"


def anchors(page: Path) -> set[str]:
    """The headings of a page as GitHub names them in links."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@by_page
def test_files_of_the_project_exist(page):
    for name in re.findall(
        r"(?<![\w/.-])(?:\.\./)?((?:benchmarks|degan_cli|docs|plugins|tests)/[\w./-]+)", page.read_text()
    ):
        assert (ROOT / name.rstrip("./")).exists(), f"{page.name} names {name}"


@by_page
def test_modules_exist(page):
    for name in set(re.findall(r"\bdegan_cli(?:\.\w+)+", page.read_text())):
        pkgutil.resolve_name(name)


def test_the_example_of_a_plugin_keeps_the_contract():
    text = (ROOT / "docs" / "plugins.md").read_text()
    (source,) = re.findall(r"`degan_smooth\.py`:\n\n```python\n(.*?)```", text, re.DOTALL)
    module = types.ModuleType("degan_smooth")
    sys.modules[module.__name__] = module  # where dataclasses look their annotations up
    try:
        exec(compile(source, "docs/plugins.md", "exec"), module.__dict__)
        (spec,) = module.degan_methods()
        check_method(spec)
    finally:
        del sys.modules[module.__name__]


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_results_say_where_they_come_from(path):
    results = json.loads(path.read_text())
    for result in results if isinstance(results, list) else [results]:
        assert {"command", "commit", "date", "hardware"} <= result.keys()
        assert {"cpu", "cores", "gpu", "torch"} <= result["hardware"].keys()
        assert {"seed", "seeds"} & result.keys()
        if "seeds" in result and "measured" in result:
            assert len(result["seeds"]) == len(result["measured"])
