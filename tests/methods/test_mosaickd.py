"""The update of mosaickd against the same update written out plainly, and what its discriminator of patches sees."""

from __future__ import annotations

import copy

import pytest
import torch
from conftest import SHAPE, make_method, sure, tiny_classifier
from torch.nn import functional as F

from degan_cli.config.methods import MosaicSettings
from degan_cli.losses import fake_loss, real_loss
from degan_cli.methods.mosaickd import Mosaickd, summed_over_patches
from degan_cli.methods.patch_discriminator import PatchDiscriminator
from degan_cli.testing.common import Snapshot

REAL = torch.rand(12, 1, 8, 8, generator=torch.Generator().manual_seed(4))
NO_WEIGHTS = {"local_weight": 0.0, "align_weight": 0.0, "adversarial_weight": 0.0, "balance_weight": 0.0}


def make(settings, student, lr=2e-3):
    return make_method(Mosaickd, settings, sure(tiny_classifier(seed=1)), student, lr)


def learner():
    return sure(tiny_classifier(seed=5)).train()


def after(method, steps):
    torch.manual_seed(9)
    return [method.step(REAL) for _ in range(steps)]


def test_an_update_is_the_papers():
    student = learner()
    settings = MosaicSettings(local_weight=0.6, align_weight=0.7, adversarial_weight=0.3, balance_weight=2.0)
    method = make(settings, student)
    generator, judge, teacher, rested = copy.deepcopy(
        (method.generator, method.discriminator, method.classifier, student)
    )
    (row,) = after(method, steps=1)

    for_g, for_d = (torch.optim.Adam(n.parameters(), 2e-3, (0.5, 0.999)) for n in (generator, judge))
    torch.manual_seed(9)
    fake = generator(torch.randn(12, 4))

    def judged(images, wanted):
        logits = judge(images)
        assert logits.shape == (12, 2, 2)
        return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, wanted), reduction="sum") / 12

    d_loss = (judged(REAL, 1.0) + judged(fake.detach(), 0.0)) / 2
    (0.6 * d_loss).backward()
    for_d.step()
    local = judged(fake, 1.0)  # by the updated discriminator
    p, q = teacher(fake).softmax(dim=1), rested.eval()(fake).softmax(dim=1)
    mean = p.mean(dim=0)
    entropy = -(p * p.log()).sum(dim=1).mean()
    divergence = (p * (p / q).log()).sum(dim=1).mean()
    balance = (mean * mean.log2()).sum()
    (0.6 * local + 0.7 * entropy - 0.3 * divergence + 2 * balance).backward()
    for_g.step()

    ours = [*method.generator.state_dict().values(), *method.discriminator.state_dict().values()]
    theirs = [*generator.state_dict().values(), *judge.state_dict().values()]
    for left, right in zip(ours, theirs, strict=True):
        torch.testing.assert_close(left, right, rtol=1e-4, atol=1e-5)
    expected = {"d_loss": d_loss, "g_loss": local, "entropy": entropy, "disagreement": divergence, "balance": balance}
    assert row.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(row[name], value.detach(), rtol=1e-4, atol=1e-5)


def test_patches_are_summed_and_images_averaged():
    logits = torch.tensor([[[0.0, 0.0, 0.0], [0.0, 0.0, 0.0]], [[1e4, 1e4, 1e4], [1e4, 1e4, 1e4]]])  # (2, 2, 3)
    undecided = torch.tensor(2.0).log()
    torch.testing.assert_close(summed_over_patches(real_loss, logits), 6 * undecided / 2)
    torch.testing.assert_close(summed_over_patches(fake_loss, logits), 6 * (undecided + 1e4) / 2)


@pytest.mark.parametrize(("row", "column"), [(0, 0), (3, 4), (7, 7)])
def test_a_logit_sees_seven_by_seven_pixels_and_no_others(row, column):
    torch.manual_seed(0)
    network = PatchDiscriminator(channels=3, width=8).eval()
    images = torch.rand(1, 3, 32, 32, requires_grad=True)
    logits = network(images)
    assert logits.shape == (1, 8, 8)
    logits[0, row, column].backward()
    seen = images.grad.abs().sum(dim=(0, 1)) > 0
    expected = torch.zeros(32, 32, dtype=torch.bool)
    expected[max(0, 4 * row - 3) : 4 * row + 4, max(0, 4 * column - 3) : 4 * column + 4] = True
    assert torch.equal(seen, expected)


def test_a_change_far_away_leaves_a_logit_as_it_was():
    torch.manual_seed(0)
    network = PatchDiscriminator(channels=1, width=8).eval()
    images = torch.rand(2, 1, 32, 32)
    changed = images.clone()
    changed[:, :, 20, 20] = 1 - changed[:, :, 20, 20]
    with torch.no_grad():
        same = network(images) == network(changed)
    assert not same[:, 5, 5].any()
    assert same.sum() == 2 * (64 - 1)


def test_a_step_leaves_student_and_teacher_as_they_were():
    student = learner()
    student.network[1].eval()
    student.network[0].requires_grad_(False)
    method = make(MosaicSettings(), student)
    kept = {"student": Snapshot.of(student), "teacher": Snapshot.of(method.classifier)}
    after(method, steps=2)
    for whose, snapshot in kept.items():
        snapshot.require_kept("a step", whose)


@pytest.mark.parametrize(
    ("weight", "row", "sign"),
    [
        ("align_weight", "entropy", -1),
        ("adversarial_weight", "disagreement", 1),
        ("balance_weight", "balance", -1),
    ],
)
def test_each_weight_moves_its_own_term(weight, row, sign):
    ends = []
    for value in (20.0, 0.0):
        settings = MosaicSettings(**NO_WEIGHTS | {"local_weight": 0.1, weight: value})
        rows = after(make(settings, learner(), lr=0.01), steps=60)
        ends.append(sum(float(each[row]) for each in rows[-10:]) / 10)
    assert sign * (ends[0] - ends[1]) > 0.02


def test_the_backbones_own_discriminator_is_left_alone():
    method = make(MosaicSettings(), learner())
    assert isinstance(method.discriminator, PatchDiscriminator)
    assert method.discriminator.layers[0].out_channels == SHAPE.width
    assert method.state().keys() == {
        *("generator", "discriminator", "generator_optimiser", "discriminator_optimiser"),
    }


def test_it_needs_a_student():
    with pytest.raises(ValueError, match="needs the student that learns meanwhile"):
        make(MosaicSettings(), None)
