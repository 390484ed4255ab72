from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest

from degan_cli import hookimpl
from degan_cli.app import run
from degan_cli.plugins import load as plugins
from degan_cli.specs import ArchitectureFamily, ArchitectureSpec, DatasetSpec, GanSpec, MethodSpec


@dataclass(frozen=True)
class Settings:
    lambda_x: float = field(default=2.5, metadata={"help": "weight of x", "min": 0.0, "max": 9.0})
    norm: str = field(default="l1", metadata={"choices": ("l1", "l2")})


class Offers:
    @hookimpl
    def degan_architectures(self):
        family = ArchitectureFamily(
            prefix="zoo/", find=lambda name: None, names=lambda: ["lion", "zebra"], source="Zoo"
        )
        return [ArchitectureSpec(name="tiny", build=lambda classes, input: None, size=8, source="Tiny, 2020"), family]

    @hookimpl
    def degan_datasets(self):
        return [DatasetSpec(name="pets", load=lambda request: None, description="cats and dogs")]

    @hookimpl
    def degan_gans(self):
        return [GanSpec(name="small", generator=lambda shape: None, discriminator=lambda shape: None, source="Gan")]

    @hookimpl
    def degan_methods(self):
        return [MethodSpec(name="magic", build=lambda parts: None, settings=Settings, source="Magic, 2021")]


class Entry:
    def __init__(self, name: str, load) -> None:
        self.name, self.load, self.dist = name, load, type("Dist", (), {"name": f"degan-{name}", "version": "0.3"})
        self.module = name


def broken():
    raise ImportError("No module named 'x'")


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    """Two plugins, one of them broken, and no built-ins."""
    monkeypatch.setattr(plugins, "BUILT_IN", ())
    monkeypatch.setattr(plugins, "entry_points", lambda group: [Entry("bad", broken), Entry("foo", Offers)])
    monkeypatch.delenv("DEGAN_DISABLE_PLUGINS", raising=False)
    monkeypatch.delenv("DEGAN_RAISE_PLUGIN_ERRORS", raising=False)


def rows(capsys, *arguments: str) -> list[dict[str, object]]:
    assert run(["list", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_json_tells_names_providers_and_sources(capsys):
    provider = {"provider": "degan-foo 0.3"}
    assert rows(capsys, "architectures") == [
        {
            "name": "tiny",
            **provider,
            "source": "Tiny, 2020",
            "channels": [1, 3],
            "size": 8,
            "min_size": 32,
            "family": False,
        },
        {"name": "zoo/", **provider, "source": "Zoo", "family": True},
    ]
    assert rows(capsys, "datasets") == [{"name": "pets", **provider, "description": "cats and dogs", "source": ""}]
    assert rows(capsys, "gans") == [{"name": "small", **provider, "source": "Gan", "min_size": 32}]


def test_methods_document_their_settings(capsys):
    (magic,) = rows(capsys, "methods")
    assert magic["settings"] == [
        {"name": "lambda_x", "type": "float", "default": 2.5, "help": "weight of x", "min": 0.0, "max": 9.0}
        | {"choices": None},
        {"name": "norm", "type": "str", "default": "l1", "help": "", "min": None, "max": None, "choices": ["l1", "l2"]},
    ]
    assert magic["option"] == "--method"
    assert run(["list", "methods"]) == 0
    assert capsys.readouterr().out == (
        "NAME   OPTION    NEEDS  PROVIDER       SOURCE\n"
        "magic  --method  proxy  degan-foo 0.3  Magic, 2021\n"
        "    --set lambda_x=2.5  (float, min 0.0, max 9.0) weight of x\n"
        "    --set norm=l1  (str: l1, l2)\n"
    )


def test_methods_tell_what_they_need(capsys, monkeypatch):
    monkeypatch.setattr(plugins, "BUILT_IN", ("degan_cli.methods",))
    needs = {row["name"]: row["needs"] for row in rows(capsys, "methods")}
    assert needs["degan"] == "proxy"
    assert needs["dafl"] == "nothing"
    assert needs["pre-dfkd"] == "a student"
    assert needs["mosaickd"] == "proxy, a student"
    assert needs["cde"] == "condensed images"
    assert needs["replay"] == "samples"


def test_plugins_show_what_is_broken_and_why(capsys):
    bad, foo = rows(capsys, "plugins")
    assert bad == {
        "name": "bad",
        "distribution": "degan-bad",
        "version": "0.3",
        "status": "broken",
        "error": "ImportError: No module named 'x'",
    }
    assert (foo["name"], foo["status"], foo["error"]) == ("foo", "ok", "")


def test_a_text_narrows_the_list_and_a_prefix_opens_a_family(capsys):
    assert [row["name"] for row in rows(capsys, "architectures", "TIN")] == ["tiny"]
    assert [row["name"] for row in rows(capsys, "architectures", "zoo/")] == ["zoo/lion", "zoo/zebra"]
    assert [row["name"] for row in rows(capsys, "architectures", "zoo/z")] == ["zoo/zebra"]


def test_warnings_go_to_stderr_and_the_table_to_stdout(capsys):
    assert run(["list", "gans"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "NAME   PROVIDER       SOURCE\nsmall  degan-foo 0.3  Gan\n"
    assert captured.err == "degan: warning: plugin bad (degan-bad 0.3) is skipped: ImportError: No module named 'x'\n"


def test_plugins_are_left_out_on_demand(capsys, monkeypatch):
    assert run(["--no-plugins", "list", "gans", "--json"]) == 0
    assert capsys.readouterr() == ("[]\n", "")
    monkeypatch.setenv("DEGAN_DISABLE_PLUGINS", "bad, other")
    assert [row["name"] for row in rows(capsys, "gans")] == ["small"]
    monkeypatch.setenv("DEGAN_DISABLE_PLUGINS", "bad,foo")
    assert [row["status"] for row in rows(capsys, "plugins")] == ["disabled", "disabled"]


def test_plugin_errors_are_raised_on_demand(capsys, monkeypatch):
    monkeypatch.setenv("DEGAN_RAISE_PLUGIN_ERRORS", "1")
    assert run(["list", "gans"]) == 1
    assert "ImportError: No module named 'x'" in capsys.readouterr().err


def test_alone_it_says_how_many_there_are_of_each_kind(capsys):
    counts = {row["kind"]: row["known"] for row in rows(capsys)}
    assert counts == {"architectures": 2, "datasets": 1, "gans": 1, "methods": 1, "plugins": 2}
    assert run(["list"]) == 0
    assert capsys.readouterr().out.splitlines()[:2] == ["KIND           KNOWN", "architectures  2"]
