"""The line that says what comes next is quoted, and takes along what the next command needs of this one."""

from __future__ import annotations

from pathlib import Path

from degan_cli.config import DistillSettings, EnrichSettings, EvaluateSettings, TeacherSettings
from degan_cli.plugins import load_plugins
from degan_cli.runs.next_command import next_command, smaller


def test_data_device_and_what_was_said_of_a_foreign_classifier_are_taken_along():
    before = DistillSettings(
        teacher="my t", student="s", arch="lenet", class_names="a b,c", mean=(0.5, 0.25), data_dir="d", epochs=3
    )
    line = next_command("eval", EvaluateSettings, before, model=Path("s.safetensors"), classifier=before.teacher)
    assert line == (
        "degan eval s.safetensors --classifier 'my t' --arch lenet --mean 0.5,0.25 --class-names 'a b,c' --data-dir d"
    )
    without = next_command("eval", EvaluateSettings, before, model=Path("s.safetensors"))
    assert without == "degan eval s.safetensors --data-dir d"


def test_how_images_are_read_is_taken_along():
    before = TeacherSettings(dataset="d", architecture="lenet", skip_broken=0.1, fit="pad")
    line = next_command("eval", EvaluateSettings, before, model=Path("s"), dataset="d")
    assert line == "degan eval s --dataset d --fit pad --skip-broken 0.1"


def test_the_size_of_a_teachers_images_is_in_its_file():
    before = TeacherSettings(dataset="d", architecture="lenet", image_size=64, device="cpu")
    line = next_command("enrich", EnrichSettings, before, classifier=Path("t"), proxy="photos")
    assert line == "degan enrich --classifier t --proxy photos --device cpu"


def test_nothing_comes_after_stdin():
    assert next_command("eval", EvaluateSettings, None, model=Path("s"), classifier=Path("-")) == ""


def test_a_student_is_the_half_of_a_network_that_has_one():
    plugins = load_plugins(enabled=False)
    assert (smaller("lenet", plugins), smaller("resnet18", plugins)) == ("lenet-half", "resnet18")
