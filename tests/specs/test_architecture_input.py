"""What an architecture says of its images is obeyed where data are fitted to it."""

from __future__ import annotations

import json

import pytest
from torch import nn

from degan_cli.config import DistillSettings, TeacherSettings
from degan_cli.jobs import Session, distill, teacher
from degan_cli.plugins import load_plugins
from degan_cli.specs import ArchitectureSpec


def build(num_classes, input):
    assert (input.channels, input.height, input.width) == (3, 20, 20)
    return nn.Sequential(nn.AvgPool2d(4), nn.Flatten(), nn.Linear(75, num_classes))


COLOUR = ArchitectureSpec(name="colour", build=build, channels=(3,), size=20)


@pytest.mark.parametrize(
    ("said", "data", "input"),
    [
        ({}, (1, 28, 28), (1, 32, 32)),
        ({}, (3, 64, 48), (3, 64, 48)),
        ({"channels": (3,)}, (1, 64, 64), (3, 64, 64)),
        ({"channels": (1,)}, (3, 64, 64), (1, 64, 64)),
        ({"min_size": 48}, (1, 64, 40), (1, 64, 48)),
        ({"size": 20}, (1, 64, 40), (1, 20, 20)),  # exact, also where it is less than the default of min_size
    ],
)
def test_the_input_is_what_the_architecture_takes(said, data, input):
    found = ArchitectureSpec(name="mine", build=build, **said).input_for(*data)
    assert found.shape == input
    assert len(found.mean) == len(found.std) == input[0]


@pytest.mark.parametrize("channels", [(), (2,), (1, 4)])
def test_channels_that_no_images_have_are_refused(channels):
    with pytest.raises(ValueError, match=r'architecture "mine": channels are \(1,\), \(3,\) or \(1, 3\), not'):
        ArchitectureSpec(name="mine", build=build, channels=channels)


def test_grey_digits_become_colour_for_a_teacher_and_its_student(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    session = Session(plugins=load_plugins(enabled=False), quiet=True)
    session.plugins.architectures.add(COLOUR, "degan-foo 0.3", "foo")
    short = {"epochs": 2, "batch_size": 32, "lr": 0.02}
    made = teacher(
        TeacherSettings(dataset="digits:0,1", architecture="colour", output="t.safetensors", **short), session
    )
    assert made.metrics["test_accuracy"] > 0.5
    teacher(TeacherSettings(dataset="digits:0,1", architecture="lenet", output="l.safetensors", **short), session)
    student = DistillSettings(
        teacher="l.safetensors",
        student="colour",
        samples=("digits",),
        output="s.safetensors",
        steps_per_epoch=2,
        **short,
    )
    distill(student, session)  # the student's builder refuses any other shape than colour of 20 pixels


def test_the_list_says_what_an_architecture_takes(capsys):
    from degan_cli.app import run

    assert run(["list", "architectures", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["lenet"]["channels"] == [1, 3]
    assert rows["lenet"]["size"] == 32
