"""``--init`` of ``degan teacher`` and ``degan distill``: what is taken over, what is new, and what is refused."""

from __future__ import annotations

import pytest
import torch
from models_on_disk import write_models

from degan_cli.app import run
from degan_cli.artifact import load_classifier, read_header, read_start, save_classifier
from degan_cli.errors import UsageError
from degan_cli.models import Classifier
from degan_cli.plugins import load_plugins
from degan_cli.specs import InputSpec

PLUGINS = load_plugins(enabled=False)
LENET = PLUGINS.architectures.get("lenet")
TEACHER = ["teacher", "--arch", "lenet", "--epochs", "1", "--batch-size", "32"]
DISTILL = ["distill", "--teacher", "t.safetensors", "--student", "lenet", "--samples", "digits"]
SHORT = ["--epochs", "1", "--steps-per-epoch", "2", "--held-out", "32"]
STILL = ["--lr", "0"]
"""With this rate the weights after training are those before it."""


@pytest.fixture(autouse=True)
def _models(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_models(tmp_path)


def weights(path: str) -> dict[str, torch.Tensor]:
    return load_classifier(path, PLUGINS).model.network.state_dict()


def equal_names(one: str, other: str) -> set[str]:
    mine, theirs = weights(one), weights(other)
    return {key for key in mine if mine[key].shape == theirs[key].shape and torch.equal(mine[key], theirs[key])}


def head_of(path: str) -> set[str]:
    return {key for key in weights(path) if key.startswith(list(weights(path))[-1].rpartition(".")[0])}


def test_a_teacher_of_other_classes_takes_the_backbone_and_has_a_new_head(capsys):
    command = [*TEACHER, *STILL, "--dataset", "digits:0,1", "--init", "t.safetensors", "-o", "n.safetensors"]
    assert run(command) == 0
    said = capsys.readouterr().err
    assert (
        "--init t.safetensors: the weights of its backbone; the head is new, for the classes are 2 instead of 3" in said
    )
    assert equal_names("n.safetensors", "t.safetensors") == weights("t.safetensors").keys() - head_of("t.safetensors")
    init = {"role": "init", "sha256": load_classifier("t.safetensors", PLUGINS).sha256}
    header = read_header("n.safetensors")
    assert [parent["role"] for parent in header.parents] == ["data", "init"]
    assert header.parents[1] == init
    assert header.run["init"] == "t.safetensors"


def test_as_many_other_classes_have_a_new_head_too(capsys):
    command = [*TEACHER, *STILL, "--dataset", "digits:0,1,2", "--init", "t.safetensors", "-o", "n.safetensors"]
    assert run(command) == 0
    assert "the head is new, for the classes are others" in capsys.readouterr().err
    assert equal_names("n.safetensors", "t.safetensors") == weights("t.safetensors").keys() - head_of("t.safetensors")


def test_a_student_of_the_same_classes_takes_all(capsys):
    assert run([*DISTILL, *SHORT, *STILL, "--init", "t.safetensors", "-o", "s.safetensors"]) == 0
    assert "--init t.safetensors: all of its weights, for its 3 classes" in capsys.readouterr().err
    assert equal_names("s.safetensors", "t.safetensors") == weights("t.safetensors").keys()
    assert [parent["role"] for parent in read_header("s.safetensors").parents] == ["teacher", "samples", "init"]


def test_a_student_of_a_method_begins_there_too(capsys):
    online = ["distill", "--teacher", "t.safetensors", "--student", "lenet", "--method", "dcgan", "--proxy", "digits"]
    small = ["--epochs", "1", "--steps-per-epoch", "1", "--held-out", "32", "--width", "8", "--update-batch", "8"]
    assert run([*online, *small, *STILL, "--init", "t.safetensors", "-o", "s.safetensors"]) == 0
    assert equal_names("s.safetensors", "t.safetensors") == weights("t.safetensors").keys()


def test_without_it_a_run_stores_nothing_of_it():
    assert run([*TEACHER, "--dataset", "digits:0,1", "-o", "n.safetensors", "-q"]) == 0
    assert "init" not in read_header("n.safetensors").run


@pytest.mark.parametrize(
    "command",
    [[*TEACHER, "--dataset", "digits:0,1"], [*DISTILL, *SHORT]],
    ids=["teacher", "distill"],
)
def test_a_stopped_run_goes_on_to_the_bytes_of_an_unbroken_one(tmp_path, command):
    command = [*command, "--init", "t.safetensors", "-q", "-o"]
    assert run([*command, "whole.safetensors"]) == 0
    slices = 0
    while (code := run([*command, "parts.safetensors", "--max-minutes", "0", "--resume"])) == 75:
        slices += 1
    assert (code, slices > 1) == (0, True)
    assert (tmp_path / "parts.safetensors").read_bytes() == (tmp_path / "whole.safetensors").read_bytes()


def test_the_statistics_are_those_that_the_weights_have_learned_with():
    own = InputSpec(channels=1, height=32, width=32, mean=(0.2,), std=(0.3,))
    save_classifier("n.safetensors", Classifier(LENET.build(2, own), "lenet", ("a", "b"), own), provider="")
    start = read_start("n.safetensors", LENET)
    taken = start.statistics_for(LENET.input_for(1, 28, 28))
    assert (taken.shape, taken.mean, taken.std) == ((1, 32, 32), (0.2,), (0.3,))
    colour = LENET.input_for(3, 32, 32)
    assert start.statistics_for(colour) == colour
    with pytest.raises(UsageError, match=r"does not fit lenet for images of 3x32x32: 1 of wrong shape .* channels and"):
        start.put_into(Classifier.untrained(LENET, ("a", "b"), colour), LENET)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (
            ["--arch", "lenet-half", "--init", "t.safetensors"],
            2,
            '--init t.safetensors: holds the architecture "lenet", but the network here is "lenet-half"; take that one',
        ),
        (["--init", "g.safetensors"], 3, "g.safetensors: holds a generator, and a classifier is needed here"),
        (["--init", "gone.safetensors"], 3, "gone.safetensors"),
    ],
)
def test_mistakes_are_one_line(capsys, arguments, code, message):
    assert run([*TEACHER, "--dataset", "digits:0,1", "-q", "-o", "n.safetensors", *arguments]) == code
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
