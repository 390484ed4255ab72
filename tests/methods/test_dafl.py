"""The updates of dafl, and of mb-dfkd and pre-dfkd, against the same updates written out plainly."""

from __future__ import annotations

import copy
import math

import pytest
import torch
from conftest import make_method, sure, tiny_classifier
from torch.nn import functional as F

from degan_cli.config.methods import AdversarialSettings, DaflSettings
from degan_cli.methods.adversarial import Adversarial
from degan_cli.methods.dafl import Dafl

NO_WEIGHTS = {"one_hot_weight": 0.0, "information_weight": 0.0, "activation_weight": 0.0}


def make(kind, settings, student=None, lr=2e-3):
    return make_method(kind, settings, sure(tiny_classifier(seed=1)), student, lr)


def images(count):
    return torch.empty((count, 0, 0, 0))


def after(method, steps, count=12):
    torch.manual_seed(9)
    rows = [method.step(images(count)) for _ in range(steps)]
    return copy.deepcopy(list(method.generator.state_dict().values())), rows


def last(rows, name):
    return sum(float(row[name]) for row in rows[-10:]) / 10


def test_an_update_is_the_papers():
    settings = DaflSettings(one_hot_weight=0.7, information_weight=3.0, activation_weight=0.2)
    method = make(Dafl, settings)
    generator, classifier = copy.deepcopy((method.generator, method.classifier))
    ours, (row,) = after(method, steps=1)

    optimiser = torch.optim.Adam(generator.parameters(), 2e-3)
    torch.manual_seed(9)
    *body, head = classifier.network
    x = (generator(torch.randn(12, 4)) - 0.5) / 0.5
    for layer in body:
        x = layer(x)  # at last the features (12, 64)
    probabilities = head(x).softmax(dim=1)
    mean = probabilities.mean(dim=0)
    one_hot = -probabilities.max(dim=1).values.log().mean()
    activation = -x.abs().mean()
    information = (mean * mean.log10()).sum()
    (0.7 * one_hot + 0.2 * activation + 3 * information).backward()
    optimiser.step()

    for left, right in zip(ours, generator.state_dict().values(), strict=True):
        torch.testing.assert_close(left, right, rtol=1e-4, atol=1e-5)
    assert row.keys() == {"one_hot", "activation", "information"}
    torch.testing.assert_close(row["one_hot"], one_hot.detach())
    torch.testing.assert_close(row["activation"], activation.detach())
    torch.testing.assert_close(row["information"], information.detach())


def test_the_features_are_those_that_the_network_names():
    rows = []
    for named in (None, "3"):
        method = make(Dafl, DaflSettings())
        if named:
            method.classifier.network.feature_layer = named
        expected = []
        layer = method.classifier.network[3 if named else 6]  # a convolution may be named too
        layer.register_forward_pre_hook(lambda module, given, kept=expected: kept.append(-given[0].abs().mean()))
        _, (row,) = after(method, steps=1)
        torch.testing.assert_close(row["activation"], expected[0].detach())
        rows.append(float(row["activation"]))
    assert rows[0] != rows[1]


def test_it_makes_as_many_images_as_it_is_given_empty_ones():
    method = make(Dafl, DaflSettings())
    made = []
    method.generator.register_forward_hook(lambda module, arguments, output: made.append(len(output)))
    method.step(images(5))
    method.step(images(9))
    assert made == [5, 9]


@pytest.mark.parametrize(
    ("weight", "row"),
    [("one_hot_weight", "one_hot"), ("information_weight", "information"), ("activation_weight", "activation")],
)
def test_each_weight_lowers_its_own_term(weight, row):
    ends = []
    for value in (20.0, 0.0):
        _, rows = after(make(Dafl, DaflSettings(**{**NO_WEIGHTS, weight: value}), lr=0.01), steps=60)
        ends.append(last(rows, row))
    assert ends[0] < ends[1] - 0.02


def test_the_adversary_without_its_weight_is_dafl():
    with_student, _ = after(make(Adversarial, AdversarialSettings(disagreement_weight=0.0), tiny_classifier(seed=5)), 3)
    alone, _ = after(make(Dafl, DaflSettings()), 3)
    assert all(torch.equal(left, right) for left, right in zip(with_student, alone, strict=True))


def test_an_adversarys_update_adds_the_agreement_of_student_and_teacher():
    student = sure(tiny_classifier(seed=5)).train()
    method = make(Adversarial, AdversarialSettings(**NO_WEIGHTS, disagreement_weight=2.0), student)
    generator, teacher, rested = copy.deepcopy((method.generator, method.classifier, student))
    ours, (row,) = after(method, steps=1)

    optimiser = torch.optim.Adam(generator.parameters(), 2e-3)
    torch.manual_seed(9)
    fake = generator(torch.randn(12, 4))
    p, q = ((each.eval()(fake) / 3).softmax(dim=1) for each in (rested, teacher))
    q = q.detach()  # only through the student
    p, q, middle = (each.clamp(0.01, 0.99) for each in (p, q, (p + q) / 2))
    divergence = (middle * (middle.log() - p.log() / 2 - q.log() / 2)).sum() / (12 * 3)  # images and classes
    assert 0 < divergence < 1
    (2 * (1 - divergence)).backward()
    optimiser.step()

    for left, right in zip(ours, generator.state_dict().values(), strict=True):
        torch.testing.assert_close(left, right, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(row["disagreement"], divergence.detach())


def test_an_adversary_finds_images_on_which_the_student_is_wrong():
    ends = []
    for weight in (5.0, 0.0):
        settings = AdversarialSettings(**NO_WEIGHTS, disagreement_weight=weight)
        _, rows = after(make(Adversarial, settings, sure(tiny_classifier(seed=5)), lr=0.01), steps=60)
        ends.append(last(rows, "disagreement"))
    assert ends[0] > 1.2 * ends[1]


def test_a_step_leaves_the_student_as_it_was():
    student = tiny_classifier(seed=5).train()
    student.network[1].eval()
    student.network[0].requires_grad_(False)
    before = copy.deepcopy(student.state_dict())
    modes = [module.training for module in student.modules()]
    wants = [weight.requires_grad for weight in student.parameters()]
    after(make(Adversarial, AdversarialSettings(), student), steps=2)
    assert all(torch.equal(value, before[name]) for name, value in student.state_dict().items())
    assert [module.training for module in student.modules()] == modes
    assert [weight.requires_grad for weight in student.parameters()] == wants
    assert all(weight.grad is None for weight in student.parameters())


def test_the_adversary_needs_a_student():
    with pytest.raises(ValueError, match="needs the student that learns meanwhile"):
        make(Adversarial, AdversarialSettings())


def test_all_classes_come_where_certainty_alone_gives_one():
    def classes(weight):
        method = make(Dafl, DaflSettings(activation_weight=0.0, information_weight=weight), lr=0.01)
        after(method, steps=80)
        z = torch.randn(200, 4, generator=torch.Generator().manual_seed(3))
        with torch.no_grad():
            logits = method.classifier(method.generator(z))
        counts = F.one_hot(logits.argmax(dim=1), 3).double().mean(dim=0)
        return float(torch.special.entr(counts).sum()) / math.log(3)

    assert classes(10.0) > classes(0.0) + 0.2
