"""Photographs in archives and folders: broken ones are counted, and the fit follows the classifier."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from models_on_disk import write_models
from picture_files import BROKEN, png, write, write_tar, write_zip
from PIL import Image

from degan_cli.app import run
from degan_cli.artifact import load_images, read_header, save_generator
from degan_cli.models import Generator
from degan_cli.plugins import load_plugins
from degan_cli.specs import GanShape, InputSpec

WIDE = {f"{name}/{index}.png": png(20 * index + len(name), (40, 20)) for name in ("cat", "a_dog") for index in range(6)}
BROKEN_ONES = {"cat/7.png": BROKEN, "a_dog/8.png": b""}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEGAN_CACHE_DIR", str(tmp_path / "cache"))
    write_models(tmp_path)
    return tmp_path


@pytest.fixture
def result(capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    def call(*arguments: str, code: int = 0) -> Any:
        capsys.readouterr()
        assert run([*arguments, "-q", "--json"]) == code
        printed = capsys.readouterr()
        return json.loads(printed.out) if code == 0 else printed.err

    return call


def test_every_kind_of_file_gives_what_its_folder_gives(here: Path, result: Any) -> None:
    write(here / "set", WIDE)
    write_zip(here / "set.zip", WIDE)
    write_tar(here / "set-0.tar", dict(list(WIDE.items())[:6]))
    write_tar(here / "set-1.tar", dict(list(WIDE.items())[6:]))
    rows = [f"set/{name},{name.partition('/')[0]}\n" for name in WIDE]
    (here / "set.csv").write_text("path,label\n" + "".join(rows))
    found = [
        result("eval", "t.safetensors", "--dataset", dataset)
        for dataset in ("set", "set.zip", "set-{0..1}.tar", "set.csv")
    ]
    numbers = [(one["images"], one["accuracy"], one["class_counts"], round(one["entropy"], 6)) for one in found]
    assert len({str(number) for number in numbers}) == 1
    assert numbers[0][0] == 12
    assert "skipped_images" not in found[0]
    assert result("eval", "t.safetensors", "--dataset", "set.zip:cat")["images"] == 6
    assert "class of set.zip" in result("eval", "t.safetensors", "--dataset", "set.zip:bird", code=2)


def test_broken_files_are_refused_or_counted_in_the_json(here: Path, result: Any) -> None:
    write_zip(here / "set.zip", WIDE | BROKEN_ONES)
    command = ["eval", "t.safetensors", "--dataset", "set.zip"]
    said = result(*command, code=3)
    assert "2 of 14 images broken: set.zip/cat/7.png: no image that can be read" in said
    assert "or leave them out with --skip-broken 0.2" in said
    assert said.count("\n") == 1
    found = result(*command, "--skip-broken", "0.2")
    assert (found["images"], found["skipped_images"]) == (12, {"set.zip": 2})
    enrich = ["enrich", "--classifier", "t.safetensors", "--proxy", "set.zip", "--steps", "1", "--batch-size", "4"]
    small = ["--width", "2", "--latent", "4", "--skip-broken", "0.2", "-o", "h.safetensors"]
    assert result(*enrich, *small)["skipped_images"] == {"set.zip": 2}
    assert read_header("h.safetensors").run["skip_broken"] == 0.2
    planned = result(*enrich, *small[:-1], "i.safetensors", "--dry-run")
    assert (planned["skipped_images"], planned["images"]) == ({"set.zip": 2}, {"proxy": [12, 1, 32, 32]})


def test_the_fit_is_stored_and_those_who_come_after_do_the_same(here: Path, result: Any) -> None:
    """A wide picture with a dark middle: a crop is dark, a pad is dark above and below, a squash is neither."""
    picture = torch.full((20, 40), 255, dtype=torch.uint8)
    picture[:, 10:30] = 40
    for name in ("cat", "a_dog"):
        (here / "set" / name).mkdir(parents=True)
        for index in range(6):
            Image.fromarray(picture.numpy()).save(here / "set" / name / f"{index}.png")
    teacher = ["teacher", "--dataset", "set", "--image-size", "32", "--arch", "lenet", "--epochs", "1", "--fit", "pad"]
    result(*teacher, "-o", "p.safetensors")
    assert read_header("p.safetensors").run["fit"] == "pad"
    confidence = {
        fit: result("eval", "p.safetensors", "--dataset", "set", *(["--fit", fit] if fit else []))["confidence"]
        for fit in ("", "pad", "crop", "squash")
    }
    assert confidence[""] == confidence["pad"]
    assert len({round(value, 9) for value in confidence.values()}) == 3
    enrich = ["enrich", "--classifier", "p.safetensors", "--proxy", "set", "--steps", "1", "--batch-size", "4"]
    result(*enrich, "--width", "2", "-o", "h.safetensors")
    assert read_header("h.safetensors").run["fit"] == "pad"
    learn = ["distill", "--teacher", "p.safetensors", "--student", "lenet-half", "--samples", "set", "--epochs", "1"]
    result(*learn, "--steps-per-epoch", "1", "--batch-size", "4", "--fit", "crop", "-o", "c.safetensors")
    assert read_header("c.safetensors").run["fit"] == "crop"  # said, and so not the teacher's


def test_a_teacher_of_photographs_sees_random_resized_crops(here: Path, result: Any) -> None:
    write(here / "set", WIDE)
    command = ["teacher", "--dataset", "set", "--image-size", "32", "--arch", "lenet", "--epochs", "1"]
    result(*command, "--augment", "resized-crop-flip", "-o", "z.safetensors")
    assert read_header("z.safetensors").run["augment"] == "resized-crop-flip"


def test_a_dry_run_times_two_real_steps_and_keeps_nothing(here: Path, result: Any) -> None:
    write(here / "set", WIDE)
    before = sorted(here.rglob("*"))
    teacher = ["teacher", "--dataset", "set", "--image-size", "32", "--arch", "lenet", "--epochs", "3"]
    distill = ["distill", "--teacher", "t.safetensors", "--student", "lenet-half", "--samples", "set"]
    enrich = ["enrich", "--classifier", "t.safetensors", "--proxy", "set", "--width", "2", "--steps", "40"]
    new = write_zip(here.parent / "new.zip", {f"{k}/{i}.png": png(9 * i) for k in ("x", "y") for i in range(4)})
    learn = ["incremental", "--classifier", "t.safetensors", "--new-data", str(new), "--strategy", "finetune"]
    condense = ["condense", "--dataset", "set", "--image-size", "32", "--per-class", "1", "--steps", "50"]
    # Adam's two stages of three epochs; two stages of 5000 epochs of 256 steps; 250 epochs of one step.
    steps = [(teacher, 6), (distill, 2 * 5000 * 256), (enrich, 40), (learn, 250), (condense, 50)]
    for command, number in steps:
        timing = result(*command, "--dry-run")["timing"]
        assert timing["steps"] == number
        assert timing["seconds_per_step"] > 0
        beside = timing["start_seconds"] + timing["looks"] * timing["look_seconds"]
        assert timing["seconds"] == pytest.approx(
            beside + number * timing["seconds_per_step"], rel=0.01, abs=0.2 + 0.0001 * number + 0.001 * timing["looks"]
        )
        looks = {"distill": 2 * 5000, "enrich": 20}
        assert timing["looks"] == looks.get(command[0], 0)
        assert 2**25 < timing["peak_memory_bytes"]["host"] < 2**35
    assert sorted(here.rglob("*")) == before


def test_one_large_sample_is_made_without_its_companions(here: Path, result: Any, monkeypatch: Any) -> None:
    """Of a generator of 128 pixels a batch has 32 images instead of 256."""
    made: list[int] = []
    shape = GanShape(channels=3, size=128, latent=4, width=2)
    generator = Generator(load_plugins(enabled=False).gans.get("dcgan").generator(shape), "dcgan", shape)
    input = InputSpec(channels=3, height=128, width=128, mean=(0.5,) * 3, std=(0.5,) * 3)
    save_generator(here / "large.safetensors", generator, ("x",), input, provider="degan-cli 0.1.0", run={}, parents=[])
    real = Generator.forward
    monkeypatch.setattr(Generator, "forward", lambda self, z: made.append(len(z)) or real(self, z))
    result("sample", "large.safetensors", "-n", "1", "-o", "one.safetensors")
    assert made == [32]
    assert load_images("one.safetensors")[0].images.shape == (1, 3, 128, 128)
