"""An artifact made again from its header: the same command, the same settings, and the same bytes."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from degan_cli.artifact import read_header
from degan_cli.config import (
    CondenseSettings,
    DistillSettings,
    EnrichSettings,
    IncrementalSettings,
    RerunSettings,
    SampleSettings,
    TeacherSettings,
    VerifySettings,
)
from degan_cli.config.stored import difference
from degan_cli.errors import BadFile, PluginError, UsageError
from degan_cli.jobs import Session, condense, distill, enrich, incremental, rerun, sample, teacher, verify
from degan_cli.plugins import load_plugins

GOLDEN = Path(__file__).parents[1] / "golden"
SESSION = Session(quiet=True)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to work in: headers hold paths as they were given."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def small_teacher(dataset: str = "digits", name: str = "t.safetensors") -> Path:
    return teacher(
        TeacherSettings(dataset=dataset, architecture="lenet", epochs=1, output=Path(name)), SESSION
    ).artifact


def again(path: Path) -> str:
    result = rerun(RerunSettings(artifact=path), SESSION)
    assert result.artifact == path.with_name(f"{path.stem}-again.safetensors")
    return result.summary


@pytest.mark.parametrize("name", sorted(path.name for path in GOLDEN.glob("*.safetensors")))
def test_artifacts_of_earlier_versions_say_how_to_make_them_again(
    name: str, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in GOLDEN.glob("*.safetensors"):
        shutil.copy(path, here)
    result = rerun(RerunSettings(artifact=Path(name), dry_run=True), SESSION)
    assert result.plan is not None
    was, now = read_header(Path(name)).run, json.loads(json.dumps(result.plan["run"]))
    # A strategy's own settings may have become more, and the augmentation of a golden file is called strong today.
    assert was.get("settings", {}).items() <= now.get("settings", {}).items()
    assert difference(was, now | {"settings": was["settings"]} if "settings" in was else now) is None


def test_every_kind_is_made_again_byte_for_byte(here: Path) -> None:
    t = small_teacher()
    g = enrich(
        EnrichSettings(
            classifier=t, proxy="digits:2,3,8", steps=3, batch_size=8, width=4, output=Path("g.safetensors")
        ),
        SESSION,
    ).artifact
    shared = {"teacher": t, "student": "lenet-half", "steps_per_epoch": 2, "batch_size": 8}
    patient = DistillSettings(
        **shared, samples=(f"{g}@1", "digits:2@1"), recipe="patient", mix="none", epochs=2, output=Path("s.safetensors")
    )
    online = DistillSettings(
        **shared, method="dafl", epochs=1, update_batch=8, width=4, held_out=16, output=Path("o.safetensors")
    )
    large = TeacherSettings(
        dataset="digits", architecture="lenet", epochs=1, image_size=40, output=Path("l.safetensors")
    )
    made = [
        t,
        teacher(large, SESSION).artifact,
        g,
        distill(patient, SESSION).artifact,
        distill(online, SESSION).artifact,
        condense(
            CondenseSettings(dataset="digits", per_class=1, steps=2, output=Path("c.safetensors")), SESSION
        ).artifact,
        sample(SampleSettings(generator=g, number=5, output=Path("x.safetensors")), SESSION).artifact,
    ]
    assert [again(path) for path in made] == [f"the same bytes as {path}" for path in made]


def test_an_increment_with_its_own_generator_is_made_again(here: Path) -> None:
    old = small_teacher("digits:0-4")
    wanted = IncrementalSettings(
        classifier=old,
        new_data="digits:5-9",
        enrich={"steps": 2, "width": 4, "batch_size": 8},
        epochs=1,
        output=Path("i.safetensors"),
    )
    path = incremental(wanted, SESSION).artifact
    assert again(path) == f"the same bytes as {path}"


def test_another_input_is_refused_by_name(here: Path) -> None:
    t = small_teacher()
    g = enrich(
        EnrichSettings(classifier=t, proxy="digits:2", steps=2, batch_size=8, width=4, output=Path("g.safetensors")),
        SESSION,
    ).artifact
    teacher(TeacherSettings(dataset="digits", architecture="lenet", epochs=1, seed=7, output=t, force=True), SESSION)
    with pytest.raises(UsageError, match=r"t.safetensors: is not the classifier of then \(sha256 \w{12}, now \w{12}\)"):
        rerun(RerunSettings(artifact=g), SESSION)
    assert not Path("g-again.safetensors").exists()


def test_another_data_set_is_told(here: Path) -> None:
    wanted = DistillSettings(
        teacher=small_teacher(),
        student="lenet-half",
        samples=(str(shutil.copy(GOLDEN / "samples.safetensors", "data.safetensors")),),
        epochs=1,
        steps_per_epoch=1,
        batch_size=4,
        output=Path("s.safetensors"),
    )
    path = distill(wanted, SESSION).artifact
    shutil.copy(GOLDEN / "condensed.safetensors", "data.safetensors")
    assert again(path) == "not the same as s.safetensors: other samples than then"


def test_the_same_values_in_another_header_are_told(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, threads = small_teacher(), read_header(small_teacher(name="other.safetensors")).versions["threads"]
    monkeypatch.setattr(torch, "get_num_threads", lambda: 7)
    assert again(path) == f"the same values as {path}, in a file of other bytes: threads {threads}, now 7"


def test_a_file_that_no_command_made_is_refused(here: Path) -> None:
    from safetensors.torch import save_file
    from torch import zeros

    header = {"kind": "dataset", "name": "d", "split": "train", "class_names": ["a"], "version": 1}
    images = {"images": zeros(2, 1, 8, 8).byte(), "labels": zeros(2).long()}
    save_file(images, "d.safetensors", {"degan": json.dumps(header), "format": "pt"})
    with pytest.raises(BadFile, match="d.safetensors: its header does not say how it was made"):
        rerun(RerunSettings(artifact=Path("d.safetensors")), SESSION)


def test_a_file_names_the_plugins_that_took_part_and_rerun_says_which_is_missing(here: Path) -> None:
    plugins = load_plugins(enabled=False)
    plugins.methods.add(replace(plugins.methods.get("dcgan"), name="own-gan"), "degan-own 2.1", "own")
    plugins.strategies.add(replace(plugins.strategies.get("finetune"), name="own-way"), "degan-way 0.3", "way")
    session = Session(plugins=plugins, quiet=True)
    t = small_teacher("digits:0-3")
    g = enrich(EnrichSettings(classifier=t, proxy="digits:0-3", method="own-gan", steps=1, batch_size=8), session)
    i = incremental(IncrementalSettings(classifier=t, new_data="digits:4-5", strategy="own-way", epochs=1), session)
    made = {"degan-own": "2.1", "degan-way": "0.3"}
    for path, name in (g.artifact, "degan-own"), (i.artifact, "degan-way"):
        header = read_header(path)
        assert {key: value for key, value in header.versions.items() if key in made} == {name: made[name]}
        assert header.provider.startswith("degan-cli ")  # all that is needed to use it
        with pytest.raises(PluginError, match=f'unknown (method|strategy) .* made with "{name} .*", which is not inst'):
            rerun(RerunSettings(artifact=path), SESSION)
        (tree,) = verify(VerifySettings(artifacts=(str(path),)), SESSION).trees
        assert f'made with "{name} {made[name]}", which is not installed' in tree["problem"]
