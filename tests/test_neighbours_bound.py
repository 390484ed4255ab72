"""Each neighbour of DeGAN on real digits: its student beats chance by far, and a memory steadies a student."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest
import torch
from torch import nn

from degan_cli import artifact
from degan_cli.config import DistillSettings, EnrichSettings, TeacherSettings
from degan_cli.datasets.digits import load_digits
from degan_cli.datasets.finder import DataFinder
from degan_cli.engine import start
from degan_cli.images import fit_uint8, to_unit
from degan_cli.loops.distill import distill
from degan_cli.loops.invert import make_images
from degan_cli.loops.teacher import train_teacher
from degan_cli.models import Classifier
from degan_cli.plugins import load_plugins
from degan_cli.runs.checkpoint import Checkpoint
from degan_cli.runs.report import Report
from degan_cli.runs.stopping import StopWatch
from degan_cli.samples.bank import Bank
from degan_cli.samples.generative_replay import GenerativeReplay
from degan_cli.samples.open_online import open_online
from degan_cli.samples.sources import StoredSource
from degan_cli.specs import GanShape, ImageSet, InputSpec, InversionParts

INPUT = InputSpec(channels=1, height=16, width=16, mean=(0.5,), std=(0.5,))
CHANCE = 0.1


def network(width: int) -> Classifier:
    layers = nn.Sequential(
        nn.Conv2d(1, width, 3, stride=2, padding=1), nn.BatchNorm2d(width), nn.ReLU(),
        nn.Conv2d(width, 2 * width, 3, stride=2, padding=1), nn.BatchNorm2d(2 * width), nn.ReLU(),
        nn.Flatten(), nn.Linear(32 * width, 10),
    )  # fmt: skip
    return Classifier(layers, "tiny", tuple(map(str, range(10))), INPUT)


def digits(split: str) -> ImageSet:
    data = load_digits(split)
    return ImageSet(images=fit_uint8(data.images, *INPUT.shape), labels=data.labels, class_names=data.class_names)


@pytest.fixture(scope="module")
def plugins():
    return load_plugins(enabled=False)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A teacher of real digits."""
    engine = start("cpu", "fp32", seed=0)
    folder = tmp_path_factory.mktemp("teacher")
    about = {"device": "cpu", "precision": "fp32"}
    run = TeacherSettings(dataset="digits", architecture="tiny", epochs=12, patience=3, **about)
    torch.manual_seed(0)
    with Report("", 0, None, quiet=True) as report:
        best, _ = train_teacher(
            engine, network(8), digits("train"), run, Checkpoint(folder, {}, engine), report, StopWatch()
        )
    return best


@pytest.fixture
def learn(trained, plugins, tmp_path):
    """Run a method while a student learns; the metrics."""
    folders = count()  # a run leaves its checkpoint for the command to remove, and the next would go on with it

    def call(
        method, epochs, updates_per_epoch, student_lr=2e-3, seed=0, settings=None, source=None, augment="none",
        test=None, **updates,
    ):  # fmt: skip
        engine = start("cpu", "fp32", seed=seed)
        teacher, student = engine.place(trained).freeze(), engine.place(network(4))
        online = {"method": method, "settings": settings or {}, "milestones": ()}
        samples = online if method else {"samples": ("t",)}
        run = DistillSettings(
            teacher="t", student="tiny", epochs=epochs, steps_per_epoch=updates_per_epoch, batch_size=64,
            lr=student_lr, beta1=0.9, augment=augment, loss="kd", temperature=4.0, held_out=256, device="cpu",
            precision="fp32", seed=seed, **samples, **updates,
        )  # fmt: skip
        if source is None:
            spec = plugins.methods.get(method)
            run = run.resolved(spec)
            finder = DataFinder(plugins=plugins, data_dir=Path())
            source, _ = open_online(engine, spec, run, teacher, student, finder)
        checkpoint = Checkpoint(tmp_path / f"r{next(folders)}", {}, engine)
        with Report("", 0, None, quiet=True) as report:
            best, metrics = distill(
                engine, teacher, student, source, run, checkpoint, report, StopWatch(), test or digits("test")
            )
        return metrics

    return call


@pytest.fixture
def impressions(trained, plugins, tmp_path):
    """Images that a method makes alone, as a source."""

    def call(method, number, steps, lr=None, **settings):
        engine = start("cpu", "fp32", seed=0)
        spec = plugins.methods.get(method)
        teacher = engine.place(trained).freeze()
        inversion = spec.build(InversionParts(engine=engine, classifier=teacher, settings=spec.settings(**settings)))
        run = EnrichSettings(
            classifier="t", method=method, number=number, batch_size=100, steps=steps, lr=lr or spec.lr, device="cpu",
            precision="fp32",
        )  # fmt: skip
        with Report("", 0, None, quiet=True) as report:
            images, _, _ = make_images(
                engine, inversion, teacher, run, Checkpoint(tmp_path / "i", {}, engine), report, StopWatch()
            )
        return StoredSource(images, engine.device, 0, method)

    return call


GENERATOR = {"update_batch": 64, "width": 8, "latent": 32}
"""Small ones."""


def test_dafl_without_any_image_comes_far_above_chance(learn):
    assert learn("dafl", 6, 30, **GENERATOR)["curve"]["last"] > CHANCE + 0.4


@pytest.mark.parametrize("method", ["mb-dfkd", "pre-dfkd"])
def test_a_generator_that_looks_for_disagreement_teaches_a_student_too(learn, method):
    assert learn(method, 6, 30, 5e-3, update_every=1, **GENERATOR)["curve"]["last"] > CHANCE + 0.4


@pytest.mark.parametrize(
    ("method", "lr", "settings"), [("zskd", 1e-2, {}), ("deepinversion", 0.05, {"bn_weight": 1.0})]
)
def test_images_made_from_the_classifier_alone_teach_a_student(learn, impressions, method, lr, settings):
    source = impressions(method, 400, 150, lr, **settings)
    assert learn("", 8, 20, source=source)["curve"]["last"] > CHANCE + 0.3


def test_images_on_which_the_student_is_wrong_are_added_while_it_learns(learn):
    metrics = learn("adi", 8, 20, update_batch=100, update_steps=60, update_every=40, settings={"bn_weight": 1.0})
    assert metrics["curve"]["last"] > CHANCE + 0.3
    assert metrics["stored_bytes"] == 4 * 100 * 16 * 16  # a batch at steps 1, 41, 81 and 121


def test_one_image_of_each_class_is_enough_for_condensed_expansion(learn, tmp_path):
    data = digits("train")
    assert data.labels is not None
    one_each = [int((data.labels == k).nonzero()[0]) for k in range(10)]
    path = tmp_path / "condensed.safetensors"
    artifact.save_samples(path, data.images[one_each], None, data.labels[one_each], data.class_names)
    settings = {"bn_weight": 1.0}
    lengths = {"update_batch": 100, "update_steps": 60, "update_every": 40}
    metrics = learn("cde", 8, 20, condensed=str(path), settings=settings, **lengths)
    assert metrics["curve"]["last"] > CHANCE + 0.5


class Drifting:
    """Digits for a while, and then nothing but their negatives: what a generator no longer shows."""

    online = True
    device = torch.device("cpu")
    stored_bytes = 0

    def __init__(self, steps: int) -> None:
        images = digits("train").images
        self.shown, self.later, self.steps = images, 255 - images, steps

    def learn(self, interrupted=None):
        self.steps -= 1
        if self.steps < 0:
            self.shown = self.later
        return {}

    def draw(self, count):
        return to_unit(self.shown[torch.randint(len(self.shown), (count,))])

    def held_out(self, count):
        return self.later[:count]

    def parts(self):
        return {}

    def state(self):
        return {}

    def load_state(self, state):
        pass


def test_a_memory_steadies_the_student(learn, trained):
    """The published claim: without one, what the generator no longer shows is forgotten (Binici et al., 2022).

    The generator's part is played by a source that drifts for certain: how far a generator does is a matter of luck.
    """
    engine, shape = start("cpu", "fp32", seed=0), GanShape(channels=1, size=16, width=8)

    def forgetful(memory):
        curve = learn("mb-dfkd", 5, 40, 5e-3, source=memory(Drifting(steps=80)))["curve"]
        assert curve["peak"] > CHANCE + 0.8  # learned, in the first two epochs
        return curve["peak"] - curve["last"], curve["variance"]

    lost, variance = forgetful(lambda source: source)
    assert lost > 0.15
    for memory in (
        lambda source: Bank(source, 0.5),
        lambda source: GenerativeReplay(engine, source, engine.place(trained).freeze(), shape, 0.5, 64),
    ):
        still_lost, still = forgetful(memory)
        assert still_lost < 0.6 * lost
        assert still < 0.4 * variance


def test_degan_itself_learns_beside_the_student_and_a_memory_wraps_it(learn, tmp_path):
    data = digits("train")
    assert data.labels is not None
    path = tmp_path / "proxy.safetensors"
    three = data.labels < 3
    artifact.save_samples(path, data.images[three], None, data.labels[three], data.class_names)
    settings = {"lambda_d": 10.0, "lambda_e": 1.0}
    metrics = learn("degan", 5, 40, proxy=str(path), update_lr=2e-3, replay="bank", settings=settings, **GENERATOR)
    assert metrics["curve"]["last"] > CHANCE + 0.3


def test_mosaics_of_a_proxys_patches_teach_more_than_the_proxy_alone(learn, tmp_path):
    """The published claim, with a proxy of three of the ten classes (Fang et al., 2021)."""
    data = digits("train")
    assert data.labels is not None
    images = data.images[data.labels < 3]
    path = tmp_path / "proxy.safetensors"
    artifact.save_samples(path, images, None, data.labels[data.labels < 3], data.class_names)
    alone = learn("", 5, 40, source=StoredSource(images, torch.device("cpu"), 0, "proxy"))
    metrics = learn("mosaickd", 5, 40, proxy=str(path), update_every=2, **GENERATOR)
    assert metrics["curve"]["last"] > CHANCE + 0.4
    as_many_updates = alone["curve"]["values"][4]
    assert metrics["curve"]["last"] > as_many_updates + 0.1


def test_strong_changes_let_a_student_follow_its_teacher_where_the_samples_never_were(learn, trained):
    """Negatives of the digits: light ground, of which the samples have none. The teacher's answers are the labels."""
    data, test = digits("train"), digits("test")
    negatives = 255 - test.images
    with torch.no_grad():
        answers = trained.cpu().eval()(negatives / 255).argmax(dim=1)

    def agreement(augment):
        torch.manual_seed(0)
        source = StoredSource(data.images, torch.device("cpu"), 0, "digits")
        watched = ImageSet(images=negatives, labels=answers, class_names=data.class_names)
        return learn("", 10, 40, source=source, augment=augment, test=watched)["curve"]["last"]

    assert agreement("strong") > agreement("none") + 0.15
