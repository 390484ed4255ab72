from __future__ import annotations

import json
from pathlib import Path

import pytest

from degan_cli.artifact import Header
from degan_cli.specs import InputSpec

INPUT = InputSpec(channels=1, height=8, width=8, mean=(0.5,), std=(0.25,))
HEADER = Header(
    kind="classifier",
    class_names=("cat", "dög"),
    input=INPUT,
    architecture="tiny",
    provider="degan-foo 0.3",
    run={"seed": 0, "settings": {"lambda_d": 5.0}},
    metrics={"accuracy": 0.5},
    parents=[{"role": "teacher", "sha256": "0" * 64}],
    versions={"torch": "2"},
)


def test_a_header_survives_its_text():
    assert Header.from_text(HEADER.to_text()) == HEADER
    generator = Header(
        kind="generator", class_names=("a",), gan={"name": "g", "channels": 1, "size": 8, "latent": 4, "width": 2}
    )
    assert Header.from_text(generator.to_text()).gan == generator.gan


def test_keys_are_sorted_and_those_of_other_kinds_left_out():
    value = json.loads(HEADER.to_text())
    assert list(value) == sorted(value)
    assert value["version"] == 1
    assert not {"gan", "name", "split"} & value.keys()


def test_what_json_lacks_is_replaced():
    header = Header(kind="samples", class_names=(), run={"path": Path("a") / "b", "pair": (1, float("nan"))})
    assert json.loads(header.to_text())["run"] == {"path": str(Path("a") / "b"), "pair": [1, None]}


def test_keys_of_later_versions_of_the_tool_are_ignored():
    assert Header.from_json(HEADER.to_json() | {"colour": "red"}) == HEADER


def without(key: str) -> dict[str, object]:
    return {name: value for name, value in HEADER.to_json().items() if name != key}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", 'the "degan" header is not JSON'),
        ("[" * 100_000, "is not JSON"),
        ("[]", "is not an object"),
        (json.dumps(without("version")), "has no version"),
        (json.dumps(HEADER.to_json() | {"version": True}), "has no version"),
        (json.dumps(HEADER.to_json() | {"version": 2}), "has format 2, this degan reads up to 1; upgrade degan-cli"),
        (json.dumps(HEADER.to_json() | {"kind": "checkpoint"}), "has kind 'checkpoint', not one of classifier, gen"),
        (json.dumps(without("class_names")), "lacks class_names"),
        (json.dumps(HEADER.to_json() | {"class_names": ["a", 1]}), "lacks class_names"),
        (json.dumps(HEADER.to_json() | {"class_names": ["a", "a"]}), "has a class name twice"),
        (json.dumps(HEADER.to_json() | {"run": []}), "has run of the wrong type"),
        (json.dumps(HEADER.to_json() | {"provider": None}), "has provider of the wrong type"),
        (json.dumps(HEADER.to_json() | {"input": {}}), "has a wrong input"),
        (json.dumps(HEADER.to_json() | {"input": INPUT.to_json() | {"std": [0]}}), "greater than 0"),
        (json.dumps(HEADER.to_json() | {"input": INPUT.to_json() | {"width": 10**9}}), "larger than 4096"),
        (HEADER.to_text().replace('"width": 8', '"width": 1e999'), "has a wrong input"),
        (json.dumps(HEADER.to_json() | {"gan": {"name": "g"}}), "has GAN channels None, not a number"),
        (json.dumps(HEADER.to_json() | {"gan": []}), "names no GAN"),
    ],
)
def test_a_wrong_header_is_refused_saying_what_is_wrong(text: str, message: str):
    with pytest.raises(ValueError, match="; ") as error:
        Header.from_text(text)
    assert message in str(error.value)
