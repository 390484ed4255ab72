"""``--select`` and ``--balanced`` of ``degan enrich`` and ``degan distill``: what is used, stored and refused."""

from __future__ import annotations

import json

import pytest
import torch
from models_on_disk import write_models

from degan_cli.app import run
from degan_cli.artifact import load_classifier, read_header, save_samples
from degan_cli.images import digest, to_unit
from degan_cli.plugins import load_plugins

ENRICH = ["enrich", "--classifier", "t.safetensors", "--steps", "2", "--width", "2", "--latent", "4"]
DISTILL = ["distill", "--teacher", "t.safetensors", "--student", "lenet-half", "--epochs", "1"]
SHORT = ["--steps-per-epoch", "2", "--held-out", "32"]
ONLINE = ["--method", "degan", "--proxy", "p.safetensors", "--width", "2", "--update-batch", "8"]


@pytest.fixture(autouse=True)
def images(tmp_path, monkeypatch):
    """``p.safetensors``: 300 images for the classifier ``t.safetensors``, without labels."""
    monkeypatch.chdir(tmp_path)
    write_models(tmp_path)
    images = torch.randint(0, 256, (300, 1, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    images = (images * torch.linspace(0, 1, 300).view(-1, 1, 1, 1)).to(torch.uint8)
    save_samples("p.safetensors", images, None, None, ())
    return images


def made(*command: str, name: str = "o.safetensors"):
    assert run([*command, "-o", name, "-q"]) == 0
    return read_header(name)


def most_certain(images, count):
    """By hand: the lowest entropies, in the order of the images."""
    teacher = load_classifier("t.safetensors", load_plugins(enabled=False)).model.eval()
    with torch.no_grad():
        predicted = teacher(to_unit(images)).double().softmax(dim=1)
    entropy = torch.special.entr(predicted).sum(dim=1)
    chosen = sorted(sorted(range(len(images)), key=lambda index: float(entropy[index]))[:count])
    found = predicted[chosen].argmax(dim=1).bincount(minlength=3).tolist()
    return images[chosen], dict(zip(("cat", "a/dog", "never"), found, strict=True))


@pytest.mark.parametrize(
    ("command", "role"),
    [
        ([*ENRICH, "--proxy", "p.safetensors"], "proxy"),
        ([*DISTILL, *SHORT, "--samples", "p.safetensors"], "samples"),
        ([*DISTILL, *SHORT, *ONLINE], "proxy"),
    ],
)
def test_the_images_that_are_used_are_the_parent_and_are_counted(images, command, role):
    chosen, counts = most_certain(images, 100)
    header = made(*command, "--select", "100")
    assert {"role": role, "sha256": digest(chosen)} in header.parents
    assert header.metrics["selected"] == counts
    assert (header.run["select"], header.run["select_balanced"]) == (100, False)
    shares = made(*command, "--select", "60", "--balanced", name="b.safetensors")
    assert shares.run["select_balanced"] is True
    assert sum(shares.metrics["selected"].values()) == 60


def test_without_select_nothing_of_it_is_stored(images):
    header = made(*ENRICH, "--proxy", "p.safetensors")
    assert not {"select", "balanced", "select_balanced"} & header.run.keys()
    assert "selected" not in header.metrics
    # All images are those that are used without it, and so is what is learned from them.
    whole = made(*ENRICH, "--proxy", "p.safetensors", "--select", "300", name="w.safetensors")
    assert whole.parents == header.parents
    assert {key: whole.metrics[key] for key in header.metrics} == header.metrics
    student = made(*DISTILL, *SHORT, "--samples", "p.safetensors", name="s.safetensors")
    assert not {"select", "balanced", "select_balanced"} & student.run.keys()


def test_the_batch_follows_the_images_that_are_used(capsys):
    assert run([*ENRICH, "--proxy", "noise", "--select", "5000", "--dry-run", "--json", "-o", "n.safetensors"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["images"] == {"proxy": [5000, 1, 32, 32]}
    assert shown["run"]["batch_size"] == 200  # a 25th


def test_people_read_what_was_found(images, capsys):
    assert run([*DISTILL, *SHORT, "--samples", "p.safetensors", "--select", "2000", "-o", "o.safetensors"]) == 0
    _, counts = most_certain(images, 300)
    seen = ", ".join(f"{name} ({count})" for name, count in counts.items() if count)
    missing = ", ".join(name for name, count in counts.items() if not count)
    teacher, student, found, *_ = capsys.readouterr().err.splitlines()
    assert teacher.startswith("t.safetensors: lenet, 3 classes, input grey 32x32, mean 0.5, std 0.5")
    assert student == "student: lenet-half, input grey 32x32, mean 0.5, std 0.5"
    assert found == (
        "p.safetensors: all 300 images are kept, for there are fewer than the 2,000 of --select; "
        f"the classifier sees {seen}, and none of {missing}"
    )


def test_of_a_mixture_each_stored_set_is_chosen_from(images, capsys):
    mixture = ["--samples", "g.safetensors@0.5", "--samples", "p.safetensors@0.2", "--samples", "digits@0.3"]
    header = made(*DISTILL, *SHORT, *mixture, "--select", "20")
    assert sum(header.metrics["selected"].values()) == 40
    assert header.parents[2] == {"role": "samples", "sha256": digest(most_certain(images, 20)[0])}


@pytest.mark.parametrize(
    "command",
    [
        [*ENRICH, "--proxy", "p.safetensors", "--select", "50", "--balanced"],
        [*DISTILL, *SHORT, "--samples", "p.safetensors", "--select", "50", "--balanced"],
    ],
)
def test_a_stopped_run_goes_on_to_the_bytes_of_an_unbroken_one(images, tmp_path, command):
    made(*command, name="whole.safetensors")
    slices = 0
    while (code := run([*command, "-o", "parts.safetensors", "-q", "--max-minutes", "0", "--resume"])) == 75:
        slices += 1
    assert (code, slices > 0) == (0, True)
    assert (tmp_path / "parts.safetensors").read_bytes() == (tmp_path / "whole.safetensors").read_bytes()


def test_resume_tells_that_other_images_were_chosen(images, capsys):
    made(*ENRICH, "--proxy", "p.safetensors")
    assert run([*ENRICH, "--proxy", "p.safetensors", "--select", "9", "-o", "o.safetensors", "-q", "--resume"]) == 2
    assert "made with select None, now 9" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ([*ENRICH, "--proxy", "p.safetensors", "--select", "1"], "--select"),
        (
            [*ENRICH, "--proxy", "p.safetensors", "--balanced"],
            "--balanced has no use with --proxy p.safetensors: it is ",
        ),
        ([*ENRICH, "--method", "dafl", "--select", "9"], "--select has no use with --method dafl: it is for images at"),
        (
            [*DISTILL, "--method", "dafl", "--select", "9"],
            "--select has no use with --method dafl: it is for images at",
        ),
        (
            [*DISTILL, "--samples", "digits", "--balanced"],
            "--balanced has no use with --samples digits: it is for --se",
        ),
        (
            [*DISTILL, *SHORT, "--samples", "g.safetensors", "--select", "9"],
            "--select chooses among stored images, but g.safetensors is a generator",
        ),
    ],
)
def test_mistakes_are_one_line(capsys, command, message):
    assert run([*command, "-o", "o.safetensors", "-q"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert message in line
