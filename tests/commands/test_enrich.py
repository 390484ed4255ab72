"""``degan enrich`` in this process: generators and images, their files, messages, going on, and mistakes."""

from __future__ import annotations

import json

import pytest
import torch
from models_on_disk import write_models
from PIL import Image
from safetensors.torch import save_file

from degan_cli.app import run
from degan_cli.artifact import load_classifier, load_generator, load_images, read_header, save_samples
from degan_cli.datasets.resolve import open_images
from degan_cli.images import digest
from degan_cli.jobs import tune as tuning
from degan_cli.loops import tune
from degan_cli.plugins import load_plugins

ENRICH = ["enrich", "--classifier", "t.safetensors"]
SMALL = ["--width", "2", "--latent", "4", "--batch-size", "8"]
TINY_GAN = ["--proxy", "digits", "--steps", "2", "--recipe", "paper", *SMALL]
IMAGES = ["--method", "zskd", "-n", "10", "--steps", "2", "--batch-size", "4"]
SHARED = {"arch", "batch_size", "classifier", "compiled", "device", "lr", "method", "num_classes", "precision", "seed"}
GENERATOR_KEYS = SHARED | {"ema", "gan", "graphs", "latent", "proxy", "settings", "size", "steps", "width"}
IMAGES_KEYS = SHARED | {"number", "settings", "steps"}


@pytest.fixture(autouse=True)
def models(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DEGAN_DATA_DIR", raising=False)
    write_models(tmp_path)
    return tmp_path


def pack(count, side):
    """``p.safetensors``: images without labels."""
    images = torch.randint(0, 256, (count, 1, side, side), dtype=torch.uint8)
    save_samples("p.safetensors", images, None, None, ())
    return images


def result_of(capsys, *arguments):
    capsys.readouterr()
    assert run([*ENRICH, *arguments, "-q", "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_generator_knows_its_classes_its_settings_and_its_parents(models, capsys):
    result = result_of(capsys, *TINY_GAN, "--lambda-e", "2", "-o", "h.safetensors")
    plugins = load_plugins(enabled=False)
    generator, header = load_generator("h.safetensors", plugins).model, read_header("h.safetensors")
    assert (result["artifact"], result["kind"]) == ("h.safetensors", "generator")
    assert result["sha256"] == load_generator("h.safetensors", plugins).sha256
    assert (header.kind, header.class_names) == ("generator", ("cat", "a/dog", "never"))
    assert header.gan == {"name": "dcgan", "channels": 1, "size": 32, "latent": 4, "width": 2}
    assert generator(torch.randn(3, 4)).shape == (3, 1, 32, 32)
    assert header.provider.startswith("degan-cli ")
    assert header.run.keys() == GENERATOR_KEYS
    assert header.run["settings"] == {"lambda_e": 2.0, "lambda_d": 5.0, "bn_weight": 0.0}
    expected = {"method": "degan", "gan": "dcgan", "steps": 2, "batch_size": 8, "lr": 2e-4, "size": 32, "ema": 0.0}
    assert expected.items() <= header.run.items()
    classifier, proxy = header.parents
    assert classifier == {"role": "classifier", "sha256": load_classifier("t.safetensors", plugins).sha256}
    assert proxy["role"] == "proxy"
    assert header.metrics == result["metrics"]
    assert result["metrics"]["updates"] == 2
    assert {path.name for path in (models / "h.run").iterdir()} == {".lock", "metrics.jsonl", "samples.png"}
    with Image.open(models / "h.run" / "samples.png") as picture:
        assert picture.width > 32


def test_images_that_need_no_change_are_the_parent_as_they_are(models, capsys):
    images = pack(30, 32)
    result_of(capsys, "--proxy", "p.safetensors", "--steps", "1", *SMALL, "-o", "h.safetensors")
    assert read_header("h.safetensors").parents[1] == {"role": "proxy", "sha256": digest(images)}


def test_a_generator_without_a_proxy_is_named_after_classifier_and_method(capsys):
    assert run([*ENRICH, "--method", "dafl", "--steps", "2", "--batch-size", "8", "--width", "4", "-q"]) == 0
    assert capsys.readouterr().out.strip() == "t-dafl.safetensors"
    header = read_header("t-dafl.safetensors")
    assert header.gan["name"] == "dafl"
    assert header.run.keys() == GENERATOR_KEYS
    assert header.run["proxy"] is None
    assert [parent["role"] for parent in header.parents] == ["classifier"]


def test_impressions_are_stored_with_soft_labels_and_a_student_learns_from_them(capsys):
    result = result_of(capsys, *IMAGES, "-o", "z.safetensors")
    assert result["kind"] == "samples"
    images, soft_labels, header, sha256 = load_images("z.safetensors")
    assert result["sha256"] == sha256
    assert images.images.shape == (10, 1, 32, 32)
    assert soft_labels is not None
    assert torch.allclose(soft_labels.sum(dim=1), torch.ones(10))
    assert torch.equal(images.labels, soft_labels.argmax(dim=1))
    assert header.run.keys() == IMAGES_KEYS
    assert header.run["settings"] == {"temperature": 20.0}
    assert sum(header.metrics["class_counts"].values()) == 10
    assert header.metrics["updates"] == 6  # three batches of two steps
    student = ["--student", "lenet-half", "--epochs", "1", "--steps-per-epoch", "2", "--batch-size", "8"]
    learn = ["distill", "--teacher", "t.safetensors", *student, "--held-out", "8", "--samples", "z.safetensors", "-q"]
    assert run([*learn, "-o", "s.safetensors"]) == 0
    assert read_header("s.safetensors").parents[1] == {"role": "samples", "sha256": digest(images.images)}


@pytest.mark.parametrize(
    ("arguments", "summary", "advice"),
    [
        (TINY_GAN, "samples, mean confidence", "--samples h.safetensors"),
        (IMAGES, "in 10 images, mean confidence", "--samples h.safetensors --augment strong"),
    ],
    ids=["generator", "images"],
)
def test_people_read_what_came_out_where_to_look_and_what_comes_next(capsys, arguments, summary, advice):
    assert run([*ENRICH, *arguments, "-o", "h.safetensors"]) == 0
    captured = capsys.readouterr()
    metrics = read_header("h.safetensors").metrics
    assert captured.out == "h.safetensors\n"
    *_, said, next_command = captured.err.splitlines()
    found = sum(map(bool, metrics["class_counts"].values()))
    assert said.startswith(f"{found} of 3 classes in ")
    assert summary in said
    assert said.endswith(f"mean confidence {metrics['confidence']:.2f}; look at h.run/samples.png")
    assert next_command == f"next: degan distill --teacher t.safetensors --student lenet-half {advice}"


def test_a_plain_state_dict_can_be_enriched_and_its_samples_named(models, capsys):
    plugins = load_plugins(enabled=False)
    save_file(
        load_classifier(models / "t.safetensors", plugins).model.network.state_dict(), models / "plain.safetensors"
    )
    assert run(["enrich", "--classifier", "plain.safetensors", *TINY_GAN, "-q"]) == 2
    assert "--arch NAME --num-classes K" in capsys.readouterr().err
    plain = ["--classifier", "plain.safetensors", "--arch", "lenet", "--num-classes", "3"]
    assert run(["enrich", *plain, *TINY_GAN, "-q", "-o", "h.safetensors"]) == 0
    capsys.readouterr()
    assert run(["sample", "h.safetensors", "-n", "4", "-o", "h", "--json"]) == 0  # finds the classifier by itself
    assert set(json.loads(capsys.readouterr().out)["metrics"]["class_counts"]) == {"0", "1", "2"}


def test_passes_over_the_proxy_become_steps(capsys):
    count = len(open_images("digits:0", "train", plugins=load_plugins(enabled=False), data_dir=".").images)
    per_pass = round(count / 100)
    command = ["--proxy", "digits:0", "--epochs", "3", "--width", "2", "--batch-size", "100"]
    assert result_of(capsys, *command, "-o", "h.safetensors")["metrics"]["updates"] == 3 * per_pass
    stored = read_header("h.safetensors").run
    assert stored["steps"] == 3 * per_pass
    assert "epochs" not in stored


def test_the_batch_is_a_25th_of_the_proxy_but_64_at_least(capsys):
    for count, batch in ((2000, 80), (1000, 64)):
        pack(count, 4)
        assert run([*ENRICH, "--proxy", "p.safetensors", "--dry-run", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["run"]["batch_size"] == batch


@pytest.mark.parametrize("arguments", [TINY_GAN, IMAGES], ids=["generator", "images"])
def test_a_stopped_run_goes_on_to_the_bytes_of_an_unbroken_one(models, capsys, arguments):
    command = [*ENRICH, *arguments, "-q", "-o"]
    assert run([*command, "whole.safetensors"]) == 0
    assert run([*command, "parts.safetensors", "--max-minutes", "0"]) == 75
    assert not (models / "parts.safetensors").exists()
    assert "go on with the same command and --resume" in capsys.readouterr().err
    assert run([*command, "parts.safetensors"]) == 2
    assert "parts.run holds a stopped run" in capsys.readouterr().err
    assert run([*command, "parts.safetensors", "--resume"]) == 0
    assert (models / "parts.safetensors").read_bytes() == (models / "whole.safetensors").read_bytes()
    assert not (models / "parts.run" / "checkpoint.safetensors").exists()


def test_resume_takes_the_finished_file_if_the_settings_are_its_own(models, capsys):
    first = result_of(capsys, *TINY_GAN, "-o", "h.safetensors")
    again = result_of(capsys, *TINY_GAN, "-o", "h.safetensors", "--resume")
    assert (again["reused"], again["sha256"], again["metrics"]) == (True, first["sha256"], first["metrics"])
    assert run([*ENRICH, *TINY_GAN, "-o", "h.safetensors", "-q", "--resume", "--lambda-d", "2"]) == 2
    assert "h.safetensors: made with settings {'bn_weight': 0.0, 'lambda_d': 5.0" in capsys.readouterr().err
    assert run([*ENRICH, *TINY_GAN, "-o", "h.safetensors", "-q"]) == 2
    assert "h.safetensors exists already" in capsys.readouterr().err


def test_a_dry_run_writes_nothing(models, capsys):
    before = sorted(models.iterdir())
    torch.manual_seed(0)
    assert run([*ENRICH, "--proxy", "digits", "--recipe", "paper", "--dry-run", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["run"]["steps"] == 5000
    assert shown["run"]["batch_size"] == 64
    assert shown["run"].keys() == GENERATOR_KEYS
    assert shown["parameters"]["generator"] == 3_573_824 - 2 * 64  # one channel instead of three
    assert shown["images"] == {"proxy": [1442, 1, 32, 32]}
    assert (shown["artifact"], shown["run_folder"]) == ("t-degan-digits.safetensors", "t-degan-digits.run")
    assert run([*ENRICH, "--method", "zskd", "--dry-run", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["run"].keys() == IMAGES_KEYS
    assert (shown["run"]["number"], shown["parameters"].keys()) == (40_000, {"classifier"})
    assert run([*ENRICH, "--proxy", "digits", "--tune", "--dry-run", "--json"]) == 0
    assert sorted(models.iterdir()) == before


def test_tuning_leaves_its_short_runs_in_the_run_folder(models, capsys, monkeypatch):
    monkeypatch.setattr(tune, "LAMBDA_E", (0.0, 2.0))
    monkeypatch.setattr(tune, "LAMBDA_D", (1.0,))
    monkeypatch.setattr(tuning, "LEAST_TUNE_STEPS", 2)
    assert run([*ENRICH, *TINY_GAN, "--tune", "-o", "h.safetensors"]) == 0
    said = capsys.readouterr().err.splitlines()
    short = [line for line in said if line.startswith("$ degan enrich ")]
    assert len(short) == 2
    assert all("--recipe paper" in line for line in short)  # the whole run's, not that of their own size
    scores = [line for line in said if line.startswith("--lambda-e ")]
    assert [line.partition(":")[0] for line in scores] == ["--lambda-e 0 --lambda-d 1", "--lambda-e 2 --lambda-d 1"]
    header = read_header("h.safetensors")
    chosen = header.run["settings"]
    assert f"chosen: --lambda-e {chosen['lambda_e']:g} --lambda-d {chosen['lambda_d']:g}" in said
    rows = header.metrics["tried_weights"]
    best = max(rows, key=lambda row: row["score"])
    assert (chosen["lambda_e"], chosen["lambda_d"]) == (best["lambda_e"], best["lambda_d"])
    assert header.run.keys() == GENERATOR_KEYS
    made = sorted(path.name for path in (models / "h.run" / "tune").iterdir())
    assert made == ["0-1.run", "0-1.safetensors", "2-1.run", "2-1.safetensors"]
    assert read_header(models / "h.run" / "tune" / "2-1.safetensors").run["steps"] == 2


SMALL_RUN = ["--proxy", "digits", "--steps", "20", *SMALL]


def test_a_small_run_takes_the_recipe_for_few_images_and_says_so(capsys):
    assert run([*ENRICH, *SMALL_RUN, "-o", "h.safetensors"]) == 0
    assert "--recipe few, for 1,442 proxy images are fewer than 5,000" in capsys.readouterr().err.splitlines()
    stored = read_header("h.safetensors").run
    assert stored.keys() == GENERATOR_KEYS | {"d_augment"}
    assert (stored["lr"], stored["ema"], stored["d_augment"]) == (1e-3, 0.5, "color-translation-cutout")
    assert stored["settings"] == {"lambda_e": 1.0, "lambda_d": 10.0, "bn_weight": 0.0}


def test_a_run_without_augmentation_is_stored_as_before_there_was_any(capsys):
    result_of(capsys, *SMALL_RUN, "--d-augment", "none", "-o", "h.safetensors")
    assert read_header("h.safetensors").run.keys() == GENERATOR_KEYS


def test_a_stopped_small_run_goes_on_to_the_bytes_of_an_unbroken_one(models):
    command = [*ENRICH, *SMALL_RUN, "-q", "-o"]
    assert run([*command, "whole.safetensors"]) == 0
    assert run([*command, "parts.safetensors", "--max-minutes", "0"]) == 75
    assert run([*command, "parts.safetensors", "--resume"]) == 0
    assert (models / "parts.safetensors").read_bytes() == (models / "whole.safetensors").read_bytes()


def test_a_written_file_holds_the_recipe_that_the_size_decides(models, capsys):
    assert run([*ENRICH, *SMALL_RUN, "--write-config"]) == 0
    text = capsys.readouterr().out
    assert 'recipe = "few"' in text
    (models / "c.toml").write_text(text)
    result_of(capsys, *SMALL_RUN, "-o", "h.safetensors")
    assert run(["enrich", "--config", "c.toml", "-q", "-o", "again.safetensors"]) == 0
    assert (models / "again.safetensors").read_bytes() == (models / "h.safetensors").read_bytes()


def test_samples_are_counted_in_classes_and_warned_of_once(capsys):
    metrics = result_of(capsys, *TINY_GAN, "-o", "h.safetensors")["metrics"]
    assert metrics["classes_seen"] <= 2  # the classifier never says the third
    assert 1 <= metrics["effective_classes"] <= 2
    assert run([*ENRICH, *TINY_GAN, "-q", "-o", "i.safetensors"]) == 0
    (warning,) = capsys.readouterr().err.splitlines()
    assert warning.startswith("degan: warning: ")
    assert "; try --recipe few; class counts: " in warning


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "--method degan learns from images at hand; name them with --proxy"),
        ([*TINY_GAN, "--epochs", "3"], 2, "--steps has no use with --epochs 3: it is for runs whose length --epochs"),
        (["--method", "dafl", "--proxy", "digits"], 2, "--proxy has no use with --method dafl: it is for methods that"),
        (["--method", "dafl", "--epochs", "2"], 2, "--epochs has no use with --method dafl"),
        (["--method", "dafl", "-n", "5"], 2, "--number has no use with --method dafl: it is for methods that optimise"),
        (["--method", "zskd", "--gan", "dcgan"], 2, "--gan has no use with --method zskd: it is for methods that tra"),
        (["--method", "zskd", "--cuda-graphs"], 2, "--cuda-graphs has no use with --method zskd"),
        (["--method", "zskd", "--latent", "9"], 2, "--latent has no use with --method zskd"),
        (["--method", "dcgan", "--proxy", "digits", "--lambda-e", "2"], 2, "--lambda-e has no use with --method dcgan"),
        (["--proxy", "digits", "--method", "dcgan", "--tune"], 2, "--tune has no use with --method dcgan"),
        (["--proxy", "digits", "--tune", "--lambda-d", "3"], 2, "--tune chooses both weights; leave --lambda-d out"),
        (
            ["--proxy", "digits", "--tune", "--set", "lambda_e=3"],
            2,
            "--tune chooses both weights; leave --lambda-e out",
        ),
        (["--proxy", "digits", "--lambda-d", "3", "--set", "lambda_d=4"], 2, "lambda_d is given twice"),
        (["--proxy", "digits", "--set", "lamda_d=3"], 2, 'has no setting "lamda_d"; did you mean "lambda_d"?'),
        (["--proxy", "digits", "--set", "lambda_d"], 2, "--set lambda_d: write it as NAME=VALUE"),
        (["--proxy", "digits", "--batch-size", "1"], 2, "--batch-size 1 is not at least 2"),
        (["--proxy", "digits", "--batch-size", "0"], 2, "--batch-size 0: leave it out"),
        (["--method", "zskd", "--batch-size", "0"], 2, "--batch-size 0"),
        (["--method", "pre-dfkd"], 2, "makes samples while a student learns; use degan distill --method pre-dfkd"),
        (["--method", "cde"], 2, "use degan distill --method cde"),
        (["--method", "degann", "--proxy", "digits"], 2, 'unknown method "degann"; did you mean "degan"?'),
        (["--gan", "dcgn", "--proxy", "digits"], 2, 'unknown GAN "dcgn"; did you mean "dcgan"?'),
        (["--method", "deepinversion"], 2, "has no BatchNorm layers"),
        (["--proxy", "gone.safetensors"], 3, "gone.safetensors: no such file or folder"),
        (["--proxy", "digits", "--classifier", "g.safetensors"], 3, "g.safetensors: holds a generator"),
        (["--proxy", "digits", "--classifier", "gone.safetensors"], 3, "gone.safetensors: no such file"),
        ([*TINY_GAN, "--lr", "1e30", "--steps", "30"], 5, "--lr"),
    ],
)
def test_mistakes_are_one_line(models, capsys, arguments, code, message):
    before = sorted(path.name for path in models.glob("*.safetensors"))
    assert run([*ENRICH, *arguments, "-q"]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    errors = [line for line in captured.err.splitlines() if line.startswith("degan: error: ")]
    assert len(errors) == len(captured.err.splitlines()) == 1
    assert message in errors[0]
    assert sorted(path.name for path in models.glob("*.safetensors")) == before
