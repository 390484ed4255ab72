from __future__ import annotations

import importlib
import importlib.metadata
import re
import sys
import types
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from degan_cli import hookimpl
from degan_cli.errors import PluginError, UnknownName
from degan_cli.plugins import load as plugins
from degan_cli.plugins import load_plugins
from degan_cli.specs import ArchitectureFamily, ArchitectureSpec, DatasetSpec, MethodSpec, NoSettings


def spec(name: str) -> ArchitectureSpec:
    return ArchitectureSpec(name=name, build=lambda classes, input: None)


class Offers:
    """A plugin with the given architectures."""

    def __init__(self, *specs: object) -> None:
        self.specs = specs

    @hookimpl
    def degan_architectures(self):
        return self.specs


class Entry:
    """An entry point as importlib.metadata gives it."""

    def __init__(self, name: str, load, distribution: str = "degan-foo") -> None:
        self.name, self.load, self.module = name, load, name
        self.dist = types.SimpleNamespace(name=distribution, version="0.3")


@pytest.fixture
def install(monkeypatch):
    """Pretend that these entry points are installed, beside no built-ins but one."""
    built_in = types.ModuleType("built_in")
    built_in.degan_architectures = hookimpl(lambda: [spec("lenet"), spec("alexnet"), spec("alexnet-half")])
    monkeypatch.setitem(sys.modules, "built_in", built_in)
    monkeypatch.setattr(plugins, "BUILT_IN", ("built_in",))

    def pretend(*entries: Entry) -> None:
        monkeypatch.setattr(plugins, "entry_points", lambda group: list(entries) if group == "degan" else [])

    pretend()
    return pretend


def test_the_real_built_ins_register_through_the_hooks():
    found = load_plugins(enabled=False)
    assert [info.name for info in found.found] == list(plugins.BUILT_IN)
    assert "degan" in found.methods
    assert found.methods.provider("degan").startswith("degan-cli ")


def test_a_plugin_offers_names_beside_the_built_ins(install):
    install(Entry("foo", lambda: Offers(spec("tiny"))))
    found = load_plugins()
    assert found.architectures.names() == ["alexnet", "alexnet-half", "lenet", "tiny"]
    assert found.architectures.get("tiny").name == "tiny"
    assert found.architectures.provider("tiny") == "degan-foo 0.3"
    assert found.broken == {}


def raises(error: BaseException):
    def load():
        raise error

    return load


class Explodes:
    @hookimpl
    def degan_datasets(self):
        yield DatasetSpec(name="first", load=lambda request: None)
        raise RuntimeError("later")


class Settles:
    """A method with these settings."""

    def __init__(self, settings: type, **values: object) -> None:
        self.values = {"settings": settings, **values}

    @hookimpl
    def degan_methods(self):
        return [MethodSpec(name="m", build=lambda parts: None, **self.values)]


@dataclass(frozen=True)
class TextBound:
    weight: float = field(default=1.0, metadata={"min": "none"})


@dataclass(frozen=True)
class NoDefault:
    weight: float


class Misspelt:
    @hookimpl
    def degan_architecture(self):
        return []


@pytest.mark.parametrize(
    ("load", "message"),
    [
        (raises(ImportError("No module named 'x'")), "ImportError: No module named 'x'"),
        (raises(SystemExit(3)), "SystemExit: 3"),
        (raises(GeneratorExit()), "GeneratorExit:"),
        (raises(ValueError("two\nlines")), "ValueError: two lines"),
        (lambda: compile("def", "f", "exec"), "SyntaxError"),
        (Explodes, "RuntimeError: later"),
        (Misspelt, "unknown hook 'degan_architecture'"),
        (lambda: Offers("lenet"), "degan_architectures returned str"),
        (lambda: Offers(DatasetSpec(name="d", load=lambda request: None)), "returned DatasetSpec"),
        (lambda: Offers(ArchitectureFamily(prefix="zoo", find=spec, names=list)), "must end with a slash"),
        (lambda: Offers(spec(None)), "the name None of its ArchitectureSpec"),
        (lambda: Offers(spec("own"), spec("own")), 'it offers the architecture "own" twice'),
        (lambda: Offers(ArchitectureSpec(name="own", build=None)), "build is NoneType, no function"),
        (lambda: Offers(None), "degan_architectures returned NoneType"),
        (lambda: Settles(int), "its settings are no dataclass"),
        (lambda: Settles(NoDefault), "TypeError: "),
        (lambda: Settles(TextBound), "min of its setting weight is 'none', no number"),
        (lambda: Settles(NoSettings, batch_size="64"), "batch_size is '64', not a whole number from 1 on"),
        (lambda: Settles(NoSettings, lr=None), "lr is None, not a number from 0 on"),
        (lambda: Settles(NoSettings, recipe=None), "recipe is NoneType, not StudentRecipe"),
        (lambda: Offers(ArchitectureSpec(name="own", build=spec, size=0)), "size is 0, not a whole number from 1 on"),
        (
            lambda: Offers(ArchitectureSpec(name="own", build=spec, published_size=32)),
            "published_size is 32, not a tuple",
        ),
    ],
)
def test_a_broken_plugin_is_named_in_one_line_and_hurts_nobody_else(install, capsys, load, message):
    install(Entry("bad", load), Entry("good", lambda: Offers(spec("tiny")), "degan-good"))
    found = load_plugins()
    assert found.architectures.names() == ["alexnet", "alexnet-half", "lenet", "tiny"]
    assert found.datasets.names() == []
    assert message in found.broken["bad"]
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("degan: warning: plugin bad (degan-foo 0.3) is skipped: ")
    assert message in captured.err


def test_plugin_authors_can_see_the_exception(install):
    install(Entry("bad", raises(ImportError("No module named 'x'"))))
    with pytest.raises(ImportError, match="No module named 'x'"):
        load_plugins(raise_errors=True)


def test_ctrl_c_is_not_taken_for_a_broken_plugin(install):
    install(Entry("bad", raises(KeyboardInterrupt())))
    with pytest.raises(KeyboardInterrupt):
        load_plugins()


def test_plugins_can_be_left_out(install, capsys):
    install(Entry("bad", raises(ImportError("x"))), Entry("good", lambda: Offers(spec("tiny"))))
    some = load_plugins(disabled=frozenset({"bad"}))
    assert "tiny" in some.architectures
    assert {info.name: info.status for info in some.found} == {"built_in": "ok", "bad": "disabled", "good": "ok"}
    none = load_plugins(enabled=False)
    assert "tiny" not in none.architectures
    assert "lenet" in none.architectures
    assert capsys.readouterr().err == ""


def test_damaged_metadata_of_a_distribution_is_survived(install):
    entry = Entry("foo", lambda: Offers(spec("tiny")))
    entry.dist = None
    install(entry)
    assert load_plugins().architectures.provider("tiny") == "unknown"


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("lenet", "degan-cli .* \\(built_in\\)"),
        ("tiny", "degan-good 0.3 \\(good\\)"),
        ("zoo/tiger", "degan-good 0.3 \\(good\\)"),
    ],
    ids=["a built-in", "another plugin's", "behind another plugin's prefix"],
)
def test_a_plugin_with_a_taken_name_is_skipped_as_a_whole_and_the_rest_goes_on(install, capsys, name, first):
    good = Offers(spec("tiny"), ArchitectureFamily(prefix="zoo/", find=spec, names=list))
    install(Entry("good", lambda: good, "degan-good"), Entry("late", lambda: Offers(spec("own"), spec(name)), "late"))
    found = load_plugins()
    assert found.architectures.names() == ["alexnet", "alexnet-half", "lenet", "tiny"]
    assert found.architectures.plugin("tiny") == "good"
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert said.startswith("degan: warning: plugin late (late 0.3) is skipped: ")
    assert re.search(f'architecture "{name}" is offered twice, by {first} and by late 0.3 ', said)
    with pytest.raises(PluginError, match="offered twice"):
        load_plugins(raise_errors=True)


def test_what_a_plugin_prints_when_it_is_imported_or_asked_goes_to_stderr(install, capsys):
    class Chatty(Offers):
        @hookimpl
        def degan_datasets(self):
            print("hook")
            return []

    def load():
        print("import")
        return Chatty(spec("tiny"))

    install(Entry("foo", load))
    assert "tiny" in load_plugins().architectures
    assert capsys.readouterr() == ("", "import\nhook\n")


def test_two_built_ins_cannot_share_a_name_either(install, monkeypatch):
    monkeypatch.setitem(sys.modules, "other", Offers(spec("lenet")))
    monkeypatch.setattr(plugins, "BUILT_IN", ("built_in", "other"))
    with pytest.raises(PluginError, match=r'"lenet" is offered twice.*\(built_in\).*\(other\)'):
        load_plugins()


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("alexnte", 'unknown architecture "alexnte"; did you mean "alexnet"?'),
        ("AlexNet_Half", 'unknown architecture "AlexNet_Half"; did you mean "alexnet-half"?'),
        ("xyz", 'unknown architecture "xyz"; known: alexnet, alexnet-half, lenet'),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(install, asked, message):
    with pytest.raises(UnknownName) as error:
        load_plugins().architectures.get(asked)
    assert str(error.value) == message


def test_nothing_registered_is_said(install):
    with pytest.raises(UnknownName, match='unknown GAN "dcgan"; known: none'):
        load_plugins().gans.get("dcgan")


ZOO = ("lion", "tiger", "zebra")


def zoo(find=lambda name: spec(f"zoo/{name}") if name in ZOO else None, names=lambda: ZOO) -> Entry:
    return Entry("zoo", lambda: Offers(ArchitectureFamily(prefix="zoo/", find=find, names=names)), "degan-zoo")


def test_a_family_finds_its_members_and_suggests_among_them(install):
    install(zoo())
    architectures = load_plugins().architectures
    assert architectures.get("zoo/lion").name == "zoo/lion"
    assert architectures.provider("zoo/lion") == "degan-zoo 0.3"
    assert [family.prefix for family in architectures.families] == ["zoo/"]
    with pytest.raises(UnknownName, match='did you mean "zoo/tiger"'):
        architectures.get("zoo/tigr")
    with pytest.raises(UnknownName, match='unknown architecture "zoo/xx"; `degan list architectures zoo/`'):
        architectures.get("zoo/xx")


def test_a_family_is_not_asked_about_other_names(install):
    install(zoo(find=raises(AssertionError()), names=raises(AssertionError())))
    architectures = load_plugins().architectures
    assert architectures.get("lenet").name == "lenet"
    assert architectures.names() == ["alexnet", "alexnet-half", "lenet"]


def test_a_family_that_fails_is_named(install):
    def find(name):
        raise ImportError("No module named 'zoo'")

    install(zoo(find=find))
    with pytest.raises(
        PluginError, match=r'plugin zoo \(degan-zoo 0.3\): looking up "zoo/lion" fails: ImportError: No module'
    ):
        load_plugins().architectures.get("zoo/lion")


def test_a_real_distribution_is_found(install, monkeypatch, tmp_path: Path):
    """The whole path through importlib.metadata, with a package on disk whose import fails."""
    info = tmp_path / "degan_sick-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: degan-sick\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text("[degan]\nsick = degan_sick\n")
    (tmp_path / "degan_sick.py").write_text("def broken(:\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(plugins, "entry_points", importlib.metadata.entry_points)
    importlib.invalidate_caches()
    found = load_plugins()
    sick = next(info for info in found.found if info.name == "sick")
    assert (sick.provider, sick.status) == ("degan-sick 1.2", "broken")
    assert sick.error.startswith("SyntaxError: ")
