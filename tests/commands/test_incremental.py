"""``degan incremental`` in this process: mistakes in one line, and digits learned in two and three parts."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from models_on_disk import write_models
from PIL import Image
from safetensors.torch import save_file

from degan_cli.app import run
from degan_cli.artifact import load_classifier, load_generator, read_header, save_classifier, save_dataset
from degan_cli.config.methods import AbdSettings
from degan_cli.datasets.digits import load_digits
from degan_cli.models import Classifier
from degan_cli.plugins import load_plugins
from degan_cli.specs import ImageSet, InputSpec

BASE = "base.safetensors"
TEACH = ["incremental", "--classifier", BASE, "--new-data", "digits:4-6"]
SHORT = ["--epochs", "1", "-q"]
TINY_GAN = [f"--set=enrich.{pair}" for pair in ("steps=4", "width=2", "batch_size=16", "latent=4")]
TINY_GAN += ["--impressions", "8"]
RUN_KEYS = {
    *("arch", "augment", "batch_size", "classifier", "compiled", "device", "epochs", "lr", "milestones", "new_data"),
    *("num_classes", "optimiser", "outputs", "precision", "samples", "seed", "settings", "strategy", "weight_decay"),
}


def labels_of(split: str, first: int = 0, last: int = 9) -> list[int]:
    """Those of the bundled digits that are in a range of classes."""
    labels = load_digits(split).labels
    assert labels is not None
    return [label for label in labels.tolist() if first <= label <= last]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LeNet for the digits 0 to 3, trained a little with SGD and crops."""
    path = tmp_path_factory.mktemp("base") / BASE
    recipe = ["--optimiser", "sgd", "--lr", "0.02", "--augment", "crop", "--held-out", "0", "--batch-size", "32"]
    teacher = ["teacher", "--dataset", "digits:0-3", "--arch", "lenet", *recipe, "--epochs", "4"]
    assert run([*teacher, "-o", str(path), "-q"]) == 0
    return path


@pytest.fixture
def here(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Path:
    """A working folder with the classifier in it."""
    shutil.copy(base, tmp_path)
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    return tmp_path


Outcome = tuple[dict[str, Any], str]


@pytest.fixture
def teach(here: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run ``degan incremental`` with ``--json``; what it printed as an object, and what it said on stderr."""

    def go(*arguments: str, command: list[str] = TEACH) -> Outcome:
        code = run([*command, *arguments, "--json"])
        captured = capsys.readouterr()
        assert code == 0, captured.err
        return json.loads(captured.out), captured.err

    return go


def the_error(capsys: pytest.CaptureFixture[str]) -> str:
    """The one line on stderr beside warnings of a hardly trained classifier's samples, with nothing on stdout."""
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = [line for line in captured.err.splitlines() if "useless as they are" not in line]
    assert line.startswith("degan: error: ")
    return line


def files(folder: Path) -> dict[str, str]:
    """All files below a folder, each with the SHA-256 of its content."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def write_pack(path: str, labels: list[int] | None, names: tuple[str, ...], channels: int = 1) -> None:
    images = torch.zeros(2 if labels is None else len(labels), channels, 8, 8, dtype=torch.uint8)
    tensor = None if labels is None else torch.tensor(labels)
    save_dataset(path, ImageSet(images=images, labels=tensor, class_names=names), "p", "train")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--strategy", "replay"], 'strategy "replay" needs samples of the old classes: name them with --samples, or'),
        (["--strategy", "finetune", "--samples", "digits"], 'strategy "finetune" uses no samples; leave --samples out'),
        (["--strategy", "fixed", "--enrich"], 'strategy "fixed" uses no samples; leave --enrich out'),
        (["--samples", "digits", "--enrich"], "--samples and --enrich both say where the samples come from"),
        (["--strategy", "finetun"], 'unknown strategy "finetun"; did you mean "finetune"?'),
        (["--strategy", "degan"], 'unknown strategy "degan"'),
        (["--samples", "digits", "--milestones", "5,3"], "--milestones 5,3: write rising epochs, such as 100,150,200"),
        (
            ["--samples", "digits", "--milestones", "soon"],
            "--milestones: 'soon' is not whole numbers, such as 0,1,2",
        ),
        (
            ["--strategy", "replay", "--samples", "digits", "--set", "scaling=x"],
            "scaling 'x' is none of: full-width, tie, weight-align, logits, none",
        ),
        (["--samples", "digits", "--set", "lambda_x=1"], '"abd" has no setting "lambda_x"; did you mean "lambda_'),
        (["--samples", "digits", "--set", "lambda_kd=-1"], "--set lambda_kd -1.0 is not at least 0"),
        (["--strategy", "finetune", "--set", "lambda_kd=1"], 'strategy "finetune" has no setting "lambda_kd"; it has '),
        (["--samples", "digits@0"], "the weight '0' is no number greater than 0"),
        (["--strategy", "finetune", "--augment", "rotate"], "--augment"),
        (["--strategy", "finetune", "--epochs", "0"], "--epochs"),
        (["--enrich", "--set", "enrich.method=nonsense"], 'unknown method "nonsense"'),
    ],
)
def test_wrong_usage_ends_with_2_and_says_what_is_wrong(here, capsys, arguments, message):
    assert run([*TEACH, *SHORT, *arguments]) == 2
    assert message in capsys.readouterr().err.splitlines()[0]
    assert list(files(here)) == [BASE]


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ("enrich.steps=many", "--set enrich.steps=many: 'many' is not a whole number"),
        ("enrich.steps=0", "steps 0 is not at least 1"),
        ("enrich.stepz=4", 'method "degan" has no setting "stepz"'),
        ("enrich.number=4", "--number has no use with --method degan: it is for methods that optimise the images"),
        ("enrich.steps", "--set enrich.steps: write it as NAME=VALUE"),
    ],
)
def test_settings_of_the_generator_that_make_no_sense_are_wrong_usage(here, capsys, pair, message):
    assert run([*TEACH, *SHORT, "--enrich", "--set", pair]) == 2
    assert message in the_error(capsys)
    assert list(files(here)) == [BASE]


def test_wrong_milestones_are_said_before_a_generator_is_trained(here, capsys):
    assert run([*TEACH, *SHORT, "--enrich", *TINY_GAN, "--milestones", "3,2"]) == 2
    assert "--milestones 3,2" in the_error(capsys)
    assert list(files(here)) == [BASE]


def test_settings_of_a_generator_without_enrich_are_refused(here, capsys):
    assert run([*TEACH, *SHORT, "--strategy", "finetune", *TINY_GAN]) == 2
    assert "--enrich" in the_error(capsys)


def test_weight_decay_is_refused_where_adam_would_ignore_it(here, capsys):
    assert run([*TEACH, *SHORT, "--strategy", "finetune", "--optimiser", "adam", "--weight-decay", "0.1"]) == 2
    assert "--weight-decay" in the_error(capsys)


@pytest.mark.parametrize(
    ("new_data", "message"),
    [
        ("digits:3-6", "digits:3-6: base.safetensors knows 3 already; choose others (digits:NAME,...)"),
        ("digits", "digits: base.safetensors knows 0, 1, 2, 3 already"),
        ("one.safetensors", "one.safetensors: 1 image; new classes need at least 2"),
        ("loose", "loose: no labels, but new classes need them; sort the images into one folder per class"),
        ("unlabelled.safetensors", "unlabelled.safetensors: no labels, but new classes need them"),
        ("gap.safetensors", "gap.safetensors: no image of owl, elk; each new class needs some"),
        ("gone.safetensors", "gone.safetensors: no such file or folder"),
    ],
)
def test_new_data_that_cannot_be_taught_end_with_3(here, capsys, new_data, message):
    write_pack("one.safetensors", [0], ("cat",))
    write_pack("unlabelled.safetensors", None, ())
    write_pack("gap.safetensors", [0, 2, 0], ("cat", "owl", "dog", "elk"))
    (here / "loose").mkdir()
    for name in ("a.png", "b.png"):
        Image.new("L", (8, 8)).save(here / "loose" / name)
    command = ["incremental", "--classifier", BASE, "--new-data", new_data, "--strategy", "finetune", *SHORT]
    before = files(here)
    assert run(command) == 3
    assert message in the_error(capsys)
    assert files(here) == before


def test_names_that_differ_in_case_only_are_known_already(here, capsys):
    write_models(here)  # of cat, a/dog and never
    write_pack("new.safetensors", [0, 1], ("Cat", "owl"))
    command = ["incremental", "--classifier", "t.safetensors", "--new-data", "new.safetensors"]
    assert run([*command, "--strategy", "finetune", *SHORT]) == 3
    assert "new.safetensors: t.safetensors knows Cat already" in the_error(capsys)


def test_a_classifier_of_four_channels_is_refused(here, capsys):
    plugins = load_plugins(enabled=False)
    input = InputSpec(channels=4, height=32, width=32, mean=(0.5,) * 4, std=(0.5,) * 4)
    network = plugins.architectures.get("lenet").build(2, input)
    save_classifier("four.safetensors", Classifier(network, "lenet", ("a", "b"), input), provider="degan-cli 0.1.0")
    command = ["incremental", "--classifier", "four.safetensors", "--new-data", "digits:4-6"]
    assert run([*command, "--strategy", "finetune", *SHORT]) == 3
    assert "digits:4-6: images have 1 or 3 channels, and cannot be fitted to a classifier of 4" in the_error(capsys)


@pytest.mark.parametrize(
    ("channels", "optimiser", "strategy"),
    [(1, "sgd", "abd"), (3, "adam", "abd"), (3, None, "abd"), (3, "sgd", "r-dfcil")],
)
def test_the_strategy_follows_the_classifier_where_none_is_named(here, capsys, channels, optimiser, strategy):
    input = InputSpec(channels=channels, height=32, width=32, mean=(0.5,) * channels, std=(0.5,) * channels)
    network = load_plugins(enabled=False).architectures.get("lenet").build(2, input)
    old, trained = (
        Classifier(network, "lenet", ("a", "b"), input),
        {} if optimiser is None else {"optimiser": optimiser},
    )
    save_classifier("c.safetensors", old, provider="degan-cli 0.1.0", run=trained)
    command = ["incremental", "--classifier", "c.safetensors", "--new-data", "digits:4-6", "--samples", "noise"]
    by_sgd = "abd" if channels == 1 else "r-dfcil"
    for said, used in ((), strategy), (("--strategy", "replay"), "replay"), (("--optimiser", "sgd"), by_sgd):
        assert run([*command, *said, "--write-config"]) == 0
        assert f'strategy = "{used}"' in capsys.readouterr().out
    assert run([*command, "-q", "--epochs", "1", "-o", "u.safetensors"]) == 0
    assert load_classifier(Path("u.safetensors"), load_plugins(enabled=False)).header.run["strategy"] == strategy


def test_samples_made_for_another_classifier_are_warned_of(here, capsys):
    teacher, _ = write_models(here)
    assert run([*TEACH, *SHORT, "--samples", "g.safetensors"]) == 0
    made_for = f"samples were made for another classifier (sha256 {teacher[:12]}) than {BASE}"
    assert f"degan: warning: g.safetensors: its {made_for}" in capsys.readouterr().err


def test_a_teacher_of_sgd_records_its_recipe_and_the_last_epoch(base):
    header = read_header(base)
    recipe = {"optimiser": "sgd", "augment": "crop", "held_out": 0.0, "weight_decay": 2e-4, "milestones": [2, 3]}
    assert {name: header.run[name] for name in recipe} == recipe
    assert header.metrics["best_epoch"] == header.metrics["epochs"] == 4
    assert header.metrics["updates"] == 4 * 18  # 577 images of 0 to 3, in batches of 32
    assert "held_out_accuracy" not in header.metrics
    assert header.metrics["test_accuracy"] > 0.4


def test_new_classes_are_appended_and_the_parents_recorded(here, teach):
    result, _ = teach(*SHORT, "--samples", "digits:0-3", "-o", "more.safetensors")
    header = read_header(here / "more.safetensors")
    assert header.class_names == ("0", "1", "2", "3", "4", "5", "6")
    assert header.architecture == "lenet"
    assert [parent["role"] for parent in header.parents] == ["classifier", "new data", "samples", "test data"]
    assert header.parents[0]["sha256"] == files(here)[BASE]
    assert (header.run["classifier"], header.run["new_data"]) == (BASE, "digits:4-6")
    assert header.run["samples"] == ["digits:0-3"]
    assert header.run.keys() == RUN_KEYS
    assert header.run["settings"] == asdict(AbdSettings())
    assert (result["artifact"], result["kind"]) == ("more.safetensors", "classifier")
    assert result["sha256"] == files(here)["more.safetensors"]
    assert header.metrics == result["metrics"]
    assert not (here / "more.run" / "checkpoint.safetensors").exists()


def test_the_metrics_are_those_of_eval_on_the_same_images(here, teach, capsys):
    metrics = teach(*SHORT, "--strategy", "finetune", "--test-data", "digits", "-o", "m.safetensors")[0]["metrics"]
    measured = {}
    extended = "m.safetensors"
    asked = (("old", extended, "0-3"), ("new", extended, "4-6"), ("all", extended, "0-6"), ("was", BASE, "0-3"))
    for name, classifier, classes in asked:
        assert run(["eval", classifier, "--dataset", f"digits:{classes}", "--json"]) == 0
        measured[name] = json.loads(capsys.readouterr().out)["metrics"]["accuracy"]
    assert metrics["accuracy_old"] == pytest.approx(measured["old"])
    assert metrics["accuracy_new"] == pytest.approx(measured["new"])
    assert metrics["accuracy_all"] == pytest.approx(measured["all"])
    assert metrics["old_classifier_accuracy"] == pytest.approx(measured["was"])
    assert metrics["forgetting"] == pytest.approx(measured["was"] - measured["old"])
    assert metrics["left_out"] == {name: len(labels_of("test", int(name), int(name))) for name in "789"}
    assert metrics["test_images_old"] + metrics["test_images_new"] + sum(metrics["left_out"].values()) == 355
    assert metrics["updates"] == round(len(labels_of("train", 4, 6)) / 128)
    assert "old_agreement" not in metrics


def test_outputs_are_recorded_and_the_next_increment_goes_on_with_them(here, teach):
    outputs = {}
    for strategy in ("finetune", "lwf-mc", "lwf"):
        teach(*SHORT, "--strategy", strategy, "-o", f"{strategy}.safetensors")
        outputs[strategy] = read_header(here / f"{strategy}.safetensors").run["outputs"]
    assert outputs == {"finetune": "softmax", "lwf-mc": "sigmoid", "lwf": "softmax"}
    command = ["incremental", "--classifier", "lwf-mc.safetensors", "--new-data", "digits:7-9", "--dry-run"]
    for strategy, expected in (("finetune", "sigmoid"), ("fixed", "sigmoid"), ("lwf", "softmax")):
        assert teach("--strategy", strategy, command=command)[0]["run"]["outputs"] == expected


def test_a_drop_of_another_factor_than_10_is_stored_and_one_of_10_is_not(here, teach):
    stored = {}
    for name, own in (("icarl", []), ("tenth", ["--drop-factor", "10", "--milestones", "1"])):
        command = [*SHORT, "--strategy", "lwf-mc", *own, "-o", f"{name}.safetensors"]
        teach(*command)
        stored[name] = read_header(here / f"{name}.safetensors").run
        assert teach(*command, "--resume")[0]["reused"] is True
    assert stored["icarl"].keys() == RUN_KEYS | {"drop_factor"}
    assert stored["icarl"]["drop_factor"] == 5.0
    assert stored["tenth"].keys() == RUN_KEYS
    # The classifier was trained with SGD, so that the whole recipe of the strategy is used.
    assert {run["lr"] for run in stored.values()} == {0.02}
    assert {run["weight_decay"] for run in stored.values()} == {2e-3}


def test_a_second_increment_learns_with_the_outputs_of_the_first(here, teach):
    """With sigmoids an epoch's loss is a sum over ten classes, far above what a softmax can give at first."""
    first: dict[str, float] = {}
    for strategy in ("finetune", "lwf-mc"):
        teach(*SHORT, "--strategy", strategy, "--lr", "0", "-o", f"{strategy}.safetensors")
        command = ["incremental", "--classifier", f"{strategy}.safetensors", "--new-data", "digits:7-9"]
        teach(*SHORT, "--strategy", "finetune", "--lr", "0", "-o", f"{strategy}-2.safetensors", command=command)
        row = (here / f"{strategy}-2.run" / "metrics.jsonl").read_text().splitlines()[0]
        first[strategy] = json.loads(row)["label_loss"]
    assert first["lwf-mc"] > 1.5 * first["finetune"]


def test_fixed_leaves_the_old_outputs_in_the_file_as_they_were(here, teach):
    teach(*SHORT, "--strategy", "fixed", "-o", "f.safetensors")
    plugins = load_plugins(enabled=False)
    old, extended = (load_classifier(here / name, plugins).model for name in (BASE, "f.safetensors"))
    for key, value in old.network.state_dict().items():
        after = extended.network.state_dict()[key]
        assert torch.equal(after[:4] if key.startswith("fc3") else after, value), key


def test_enrich_leaves_what_it_makes_in_the_run_folder(here, teach):
    result, said = teach("--epochs", "1", "--enrich", *TINY_GAN, "-o", "e.safetensors")
    line, beside = [line for line in said.splitlines() if line.startswith("$ degan enrich ")]
    assert line.startswith("$ degan enrich --classifier base.safetensors --proxy digits:4-6 ")
    assert beside.startswith("$ degan enrich --classifier base.safetensors --method zskd ")
    assert "--steps 300 --number 8 " in beside
    assert "--steps 4 " in line
    generator = here / "e.run" / "generator.safetensors"
    made = read_header(generator)
    assert (made.kind, made.class_names) == ("generator", ("0", "1", "2", "3"))
    assert [made.run[name] for name in ("steps", "width", "batch_size", "latent")] == [4, 2, 16, 4]
    assert (made.run["proxy"], made.run["classifier"]) == ("digits:4-6", BASE)
    assert (here / "e.run" / "generator.run" / "samples.png").is_file()
    impressions = read_header(here / "e.run" / "impressions.safetensors")
    assert (impressions.run["method"], impressions.run["number"], impressions.run["steps"]) == ("zskd", 8, 300)
    header = read_header(here / "e.safetensors")
    paths = [f"e.run/{name}.safetensors" for name in ("generator", "impressions")]
    assert header.run["samples"] == paths
    generator, impressions = (parent for parent in header.parents if parent["role"] == "samples")
    assert generator["sha256"] == files(here)[paths[0]]
    assert impressions["sha256"] not in files(here).values()  # of the images, not of their file
    assert {"old_agreement", "samples_taken_for_new"} <= result["metrics"].keys()

    # The same files named by --samples give the same classifier, and they were made for this one.
    named, said = teach(*SHORT, *(f"--samples={path}" for path in paths), "-o", "s.safetensors")
    assert "made for another classifier" not in said
    assert named["metrics"] == result["metrics"]
    plugins = load_plugins(enabled=False)
    both = (load_classifier(here / name, plugins).model for name in ("e.safetensors", "s.safetensors"))
    made, again = (model.state_dict() for model in both)
    assert all(torch.equal(value, again[key]) for key, value in made.items())


def test_impressions_can_be_left_out_and_belong_to_enrich(here, teach, capsys):
    teach(*SHORT, "--enrich", *TINY_GAN, "--impressions", "0", "-o", "e.safetensors")
    assert read_header(here / "e.safetensors").run["samples"] == ["e.run/generator.safetensors"]
    assert not (here / "e.run" / "impressions.safetensors").exists()
    assert run([*TEACH, *SHORT, "--samples", "digits:0-3", "--impressions", "8"]) == 2
    assert "--impressions has no use with --samples digits:0-3: it is for --enrich" in the_error(capsys)


def test_quiet_holds_for_the_generator_too(teach):
    _, said = teach(*SHORT, "--enrich", *TINY_GAN, "-o", "e.safetensors")
    assert [line for line in said.splitlines() if "warning" not in line] == []


def test_a_plain_state_dict_and_a_named_architecture_can_be_enriched(here, teach):
    plugins = load_plugins(enabled=False)
    save_file(load_classifier(here / BASE, plugins).model.network.state_dict(), here / "plain.safetensors")
    enrich = (*SHORT, "--enrich", *TINY_GAN)
    command = ["incremental", "--classifier", "plain.safetensors", "--new-data", "digits:4-6", "--num-classes", "4"]
    teach("--arch", "lenet", *enrich, "-o", "p.safetensors", command=command)
    header = read_header(here / "p.safetensors")
    assert header.class_names == ("0", "1", "2", "3", "4", "5", "6")
    assert (header.run["arch"], header.run["optimiser"], header.run["augment"]) == ("lenet", "adam", "none")
    # An artifact says the number itself.
    teach("--arch", "lenet", *enrich, "-o", "q.safetensors")
    assert read_header(here / "q.run" / "generator.safetensors").run["arch"] == "lenet"


def test_a_second_increment_goes_on_from_the_first(here, teach):
    teach(*SHORT, "--samples", "digits:0-3", "-o", "seven.safetensors")
    second = ["incremental", "--classifier", "seven.safetensors", "--new-data", "digits:7-9", "--test-data", "digits"]
    result, _ = teach(*SHORT, "--samples", "digits:0-6", "-o", "ten.safetensors", command=second)
    header = read_header(here / "ten.safetensors")
    assert header.class_names == tuple("0123456789")
    assert (header.run["optimiser"], header.run["augment"]) == ("sgd", "crop")  # of the first classifier
    assert header.parents[0]["sha256"] == files(here)["seven.safetensors"]
    assert result["metrics"]["left_out"] == {}
    assert result["metrics"]["test_images_old"] == len(labels_of("test", 0, 6))
    assert result["metrics"]["test_images_new"] == len(labels_of("test", 7, 9))


def test_a_dry_run_writes_nothing_and_says_what_would_run(here, teach):
    before = files(here)
    shown, _ = teach("--enrich", "--dry-run")
    assert files(here) == before
    assert [path.name for path in here.iterdir()] == [BASE]
    assert shown["dry_run"] is True
    assert shown["artifact"] == "base-abd-digits-4-6.safetensors"
    assert shown["parameters"] == {"old": 61706 - 6 * 85, "extended": 61706 - 3 * 85}  # lenet for 10 classes
    assert shown["images"] == {"new": [len(labels_of("train", 4, 6)), 1, 32, 32]}


@pytest.mark.parametrize(
    ("classifier", "arguments", "expected"),
    [
        (BASE, [], {"optimiser": "sgd", "augment": "crop", "lr": 0.1, "weight_decay": 2e-4, "batch_size": 128}),
        (BASE, ["--optimiser", "adam"], {"optimiser": "adam", "augment": "crop", "lr": 1e-3, "weight_decay": 0.0}),
        (BASE, ["--augment", "none", "--lr", "0", "--weight-decay", "0"], {"augment": "none", "lr": 0.0}),
        (BASE, ["--epochs", "50"], {"epochs": 50, "milestones": [20, 30, 40]}),
        (BASE, ["--milestones", "7,9"], {"epochs": 250, "milestones": [7, 9]}),
        (BASE, ["--milestones", ""], {"milestones": []}),
        ("t.safetensors", [], {"optimiser": "adam", "augment": "none", "lr": 1e-3, "weight_decay": 0.0}),
        ("t.safetensors", ["--optimiser", "sgd"], {"optimiser": "sgd", "lr": 0.1, "weight_decay": 2e-4}),
    ],
)
def test_defaults_are_those_of_the_classifiers_own_run(here, teach, classifier, arguments, expected):
    write_models(here)
    command = ["incremental", "--classifier", classifier, "--new-data", "digits:4-6", "--strategy", "lwf"]
    shown, _ = teach("--dry-run", *arguments, command=command)
    assert {name: shown["run"][name] for name in expected} == expected


def test_resume_takes_a_complete_result_as_it_is(here, teach, capsys):
    arguments = (*SHORT, "--enrich", *TINY_GAN, "-o", "e.safetensors")
    first, _ = teach(*arguments)
    before = files(here)
    again, _ = teach(*arguments, "--resume")
    assert again.pop("reused") is True
    assert files(here) == before
    assert {key: again[key] for key in ("sha256", "metrics")} == {key: first[key] for key in ("sha256", "metrics")}
    assert run([*TEACH, *arguments]) == 2
    assert "e.safetensors exists already" in the_error(capsys)
    other = [*TEACH, *SHORT, "--strategy", "lwf", "-o", "e.safetensors", "--resume"]
    assert run(other) == 2
    both = "['e.run/generator.safetensors', 'e.run/impressions.safetensors']"
    assert f"e.safetensors: made with samples {both}, now []" in the_error(capsys)


def test_a_stopped_run_is_taken_up_and_ends_as_an_unbroken_one(here, teach, capsys):
    arguments = ("--epochs", "3", "--samples", "digits:0-3", "-q")
    whole, _ = teach(*arguments, "-o", "whole.safetensors")
    assert run([*TEACH, *arguments, "-o", "part.safetensors", "--max-minutes", "0"]) == 75
    assert "--max-minutes is over" in the_error(capsys)
    assert (here / "part.run" / "checkpoint.safetensors").exists()
    assert not (here / "part.safetensors").exists()
    assert run([*TEACH, *arguments, "-o", "part.safetensors"]) == 2
    assert "part.run holds a stopped run; go on with --resume" in the_error(capsys)
    resumed, _ = teach(*arguments, "-o", "part.safetensors", "--resume")
    assert (resumed["sha256"], resumed["metrics"]) == (whole["sha256"], whole["metrics"])


def test_a_run_that_stops_in_its_generator_is_taken_up_there(here, teach, capsys):
    arguments = ("--epochs", "1", "-q", "--enrich", *TINY_GAN)
    whole, _ = teach(*arguments, "-o", "whole.safetensors")
    assert run([*TEACH, *arguments, "-o", "part.safetensors", "--max-minutes", "0"]) == 75
    assert "--max-minutes is over" in capsys.readouterr().err
    assert run([*TEACH, *arguments, "-o", "part.safetensors"]) == 2
    assert "part.run holds a stopped run; go on with --resume" in the_error(capsys)
    assert (here / "part.run" / "generator.run" / "checkpoint.safetensors").exists()
    assert not (here / "part.run" / "generator.safetensors").exists()
    resumed, _ = teach(*arguments, "-o", "part.safetensors", "--resume")
    assert resumed["metrics"] == whole["metrics"]
    plugins = load_plugins(enabled=False)
    for name in ("generator", "classifier"):
        paths = [here / f"{run}.safetensors" for run in ("whole", "part")]
        if name == "generator":
            paths = [path.with_suffix(".run") / "generator.safetensors" for path in paths]
        load = load_generator if name == "generator" else load_classifier
        left, right = (load(path, plugins).model.state_dict() for path in paths)
        assert all(torch.equal(value, right[key]) for key, value in left.items()), name


@pytest.mark.parametrize("strategy", ["replay", "abd", "r-dfcil"])
def test_new_images_cannot_be_samples_of_the_old_classes_too(here, capsys, strategy):
    samples = ["--strategy", strategy, "--samples", "digits:0-3@2", "--samples", "digits:4-6"]
    assert run([*TEACH, *SHORT, *samples]) == 2
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert "--samples digits:4-6 are the new images themselves" in line
    assert f'strategy "{strategy}"' in line
    assert "take --strategy replay --set scaling=tie --set strong=0" in line
    if strategy == "replay":
        assert run([*TEACH, *SHORT, *samples, "--set", "scaling=tie", "--dry-run"]) == 0


def test_the_summary_tells_what_was_forgotten(teach):
    arguments = ("--strategy", "replay", "--samples", "digits:0-3", "--test-data", "digits", "-o", "a.safetensors")
    result, said = teach("--epochs", "1", *arguments)
    metrics = result["metrics"]
    (line,) = [line for line in said.splitlines() if "old + " in line]
    accuracies = [f"{word} {metrics[f'accuracy_{word}']:.2%}" for word in ("old", "new", "all")]
    assert line.startswith(f"4 old + 3 new classes; test accuracy: {', '.join(accuracies)}; forgetting ")
    assert f"forgetting {100 * metrics['forgetting']:.2f} points of {metrics['old_classifier_accuracy']:.2%}" in line
    assert f"{metrics['confusion']['old_as_new']:.1%} of old images taken for new classes" in line
    lost = sorted(metrics["forgetting_by_class"].items(), key=lambda item: -item[1])  # JSON has its keys in order
    assert lost[2][1] > 0
    assert f"(most: {', '.join(f'{name} {100 * points:.0f}' for name, points in lost[:3])})" in line
    assert line.endswith(f"{len(labels_of('test', 7, 9)):,} test images of classes that it lacks are left out: 7, 8, 9")
    assert "unknown" not in line


def test_without_old_test_images_the_summary_says_that_forgetting_is_unknown(teach):
    result, said = teach("--epochs", "1", "--samples", "digits:0-3", "-o", "a.safetensors")
    metrics = result["metrics"]
    assert (metrics["forgetting"], metrics["accuracy_old"], metrics["accuracy_all"]) == (None, None, None)
    assert metrics["test_images_new"] == len(labels_of("test", 4, 6))
    (line,) = [line for line in said.splitlines() if "old + " in line]
    assert f"test accuracy: new {metrics['accuracy_new']:.2%}; what was forgotten is unknown without test" in line
    assert "(--test-data)" in line
    assert f"on samples it agrees with the old classifier on {metrics['old_agreement']:.1%}" in line


def test_without_any_test_images_the_summary_says_so(here, teach):
    for name in ("a", "b"):
        (here / "few" / name).mkdir(parents=True)
        for level in range(3):
            Image.new("L", (8, 8), 80 * level).save(here / "few" / name / f"{level}.png")
    command = ["incremental", "--classifier", BASE, "--new-data", "few", "--strategy", "finetune"]
    result, said = teach("--epochs", "1", command=command)
    assert result["metrics"]["accuracy_new"] is None
    assert "4 old + 2 new classes; test accuracy: unknown, there are no test images; what was forgotten is unk" in said
    assert read_header(here / "base-finetune-few.safetensors").class_names == ("0", "1", "2", "3", "a", "b")


def test_a_rate_that_is_too_large_ends_with_5_and_leaves_no_classifier(here, capsys):
    assert run([*TEACH, *SHORT, "--strategy", "finetune", "--lr", "1e30", "-o", "d.safetensors"]) == 5
    assert "after epoch 1, step 2 of 3; try a smaller --lr" in the_error(capsys)
    assert not (here / "d.safetensors").exists()
