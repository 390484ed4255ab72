"""The one check that refuses idle settings: each in a run where it has no use, and in one where it has."""

from __future__ import annotations

import pytest
from resolving import KINDS, REQUIRED, resolve

from degan_cli.config import (
    CondenseSettings,
    DistillSettings,
    EnrichSettings,
    EvaluateSettings,
    ExportSettings,
    IncrementalSettings,
    TeacherSettings,
)
from degan_cli.config.conditions import CONDITIONS
from degan_cli.errors import UsageError

GENERATOR = "it is for methods that train a generator"
IMAGES = "it is for methods that optimise the images themselves"
PROXY = "it is for methods that learn from a proxy"
ONLINE = "it is for --method, which makes samples while the student learns"
FIXED = "it is for samples that stay as they are (--samples), by which epochs can be compared"
SGD = "it is for --optimiser sgd"
DROPS = "it is for --schedule stages"
KD = "it is for --loss kd"
AT_HAND = "it is for images at hand: --samples, or the proxy of a --method that uses one"

ZSKD, DAFL, DCGAN = ({"method": name} for name in ("zskd", "dafl", "dcgan"))
DEGAN = {"method": "degan", "proxy": "digits"}
STORED = {"samples": ("digits",)}
CASES = [
    (TeacherSettings, {"milestones": (1, 2)}, {}, "--optimiser adam", SGD, {"optimiser": "sgd"}),
    (TeacherSettings, {"weight_decay": 0.1}, {}, "--optimiser adam", SGD, {"optimiser": "sgd"}),
    (CondenseSettings, {"flip": True}, {"augment": False}, "--no-augment", "it is for runs that augment", {}),
    *(
        (
            CondenseSettings,
            own,
            {},
            "--matching distribution",
            "it is for --matching gradient",
            {"matching": "gradient"},
        )
        for own in ({"outer": 3}, {"inner": 5})
    ),
    (EnrichSettings, {"proxy": "digits"}, DAFL, "--method dafl", PROXY, {}),
    (EnrichSettings, {"proxy": "digits"}, ZSKD, "--method zskd", PROXY, {}),
    (EnrichSettings, {"epochs": 2}, DAFL, "--method dafl", PROXY, DEGAN),
    (EnrichSettings, {"epochs": 2}, ZSKD, "--method zskd", GENERATOR, DEGAN),
    *(
        (EnrichSettings, own, DAFL, "--method dafl", PROXY, DEGAN)
        for own in ({"recipe": "few"}, {"d_augment": "color-translation-cutout"})
    ),
    (EnrichSettings, {"number": 5}, DEGAN, "--method degan", IMAGES, ZSKD),
    (
        EnrichSettings,
        {"steps": 9},
        DEGAN | {"epochs": 2},
        "--epochs 2",
        "it is for runs whose length --epochs does not say",
        ZSKD,
    ),
    *(
        (EnrichSettings, own, ZSKD, "--method zskd", GENERATOR, DAFL)
        for own in ({"gan": "dcgan"}, {"latent": 8}, {"width": 8}, {"ema": 0.9}, {"graphs": True})
    ),
    *(
        (EnrichSettings, own, {"method": name, "proxy": proxy}, f"--method {name}", "it is for methods with ", DEGAN)
        for own in ({"lambda_e": 2.0}, {"lambda_d": 2.0}, {"tune": True})
        for name, proxy in (("dcgan", "digits"), ("dafl", None), ("zskd", None))
    ),
    (EnrichSettings, {"select": 9}, DAFL, "--method dafl", AT_HAND, DEGAN),
    (EnrichSettings, {"select": 9}, ZSKD, "--method zskd", AT_HAND, DEGAN),
    (EnrichSettings, {"balanced": True}, DEGAN, "--proxy digits", "it is for --select N", DEGAN | {"select": 9}),
    (DistillSettings, {"select": 9}, DAFL, "--method dafl", AT_HAND, STORED),
    (DistillSettings, {"balanced": True}, DEGAN, "--proxy digits", "it is for --select N", DEGAN | {"select": 9}),
    (DistillSettings, {"balanced": True}, STORED, "--samples digits", "it is for --select N", STORED | {"select": 9}),
    (DistillSettings, {"proxy": "digits"}, DAFL, "--method dafl", PROXY, {"method": "degan"}),
    (DistillSettings, {"proxy": "digits"}, STORED, "--samples digits", PROXY, {"method": "dcgan"}),
    (DistillSettings, {"condensed": "c"}, DAFL, "--method dafl", "it is for methods that expand c", {"method": "cde"}),
    (DistillSettings, {"weight_decay": 0.1}, STORED, "--optimiser adam", SGD, STORED | {"optimiser": "sgd"}),
    (DistillSettings, {"milestones": (2,)}, STORED, "--samples digits", ONLINE, DAFL),
    (
        DistillSettings,
        {"milestones": (2,)},
        DAFL | {"schedule": "cosine"},
        "--schedule cosine",
        "it is for --schedule stages",
        DAFL,
    ),
    (DistillSettings, {"beta1": 0.9}, STORED | {"optimiser": "sgd"}, "--optimiser sgd", "it is for --op", STORED),
    (DistillSettings, {"temperature": 2.0}, STORED | {"loss": "l1"}, "--loss l1", KD, STORED),
    (DistillSettings, {"temperature": 2.0}, {"method": "pre-dfkd"}, "--loss l1", KD, DAFL),
    (DistillSettings, {"ce_weight": 0.2}, STORED | {"loss": "l1"}, "--loss l1", KD, STORED),
    (DistillSettings, {"logit_weight": 1.0}, STORED | {"loss": "l1"}, "--loss l1", KD, STORED),
    (DistillSettings, {"logit_weight": 1.0}, DAFL, "--method dafl", FIXED, STORED),
    (DistillSettings, {"recipe": "fast"}, DAFL, "--method dafl", FIXED, STORED),
    (DistillSettings, {"patience": 5}, DAFL, "--method dafl", FIXED, STORED),
    (DistillSettings, {"patience": 5}, ZSKD, "--method zskd", FIXED, STORED),
    (DistillSettings, {"update_every": 2}, STORED, "--samples digits", ONLINE, DAFL),
    (DistillSettings, {"update_batch": 8}, STORED, "--samples digits", ONLINE, DAFL),
    (DistillSettings, {"update_lr": 0.1}, STORED, "--samples digits", ONLINE, ZSKD),
    (DistillSettings, {"update_steps": 3}, DAFL, "--method dafl", IMAGES, ZSKD),
    *(
        (DistillSettings, own, ZSKD, "--method zskd", GENERATOR, DAFL)
        for own in ({"latent": 8}, {"width": 8}, {"gan": "dcgan"}, {"replay": "bank"})
    ),
    (DistillSettings, {"latent": 8}, STORED, "--samples digits", GENERATOR, {"method": "mb-dfkd"}),
    (
        DistillSettings,
        {"replay_share": 0.2},
        DAFL,
        "--method dafl --replay none",
        "it is for --replay bank or vae",
        {"method": "mb-dfkd"},
    ),
    (DistillSettings, {"proxy_share": 0.3}, DAFL, "--method dafl", PROXY, DEGAN),
    (
        DistillSettings,
        {"proxy_share": 0.3},
        STORED,
        "--samples digits",
        PROXY,
        {"method": "mosaickd", "proxy": "digits"},
    ),
    (DistillSettings, {"settings": {"x": 1}}, STORED, "--samples digits", ONLINE, None),
    *(
        (ExportSettings, {"softmax": True}, {"target": name}, f"--to {name}", "it is for --to onnx", {"target": "onnx"})
        for name in ("timm", "state-dict")
    ),
    (
        EvaluateSettings,
        {"probabilities": True},
        {},
        "these settings",
        "it is for --predictions FILE.csv",
        {"predictions": "p.csv"},
    ),
    (IncrementalSettings, {"weight_decay": 0.1}, {}, "--optimiser adam", SGD, {"optimiser": "sgd"}),
    (IncrementalSettings, {"milestones": (1,)}, {"schedule": "cosine"}, "--schedule cosine", DROPS, {}),
    (
        IncrementalSettings,
        {"impressions": 8},
        STORED | {"strategy": "abd"},
        "--samples digits",
        "it is for --enrich, which makes the samples",
        {"enrich": {}, "strategy": "abd"},
    ),
    (IncrementalSettings, {"drop_factor": 5.0}, {"schedule": "cosine"}, "--schedule cosine", DROPS, {}),
]
"""Kind, setting, a run where it is idle, what the message shows of it, what it is for, and a run where it has a use."""


def names(case):
    kind, own, run, *_ = case
    return f"{kind.__name__}-{'-'.join(own)}-{'-'.join(str(value) for value in run.values())}"


@pytest.mark.parametrize("case", CASES, ids=names)
def test_a_setting_without_a_use_is_refused_wherever_it_comes_from(case):
    kind, own, run, shown, words, _ = case
    with pytest.raises(UsageError) as caught:
        resolve(kind(**REQUIRED[kind] | run | own))
    message = str(caught.value)
    flag = kind.declared()[next(iter(own))].flag
    assert message.startswith(f"{flag} has no use with {shown}: {words}")
    assert message.endswith(f"; leave {flag} out")


@pytest.mark.parametrize("case", CASES, ids=names)
def test_the_same_setting_counts_where_it_has_a_use(case):
    kind, own, *_, useful = case
    if useful is None:
        return
    ((name, value),) = own.items()
    proxy = {"proxy": "digits"} if kind in (EnrichSettings, DistillSettings) and useful.get("method") == "dcgan" else {}
    settings = resolve(kind(**REQUIRED[kind] | useful | proxy | own))
    assert getattr(settings, name) == value
    assert settings.has_use(name)


@pytest.mark.parametrize("case", CASES, ids=names)
def test_a_run_without_it_is_fine(case):
    kind, own, run, *_ = case
    settings = resolve(kind(**REQUIRED[kind] | run))
    assert not settings.has_use(next(iter(own)))


def test_every_setting_with_a_condition_is_tried_above():
    conditional = {
        (kind, name)
        for kind in KINDS
        for name, declared in kind.declared().items()
        if declared.metadata["needs"] or declared.metadata["only_for"]
    }
    assert conditional == {(kind, name) for kind, own, *_ in CASES for name in own}


def test_every_condition_decides_over_a_setting_and_names_settings_that_exist():
    every = {name: declared for kind in KINDS for name, declared in kind.declared().items()}
    used = set()
    for kind in KINDS:
        for declared in kind.declared().values():
            used |= {*declared.metadata["needs"], *filter(None, [declared.metadata["only_for"]])}
    assert used == CONDITIONS.keys()
    assert {name for condition in CONDITIONS.values() for name in condition.decided_by} <= every.keys()


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (DistillSettings, DAFL | {"patience": 0}),
        (DistillSettings, STORED | {"optimiser": "sgd", "beta1": 0.0}),
        (TeacherSettings, {"weight_decay": 0.0}),
        (TeacherSettings, {"milestones": ()}),
    ],
)
def test_a_zero_is_a_value_like_others(kind, values):
    with pytest.raises(UsageError, match="has no use"):
        resolve(kind(**REQUIRED[kind], **values))


def test_a_switch_that_is_off_and_what_is_not_there_are_never_refused():
    enrich = EnrichSettings(classifier="t", method="zskd", proxy=None, epochs=None, tune=False, graphs=False)
    assert resolve(enrich).number == 40_000
    assert resolve(CondenseSettings(dataset="d", augment=False, flip=False)).augment is False


def test_what_a_layer_below_the_user_says_is_never_refused():
    """The method's own backbone, rate and so on are not the user's mistake."""
    settings = resolve(DistillSettings(**REQUIRED[DistillSettings], method="pre-dfkd"))
    assert (settings.loss, settings.temperature) == ("l1", 20.0)
    assert not settings.has_use("temperature")
    assert settings.replay == "vae"
    assert settings.has_use("replay_share")
