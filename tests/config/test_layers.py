"""Where a value comes from: of several sources the last counts, and every setting says which one it was."""

from __future__ import annotations

import json
import shutil

import pytest
from resolving import REQUIRED, resolve

from degan_cli.app import run
from degan_cli.config import (
    CondenseSettings,
    DistillSettings,
    EnrichSettings,
    EvaluateSettings,
    IncrementalSettings,
    Layer,
    TeacherSettings,
)
from degan_cli.errors import UsageError
from degan_cli.specs import MethodSpec, StudentRecipe

ORDER = ("default", "file", "environment", "option")


def test_the_last_of_several_layers_wins():
    layers = [
        Layer("file", {"dataset": "d", "architecture": "a", "seed": 1, "lr": 0.1, "epochs": 3}),
        Layer("environment", {"lr": 0.2, "epochs": 4}),
        Layer("option", {"epochs": 5}),
    ]
    settings = TeacherSettings.read(*layers)
    assert (settings.seed, settings.lr, settings.epochs, settings.batch_size) == (1, 0.2, 5, 64)
    origins = settings.origins
    assert [origins[name] for name in ("batch_size", "seed", "lr", "epochs")] == list(ORDER)
    assert settings.given == {"dataset", "architecture", "seed", "lr", "epochs"}


def test_a_value_that_is_given_beats_every_layer_below_it_even_when_it_equals_the_default():
    settings = TeacherSettings(dataset="d", architecture="a", lr=1e-3, optimiser="sgd")
    resolved = settings.resolved()
    assert resolved.lr == 1e-3
    assert resolved.origins["lr"] == "given"


def test_what_is_filled_counts_as_not_given_and_the_last_filling_wins():
    settings = TeacherSettings(dataset="d", architecture="a", epochs=7)
    filled = settings.filled(Layer("one", {"lr": 0.1, "epochs": 1}), Layer("two", {"lr": 0.2, "seed": 5}))
    assert (filled.lr, filled.epochs, filled.seed) == (0.2, 7, 5)
    assert filled.given == settings.given == {"dataset", "architecture", "epochs"}
    assert {name: filled.origins[name] for name in ("lr", "epochs", "seed")} == {
        "lr": "two",
        "epochs": "given",
        "seed": "two",
    }
    assert filled.filled(Layer("three", {"lr": 0.3})).lr == 0.3
    assert (settings.lr, settings.seed) == (1e-3, 0)  # settings never change


def test_what_is_replaced_counts_as_given():
    settings = TeacherSettings(dataset="d", architecture="a").filled(Layer("one", {"lr": 0.1})).replaced(lr=0.4)
    assert settings.filled(Layer("two", {"lr": 0.5})).lr == 0.4
    assert settings.origins["lr"] == "given"
    assert settings.given == {"dataset", "architecture", "lr"}


def test_a_filled_value_is_checked_like_others():
    with pytest.raises(Exception, match="--lr -1.0 is not at least 0"):
        TeacherSettings(dataset="d", architecture="a").filled(Layer("one", {"lr": -1}))


def test_a_teachers_recipe_fills_what_nobody_said():
    adam = resolve(TeacherSettings(**REQUIRED[TeacherSettings]))
    assert (adam.epochs, adam.batch_size, adam.lr, adam.weight_decay, adam.milestones) == (1000, 64, 1e-3, 0.0, ())
    sgd = resolve(TeacherSettings(**REQUIRED[TeacherSettings], optimiser="sgd", batch_size=32, epochs=50))
    assert (sgd.epochs, sgd.batch_size, sgd.lr, sgd.weight_decay) == (50, 32, 0.1, 2e-4)
    assert sgd.milestones == (20, 30, 40)  # at 40, 60 and 80 % of 50
    recipe = "the recipe of --optimiser sgd"
    assert [sgd.origins[name] for name in ("lr", "weight_decay", "milestones", "epochs")] == [recipe] * 3 + ["given"]


def test_a_method_fills_what_nobody_said_and_the_recipe_of_its_optimiser_comes_after_it():
    recipe = StudentRecipe(epochs=10, lr=0.3, optimiser="sgd", drops=(0.5,), loss="l1")
    spec = MethodSpec(name="m", build=lambda parts: None, uses_proxy=False, batch_size=48, every=3, recipe=recipe)
    settings = DistillSettings(teacher="t", student="s", method="m", lr=0.7).resolved(spec)
    assert (settings.lr, settings.epochs, settings.loss, settings.update_every) == (0.7, 10, "l1", 3)
    assert (settings.update_batch, settings.milestones, settings.weight_decay) == (48, (5,), 2e-4)
    origins = settings.origins
    assert (origins["lr"], origins["epochs"], origins["update_batch"]) == ("given", "the method m", "the method m")
    assert origins["milestones"] == "the method m"
    assert origins["weight_decay"] == "the recipe of --optimiser sgd"
    assert origins["held_out"] == "default"


def test_milestones_of_a_method_follow_the_epochs_that_were_given():
    assert resolve(DistillSettings(**REQUIRED[DistillSettings], method="zskd", epochs=10)).milestones == (4, 8)
    assert resolve(DistillSettings(**REQUIRED[DistillSettings], method="zskd")).milestones == (80, 160)
    assert resolve(DistillSettings(**REQUIRED[DistillSettings], method="dafl", epochs=10)).milestones == ()


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("degan", {"gan": "dcgan", "lr": 2e-4, "batch_size": 0, "steps": 5000}),
        ("dafl", {"gan": "dafl", "lr": 0.02, "batch_size": 512, "steps": 5000}),
        ("zskd", {"number": 40_000, "batch_size": 100, "steps": 1500, "lr": 1e-3}),
        ("deepinversion", {"number": 256_000, "batch_size": 256, "steps": 2000, "lr": 0.05}),
    ],
)
def test_a_generators_defaults_are_its_methods(method, expected):
    proxy = {"proxy": "digits"} if method == "degan" else {}
    settings = resolve(EnrichSettings(classifier="t", method=method, **proxy))
    assert {name: getattr(settings, name) for name in expected} == expected
    assert settings.origins["lr"] == f"the method {method}"
    assert resolve(EnrichSettings(classifier="t", method=method, lr=0.5, **proxy)).lr == 0.5


def test_a_weight_may_be_said_in_two_ways_and_says_which():
    plain = {"classifier": "t", "proxy": "digits"}
    by_option, by_set = (
        resolve(EnrichSettings(**plain, **own)) for own in ({"lambda_e": 3.0}, {"settings": {"lambda_e": "3"}})
    )
    assert by_option.lambda_e == by_set.lambda_e == 3.0
    assert by_option.settings == by_set.settings == {"lambda_e": 3.0, "lambda_d": 5.0, "bn_weight": 0.0}
    assert (by_option.origins["lambda_e"], by_set.origins["lambda_e"]) == ("given", "--set")
    assert by_option.origins["lambda_d"] == by_set.origins["lambda_d"] == "default"


SGD_RUN = {"optimiser": "sgd", "augment": "crop", "lr": 0.02, "weight_decay": 1e-5, "epochs": 4}


def test_an_increment_learns_as_its_classifier_was_trained_and_no_further():
    settings = resolve(IncrementalSettings(classifier="t", new_data="d", strategy="lwf"), SGD_RUN)
    assert (settings.optimiser, settings.augment) == ("sgd", "crop")
    # Rate, decay and length are those of the recipe, as its first training had them by default.
    assert (settings.lr, settings.weight_decay, settings.epochs) == (0.1, 2e-4, 250)
    assert (settings.milestones, settings.drop_factor) == ((100, 150, 200), 10.0)
    origins = settings.origins
    assert origins["optimiser"] == origins["augment"] == "the classifier's own run"
    assert origins["lr"] == "the recipe of --optimiser sgd"


@pytest.mark.parametrize("strategy", ["lwf-mc", "finetune", "fixed"])
def test_a_strategy_of_icarls_learns_by_icarls_recipe(strategy):
    required = {"classifier": "t", "new_data": "d", "strategy": strategy}
    sgd = resolve(IncrementalSettings(**required, epochs=70), SGD_RUN)
    assert (sgd.lr, sgd.weight_decay) == (0.02, 2e-3)
    assert (sgd.milestones, sgd.drop_factor) == ((49, 63), 5.0)  # of the released code
    names = ("lr", "weight_decay", "milestones", "drop_factor")
    assert [sgd.origins[name] for name in names] == [f"the strategy {strategy}"] * 4
    adam = resolve(IncrementalSettings(**required, epochs=70), {})
    assert (adam.lr, adam.weight_decay, adam.milestones, adam.drop_factor) == (1e-3, 0.0, (49, 63), 5.0)
    own = {"lr": 0.3, "weight_decay": 0.1, "milestones": (7,), "drop_factor": 2.0}
    said = resolve(IncrementalSettings(**required, **own), SGD_RUN)
    assert {name: getattr(said, name) for name in names} == own


def test_the_rate_of_r_dfcil_falls_once_with_adam_whose_head_would_hardly_move_otherwise():
    required = {"classifier": "t", "new_data": "d", "samples": ("s",), "strategy": "r-dfcil", "epochs": 60}
    sgd, adam = (resolve(IncrementalSettings(**required), run) for run in (SGD_RUN, {}))
    assert (sgd.lr, sgd.milestones, sgd.drop_factor) == (0.1, (24, 36), 10.0)
    assert (adam.lr, adam.milestones, adam.drop_factor) == (1e-3, (24,), 10.0)


def test_what_is_said_of_an_increment_beats_the_classifiers_run():
    required = REQUIRED[IncrementalSettings]
    adam = resolve(IncrementalSettings(**required, optimiser="adam"), SGD_RUN)
    assert (adam.optimiser, adam.augment, adam.lr, adam.weight_decay) == ("adam", "crop", 1e-3, 0.0)
    plain = resolve(IncrementalSettings(**required, augment="none", weight_decay=0.1), SGD_RUN)
    assert (plain.optimiser, plain.augment, plain.weight_decay) == ("sgd", "none", 0.1)
    unknown = resolve(IncrementalSettings(**required), {})
    assert (unknown.optimiser, unknown.augment) == ("adam", "none")
    assert unknown.origins["optimiser"] == "default"


@pytest.mark.parametrize("trained", [{"optimiser": "lion", "augment": "bend"}, {"kind": "of a later version"}])
def test_a_run_of_a_later_version_is_not_followed_into_the_unknown(trained):
    settings = resolve(IncrementalSettings(**REQUIRED[IncrementalSettings]), trained)
    assert (settings.optimiser, settings.augment) == ("adam", "none")


def test_condensing_by_gradients_has_its_own_lengths():
    settings = resolve(CondenseSettings(dataset="d", matching="gradient", augment=False, per_class=1))
    assert (settings.outer, settings.inner, settings.steps, settings.lr, settings.init) == (1, 1, 1000, 0.1, "noise")
    assert settings.origins["steps"] == settings.origins["init"] == "--matching gradient"
    longer = resolve(CondenseSettings(dataset="d", matching="gradient", outer=3, lr=0.5))
    assert (longer.outer, longer.inner, longer.steps, longer.lr, longer.init) == (3, 50, 3000, 0.5, "real")
    assert longer.with_classes(digits=True).flip is False
    assert longer.with_classes(digits=False).flip is True
    assert longer.with_classes(digits=True).origins["flip"] == "the classes"


def test_resolving_twice_changes_nothing():
    for kind, own in (
        (TeacherSettings, {"optimiser": "sgd"}),
        (EnrichSettings, {"proxy": "d", "lambda_d": 2.0, "settings": {"bn_weight": 1}}),
        (EnrichSettings, {"method": "zskd"}),
        (DistillSettings, {"method": "pre-dfkd", "settings": {"disagreement_weight": 2}}),
        (DistillSettings, {"samples": ("a", "b@0.5"), "optimiser": "sgd"}),
        (IncrementalSettings, {"strategy": "lwf", "settings": {"lambda_kd": "2"}}),
        (CondenseSettings, {"matching": "gradient"}),
    ):
        once = resolve(kind(**REQUIRED[kind] | own))
        # A weight that has an option of its own is then said twice, which is for one command line a mistake.
        again = once.replaced(settings={"bn_weight": 1}) if "lambda_d" in own else once
        assert resolve(again) == once, kind


# The same on the command line: file, environment, options.


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    """A classifier of the digits 0 to 4, trained for a moment with SGD and crops."""
    path = tmp_path_factory.mktemp("classifier") / "t.safetensors"
    command = "teacher --dataset digits:0-4 --arch lenet --epochs 1 --optimiser sgd --augment crop --held-out 0 -q -o"
    assert run([*command.split(), str(path)]) == 0
    return path


@pytest.fixture
def here(classifier, tmp_path, monkeypatch, capsys):
    shutil.copy(classifier, tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DEGAN_DATA_DIR", raising=False)
    capsys.readouterr()
    return tmp_path


@pytest.fixture
def plan(here, capsys):
    """What a command would do."""

    def go(*arguments):
        code = run([*arguments, "--dry-run", "--json"])
        captured = capsys.readouterr()
        assert code == 0, captured.err
        return json.loads(captured.out)

    return go


TEACHER = ["teacher", "--dataset", "digits", "--arch", "lenet"]
INCREMENT = ["incremental", "--classifier", "t.safetensors", "--new-data", "digits:5-9", "--strategy", "lwf"]


def test_a_file_beats_what_lies_below_it_and_an_option_beats_the_file(here, plan):
    (here / "c.toml").write_text('seed = 4\nlr = 0.05\noptimiser = "sgd"\nepochs = 10\n')
    file = ["--config", "c.toml"]
    alone, more = plan(*TEACHER, *file), plan(*TEACHER, *file, "--lr", "0.2", "--weight-decay", "0.1")
    wanted = {"seed": 4, "lr": 0.05, "epochs": 10, "batch_size": 128, "weight_decay": 2e-4, "milestones": [4, 6, 8]}
    assert {name: alone["run"][name] for name in wanted} == wanted
    assert {name: more["run"][name] for name in wanted} == wanted | {"lr": 0.2, "weight_decay": 0.1}
    recipe = "the recipe of --optimiser sgd"
    origins = {"seed": "--config c.toml", "lr": "--config c.toml", "batch_size": recipe, "outputs": "default"}
    assert {name: alone["origins"][name] for name in origins} == origins
    assert (more["origins"]["lr"], more["origins"]["epochs"]) == ("option", "--config c.toml")


def test_each_source_of_an_increments_rate_in_turn(here, plan):
    origin = {}
    value = {}

    def look(name, *arguments):
        shown = plan(*INCREMENT, *arguments)
        value[name], origin[name] = shown["run"]["lr"], shown["origins"]["lr"]
        return shown

    look("default", "--optimiser", "adam")
    assert look("recipe")["origins"]["optimiser"] == "the classifier's own run"
    (here / "c.toml").write_text("lr = 0.03\n")
    look("file", "--config", "c.toml")
    look("option", "--config", "c.toml", "--lr", "0.04")
    assert value == {"default": 1e-3, "recipe": 0.1, "file": 0.03, "option": 0.04}
    assert origin == {
        "default": "default",
        "recipe": "the recipe of --optimiser sgd",
        "file": "--config c.toml",
        "option": "option",
    }


def test_a_decay_is_taken_where_the_classifier_was_trained_with_sgd(plan):
    """It is the classifier's run, not an option, that says the optimiser."""
    shown = plan(*INCREMENT, "--weight-decay", "0.1")
    assert (shown["run"]["optimiser"], shown["run"]["weight_decay"]) == ("sgd", 0.1)


def test_the_environment_beats_a_file_and_an_option_beats_the_environment(here, plan, monkeypatch):
    (here / "c.toml").write_text('data-dir = "from-file"\n')
    file = ["--config", "c.toml"]

    def origin(*arguments):
        return plan(*TEACHER, *arguments)["origins"]["data_dir"]

    assert origin() == "default"
    assert origin(*file) == "--config c.toml"
    monkeypatch.setenv("DEGAN_DATA_DIR", "from-environment")
    assert origin() == origin(*file) == "environment DEGAN_DATA_DIR"
    assert origin(*file, "--data-dir", "from-option") == "option"


@pytest.mark.parametrize(("arguments", "folder"), [([], "from-environment"), (["--data-dir", "o"], "o")])
def test_the_folder_of_data_is_the_one_that_counts(here, capsys, monkeypatch, arguments, folder):
    (here / "c.toml").write_text('data_dir = "from-file"\n')
    monkeypatch.setenv("DEGAN_DATA_DIR", "from-environment")
    file = ["--config", "c.toml", *arguments]
    assert run(["teacher", "--dataset", "svhn", "--arch", "lenet", *file]) == 3
    assert f"{folder}/svhn-train.safetensors" in capsys.readouterr().err


def test_a_methods_own_settings_of_a_file_and_of_options_are_put_together(here, plan):
    (here / "c.toml").write_text('proxy = "digits"\nrecipe = "paper"\n[settings]\nlambda_e = 2\nlambda_d = 7\n')
    enrich = ["enrich", "--classifier", "t.safetensors", "--config", "c.toml"]
    assert plan(*enrich)["run"]["settings"] == {"bn_weight": 0.0, "lambda_d": 7.0, "lambda_e": 2.0}
    shown = plan(*enrich, "--set", "lambda_d=3")
    assert shown["run"]["settings"] == {"bn_weight": 0.0, "lambda_d": 3.0, "lambda_e": 2.0}
    assert shown["origins"]["settings"] == "option"


def test_what_has_no_use_has_no_origin(plan):
    origins = plan("enrich", "--classifier", "t.safetensors", "--proxy", "digits", "--recipe", "paper")["origins"]
    assert "number" not in origins
    assert origins["method"] == "default"
    assert origins["gan"] == "the method degan"
    assert origins["batch_size"] == "the proxy's size"
    assert origins["lambda_e"] == "default"
    origins = plan("enrich", "--classifier", "t.safetensors", "--method", "dafl")["origins"]
    assert origins["batch_size"] == "the method dafl"


def test_settings_know_what_nobody_gave():
    assert EvaluateSettings(model="m").origins["number"] == "default"
    assert EvaluateSettings(model="m").given == {"model"}


def test_a_students_recipe_lies_above_the_defaults_and_below_what_is_given():
    given = {"teacher": "t", "student": "s", "samples": ("p",)}
    paper, patient = (resolve(DistillSettings(**given, recipe=name)) for name in ("paper", "patient"))
    assert (paper.schedule, paper.mix, paper.augment, paper.ema, paper.logit_weight) == (
        "stages",
        "none",
        "none",
        0.0,
        0.0,
    )
    assert (patient.schedule, patient.augment, patient.logit_weight) == ("cosine", "strong", 3.0)
    assert patient.origins["schedule"] == "the recipe patient"
    photographs = resolve(DistillSettings(**given, recipe="photographs"))
    assert (photographs.optimiser, photographs.temperature, photographs.logit_weight) == ("adam", 20.0, 0.0)
    assert (photographs.schedule, photographs.lr, photographs.ema) == ("one-cycle", 0.002, 0.99)
    assert photographs.augment == "none"
    mine = resolve(DistillSettings(**given, recipe="patient", schedule="stages", epochs=7))
    assert (mine.schedule, mine.epochs, mine.augment) == ("stages", 7, "strong")


def test_an_optimiser_brings_its_decay_whatever_the_students_recipe():
    given = {"teacher": "t", "student": "s", "samples": ("p",), "optimiser": "sgd"}
    assert [resolve(DistillSettings(**given, recipe=name)).weight_decay for name in ("paper", "fast")] == [2e-4, 2e-4]


def test_a_students_recipe_is_for_samples_that_stay():
    with pytest.raises(UsageError, match="--recipe has no use with --method dafl"):
        resolve(DistillSettings(teacher="t", student="s", method="dafl", recipe="fast"))
