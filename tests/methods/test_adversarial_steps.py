"""The updates of dcgan and degan against the same updates written out plainly."""

from __future__ import annotations

import copy

import pytest
import torch
from conftest import SHAPE, TinyDiscriminator, TinyGenerator, make_method, tiny_classifier
from torch.nn import functional as F

from degan_cli.config.methods import DeganSettings
from degan_cli.engine import start
from degan_cli.methods import seen_changed
from degan_cli.methods.dcgan import Dcgan
from degan_cli.methods.degan import Degan
from degan_cli.models import Generator, watching
from degan_cli.specs import MethodParts, MethodSpec, NoSettings

REAL = torch.rand(12, 1, 8, 8, generator=torch.Generator().manual_seed(4))


def make(kind, settings):
    return make_method(kind, settings, tiny_classifier(seed=1))


def after(method, steps=3):
    torch.manual_seed(9)
    rows = [method.step(REAL) for _ in range(steps)]
    return [*method.generator.state_dict().values(), *method.discriminator.state_dict().values()], rows


def test_bn_weight_pulls_the_samples_statistics_to_the_remembered_ones():
    pulled, plain = (make(Degan, DeganSettings(lambda_d=0.0, bn_weight=weight)) for weight in (50.0, 0.0))
    distances = {}
    for name, method in (("pulled", pulled), ("plain", plain)):
        first, norm = method.classifier.network[:2]
        seen = first((torch.rand(64, 1, 8, 8, generator=torch.Generator().manual_seed(2)) * 0.2 + 0.8 - 0.5) / 0.5)
        norm.running_mean.copy_(seen.mean(dim=(0, 2, 3)))  # as if the data had been bright
        norm.running_var.copy_(seen.var(dim=(0, 2, 3)))
        after(method, steps=150)
        with watching(method.classifier) as watched, torch.no_grad():
            method.classifier(method.generator(torch.randn(64, 4, generator=torch.Generator().manual_seed(1))))
        distances[name] = float(watched.distance())
    assert distances["pulled"] < 0.8 * distances["plain"]


def test_degan_without_its_weights_is_dcgan():
    degan, _ = after(make(Degan, DeganSettings(lambda_e=0.0, lambda_d=0.0)))
    dcgan, _ = after(make(Dcgan, NoSettings()))
    assert all(torch.equal(left, right) for left, right in zip(degan, dcgan, strict=True))


@pytest.mark.parametrize(("lambda_e", "lambda_d"), [(0.0, 5.0), (0.7, 2.0)])
def test_an_update_is_the_papers(lambda_e, lambda_d):
    method = make(Degan, DeganSettings(lambda_e=lambda_e, lambda_d=lambda_d))
    generator, discriminator, classifier = copy.deepcopy((method.generator, method.discriminator, method.classifier))
    ours, rows = after(method, steps=1)

    for_g, for_d = (torch.optim.Adam(n.parameters(), 2e-3, (0.5, 0.999)) for n in (generator, discriminator))
    torch.manual_seed(9)
    fake = generator(torch.randn(12, 4))
    one, zero = torch.ones(12), torch.zeros(12)
    on_real = F.binary_cross_entropy(discriminator(REAL).sigmoid(), one)
    on_fake = F.binary_cross_entropy(discriminator(fake.detach()).sigmoid(), zero)
    (on_real + on_fake).backward()
    for_d.step()
    probabilities = classifier(fake).softmax(dim=1)
    mean = probabilities.mean(dim=0)
    entropy = -(probabilities * probabilities.log()).sum(dim=1).mean()
    adversarial = F.binary_cross_entropy(discriminator(fake).sigmoid(), one)  # by the updated discriminator
    (adversarial + lambda_e * entropy + lambda_d * (mean * mean.log()).sum()).backward()
    for_g.step()

    theirs = [*generator.state_dict().values(), *discriminator.state_dict().values()]
    for left, right in zip(ours, theirs, strict=True):
        torch.testing.assert_close(left, right, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(rows[0]["d_loss"], (on_real + on_fake).detach())
    torch.testing.assert_close(rows[0]["g_loss"], adversarial.detach())
    torch.testing.assert_close(rows[0]["entropy"], entropy.detach())


def test_the_weights_steer_the_samples_to_all_classes():
    def diversity(lambda_d):
        method = make(Degan, DeganSettings(lambda_d=lambda_d))
        with torch.no_grad():
            method.classifier.network[-1].weight.mul_(30)  # sure of itself, as a trained one
        _, rows = after(method, steps=150)
        return sum(float(row["diversity"]) for row in rows[-10:]) / 10

    assert diversity(20.0) > diversity(0.0) + 0.1


class Settled(TinyDiscriminator):
    """Notes what it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[torch.Tensor] = []

    def forward(self, images):
        self.shown.append(images.detach())
        return super().forward(images)


def augmented(monkeypatch):
    """An augmented degan, whose change is known: all that the discriminator sees is inverted."""
    monkeypatch.setattr(seen_changed, "diff_augment", lambda images: 1 - images)
    engine = start("cpu", "fp32", seed=0)
    torch.manual_seed(2)
    classifier = tiny_classifier(seed=1).freeze()
    classifier.register_forward_pre_hook(lambda _, images: classifier.shown.append(images[0].detach()))
    classifier.shown = []
    parts = MethodParts(
        engine=engine,
        generator=Generator(TinyGenerator(), "tiny", SHAPE),
        discriminator=Settled(),
        classifier=classifier,
        latent=4,
        lr=2e-3,
        settings=DeganSettings(),
    )
    return seen_changed.with_augmented_discriminator(MethodSpec(name="degan", build=Degan)).build(parts)


def test_an_augmented_discriminator_sees_real_and_made_images_changed_and_the_classifier_plain_ones(monkeypatch):
    method = augmented(monkeypatch)
    torch.manual_seed(9)
    method.step(REAL)
    real, fake, fake_again = method.discriminator.discriminator.shown
    assert torch.equal(real, 1 - REAL)
    (plain,) = method.classifier.shown
    assert torch.equal(fake, 1 - plain)
    assert torch.equal(fake_again, 1 - plain)


def test_the_generator_learns_through_the_augmentation(monkeypatch):
    method = augmented(monkeypatch)
    method.lambda_d = 0.0  # so that all it learns comes from the discriminator
    before = copy.deepcopy(method.generator.state_dict())
    method.step(REAL)
    assert not torch.equal(before["network.0.weight"], method.generator.state_dict()["network.0.weight"])
