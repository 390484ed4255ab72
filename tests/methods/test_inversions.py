"""deepinversion, adi, zskd and cde: what they draw, what they minimise, and what they leave alone."""

from __future__ import annotations

import copy
import functools
import math

import pytest
import torch
from conftest import INPUT, tiny_classifier
from torch import nn

from degan_cli.config.methods import AdiSettings, CdeSettings, InversionSettings, ZskdSettings
from degan_cli.engine import start
from degan_cli.errors import UsageError
from degan_cli.images import draw_siamese, to_unit
from degan_cli.losses import total_variation
from degan_cli.methods import zskd
from degan_cli.methods.cde import CondensedExpansion, FeatureDiscriminator
from degan_cli.methods.deepinversion import DeepInversion, jitter
from degan_cli.methods.zskd import ZeroShot, class_similarity, draw_predictions
from degan_cli.models import Classifier, tapped, watching
from degan_cli.samples.inversion import invert
from degan_cli.specs import ImageSet, InversionParts

NAMES = ("class 0", "class 1", "class 2")


def noise(seed=0):
    return torch.Generator().manual_seed(seed)


def sure(classifier):
    """Give it large logits, as those of a trained one."""
    with torch.no_grad():
        classifier.network[-1].weight.mul_(20)
    return classifier


def linear_classifier(classes=3):
    """Without BatchNorm: pixels to logits at once."""
    torch.manual_seed(7)
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, classes))
    return sure(Classifier(network, "linear", tuple(f"class {k}" for k in range(classes)), INPUT)).freeze()


def of_classes(count, seed):
    """Noisy images of three classes: dark, bright, striped."""
    stripes = (torch.arange(8) // 2 % 2).double().expand(8, 8)
    patterns = torch.stack([torch.full((8, 8), 0.15), torch.full((8, 8), 0.85), 0.15 + 0.7 * stripes])
    labels = torch.arange(count) % 3
    images = patterns[labels, None] + 0.1 * torch.randn(count, 1, 8, 8, generator=noise(seed))
    return images.float().clamp(0, 1), labels


@functools.cache
def trained_classifier():
    """Of :func:`of_classes`, nearly always right."""
    torch.manual_seed(0)
    first = nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.ReLU())
    second = nn.Sequential(nn.Conv2d(8, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    classifier = Classifier(nn.Sequential(first, second, nn.Linear(8, 3)), "trained", NAMES, INPUT)
    optimiser = torch.optim.Adam(classifier.parameters(), 0.02)
    for step in range(60):
        images, labels = of_classes(48, step)
        nn.functional.cross_entropy(classifier(images), labels).backward()
        optimiser.step()
        optimiser.zero_grad()
    return classifier.freeze()


def make(kind, settings, classifier=None, **more):
    engine = start("cpu", "fp32", seed=0)
    classifier = classifier or sure(tiny_classifier(seed=1)).freeze()
    return kind(InversionParts(engine=engine, classifier=classifier, settings=settings, **more))


def inverted(inversion, count=16, steps=60, lr=0.05, seed=0):
    """Images in [0, 1] of one batch, their targets, and the last rows."""
    images, targets, row = invert(start("cpu", "fp32", seed=0), inversion, count, steps, lr, seed)
    return to_unit(images), targets, {name: float(value) for name, value in row.items()}


def level(value, count, seed=0):
    """Images (count, 1, 8, 8) of about one brightness."""
    return (value + 0.1 * torch.randn(count, 1, 8, 8, generator=noise(seed))).clamp(0, 1)


# --- deepinversion ---------------------------------------------------------------------------------------------------


def test_a_classifier_without_batch_norm_is_refused_with_advice():
    with pytest.raises(UsageError, match="no BatchNorm layers.*; use --method zskd or --method dafl"):
        make(DeepInversion, InversionSettings(), linear_classifier())


def test_values_are_normal_and_targets_even():
    values, targets = make(DeepInversion, InversionSettings()).begin(300, noise())
    assert values.shape == (300, 1, 8, 8)
    assert values.mean().item() == pytest.approx(0, abs=0.02)
    assert values.std().item() == pytest.approx(1, abs=0.02)
    assert targets.dtype == torch.int64
    assert targets.bincount(minlength=3).tolist() == [100, 100, 100]


def test_every_class_has_its_turn_also_in_batches_that_are_smaller_than_their_number():
    classifier = tiny_classifier(classes=10).freeze()
    inversion = make(DeepInversion, InversionSettings(), classifier)
    targets = [inversion.begin(4, noise(seed))[1] for seed in range(1000)]
    assert all(len(batch.unique()) == 4 for batch in targets)
    counts = torch.cat(targets).bincount(minlength=10)
    assert counts.min() > 320  # 400 on average; one start is drawn 100 +- 9.5 times, and four starts reach a class
    assert counts.max() < 480


def test_the_loss_is_the_papers_on_the_rolled_batch():
    settings = InversionSettings(bn_weight=3.0, tv_weight=0.01)
    inversion = make(DeepInversion, settings)
    values, targets = inversion.begin(8, noise())
    loss, row = inversion.loss(values, targets, noise(5))
    rolled = jitter(values, noise(5))
    with watching(inversion.classifier) as watched:
        logits = inversion.classifier(rolled * 0.5 + 0.5)
    wanted = -logits.log_softmax(dim=1)[torch.arange(8), targets].mean()
    statistics = watched.distance()
    torch.testing.assert_close(loss, wanted + 3 * statistics + 0.01 * total_variation(rolled))
    torch.testing.assert_close(row["cross_entropy"], wanted)
    torch.testing.assert_close(row["bn_distance"], statistics)


def test_a_batch_is_rolled_by_two_pixels_at_most_each_way():
    spot = torch.zeros(2, 1, 8, 8)
    spot[:, :, 4, 4] = 1
    places = set()
    draws = noise()
    for _ in range(400):
        rolled = jitter(spot, draws)
        assert rolled.sum() == 2
        assert torch.equal(rolled[0], rolled[1])
        places.add(divmod(int(rolled[0].argmax()), 8))
    assert places == {(row, column) for row in range(2, 7) for column in range(2, 7)}


def test_pixels_are_denormalised_and_clipped_and_the_values_stay():
    inversion = make(DeepInversion, InversionSettings())
    values = torch.tensor([-3.0, -1.0, 0.0, 0.5, 4.0]).view(5, 1, 1, 1).expand(5, 1, 8, 8).clone()
    before = values.clone()
    assert inversion.pixels(values)[:, 0, 0, 0].tolist() == [0, 0, 0.5, 0.75, 1]
    assert torch.equal(values, before)


def test_the_statistics_term_moves_images_to_what_the_layers_remember():
    ends = []
    for weight in (1.0, 0.0):
        inversion = make(DeepInversion, InversionSettings(bn_weight=weight), trained_classifier())
        ends.append(inverted(inversion, count=30, steps=100)[2])
    assert ends[0]["bn_distance"] < 0.3 * ends[1]["bn_distance"]


def test_images_become_what_was_wanted():
    classifier = trained_classifier()
    images, targets, row = inverted(make(DeepInversion, InversionSettings(bn_weight=0.1), classifier), 30, steps=100)
    assert (classifier(images).argmax(dim=1) == targets).double().mean() > 0.9
    assert row["cross_entropy"] < 0.2
    dark, bright, striped = (float(images[targets == label].mean()) for label in range(3))
    assert dark < striped - 0.1 < bright - 0.2  # as the data, which were never shown


def test_variation_has_its_price():
    rough, smooth = (
        inverted(make(DeepInversion, InversionSettings(bn_weight=0.0, tv_weight=weight)))[0] for weight in (0.0, 0.1)
    )
    assert total_variation(smooth) < 0.8 * total_variation(rough)


# --- adi -------------------------------------------------------------------------------------------------------------


def test_competition_finds_images_on_which_the_student_disagrees():
    ends = []
    for weight in (10.0, 0.0):
        settings = AdiSettings(bn_weight=0.0, disagreement_weight=weight)
        _, _, row = inverted(make(DeepInversion, settings, student=sure(tiny_classifier(seed=4))), count=30)
        ends.append(row["disagreement"])
    assert ends[0] > 1.1 * ends[1]


@pytest.mark.parametrize("training", [True, False])
def test_the_student_is_left_exactly_as_it_was(training):
    student = tiny_classifier(seed=4).train(training)
    student.network[-1].requires_grad_(False)
    before = copy.deepcopy(student.state_dict())
    modes = [module.training for module in student.modules()]
    wants = [weight.requires_grad for weight in student.parameters()]
    inverted(make(DeepInversion, AdiSettings(), student=student), steps=3)
    assert all(torch.equal(value, before[name]) for name, value in student.state_dict().items())
    assert [module.training for module in student.modules()] == modes
    assert [weight.requires_grad for weight in student.parameters()] == wants
    assert all(weight.grad is None for weight in student.parameters())


def test_without_a_student_there_is_no_competition():
    _, _, row = inverted(make(DeepInversion, InversionSettings()), steps=2)
    assert row.keys() == {"loss", "cross_entropy", "bn_distance"}


# --- zskd ------------------------------------------------------------------------------------------------------------


def test_class_similarity_by_hand():
    similarity = class_similarity(torch.tensor([[2.0, 0.0], [0.0, 0.1], [3.0, 4.0]]))
    torch.testing.assert_close(similarity, torch.tensor([[1.0, 0.0, 0.6], [0.0, 1.0, 0.8], [0.6, 0.8, 1.0]]))


def test_class_similarity_is_stretched_from_the_least_alike_pair():
    similarity = class_similarity(torch.tensor([[1.0, 0.0], [-5.0, 0.0], [0.0, 2.0]]))  # cosines -1, 0 and 0
    torch.testing.assert_close(similarity, torch.tensor([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5], [0.5, 0.5, 1.0]]))


def test_class_similarity_of_equal_classes_is_finite():
    assert torch.isfinite(class_similarity(torch.ones(3, 4))).all()
    assert torch.isfinite(class_similarity(torch.zeros(3, 4))).all()


def test_drawn_predictions_are_probabilities():
    similarity = class_similarity(torch.randn(50, 20, generator=noise()))
    drawn = draw_predictions(similarity, 1000, noise())
    assert drawn.shape == (1000, 50)
    assert drawn.dtype == torch.float32
    assert bool((drawn >= 0).all())
    torch.testing.assert_close(drawn.sum(dim=1), torch.ones(1000))


@pytest.fixture
def turns(monkeypatch):
    """Class and beta of each row that is drawn."""
    seen = []

    class Watching:
        """The greatest concentration of a row is beta, and that of the row's own class."""

        def standard_gamma(self, concentrations):
            seen.extend((int(row.argmax()), round(float(row.max()), 2)) for row in concentrations)
            return concentrations

    monkeypatch.setattr(zskd.numpy.random, "default_rng", lambda seed: Watching())
    return seen


def test_classes_take_turns_and_so_do_betas(turns):
    draw_predictions(torch.eye(3), 12, noise())
    assert {label: turns.count((label, 1.0)) for label in range(3)} == {0: 2, 1: 2, 2: 2}
    assert {label: turns.count((label, 0.1)) for label in range(3)} == {0: 2, 1: 2, 2: 2}
    assert all((after - before) % 3 == 1 for (before, _), (after, _) in zip(turns, turns[1:], strict=False))


def test_each_class_is_drawn_with_each_beta_in_small_batches_too(turns):
    for seed in range(300):
        draw_predictions(torch.eye(8), 4, noise(seed))
    counts = {pair: turns.count(pair) for pair in turns}
    assert counts.keys() == {(k, beta) for k in range(8) for beta in (1.0, 0.1)}
    assert min(counts.values()) > 35  # 75 on average; a start is drawn 19 +- 4 times, and four starts reach a pair


@pytest.mark.parametrize("beta", [1.0, 0.1])
def test_means_are_in_the_proportion_of_the_similarities_whatever_the_beta(monkeypatch, beta):
    monkeypatch.setattr(zskd, "BETAS", (beta,))
    similarity = torch.tensor([[1.0, 0.0, 0.6], [0.0, 1.0, 0.8], [0.6, 0.8, 1.0]])
    drawn = draw_predictions(similarity, 30_000, noise())
    means = [drawn[turn::3].mean(dim=0) for turn in range(3)]
    first = int(means[0].argmax())
    # The last row is stretched to (0, 1/2, 1).
    wanted = [[1 / 1.6, 0, 0.6 / 1.6], [0, 1 / 1.8, 0.8 / 1.8], [0, 1 / 3, 2 / 3]]
    for turn, mean in enumerate(means):
        assert mean.tolist() == pytest.approx(wanted[(first + turn) % 3], abs=0.02)


def test_a_small_beta_gives_peaked_predictions(monkeypatch):
    similarity = torch.full((5, 5), 0.7).fill_diagonal_(1.0)
    similarity[0, 1] = similarity[1, 0] = 0
    sure_of = []
    for beta in (1.0, 0.1):
        monkeypatch.setattr(zskd, "BETAS", (beta,))
        sure_of.append(float(draw_predictions(similarity, 500, noise()).amax(dim=1).mean()))
    assert sure_of[0] + 0.1 < sure_of[1]
    assert sure_of[1] > 0.9


def test_draws_depend_on_their_noise_alone():
    similarity = torch.full((3, 3), 0.7).fill_diagonal_(1.0)
    similarity[0, 1] = similarity[1, 0] = 0
    first = draw_predictions(similarity, 10, noise(3))
    torch.manual_seed(99)
    assert torch.equal(draw_predictions(similarity, 10, noise(3)), first)
    assert not torch.equal(draw_predictions(similarity, 10, noise(4)), first)


def test_the_batch_is_stretched_as_one_and_in_place():
    inversion = make(ZeroShot, ZskdSettings())
    values = torch.tensor([-1.0, 0.0, 1.0, 3.0]).view(4, 1, 1, 1).requires_grad_()
    images = inversion.pixels(values)
    assert values.flatten().tolist() == [0, 0.25, 0.5, 1]
    assert images.flatten().tolist() == [0, 0.25, 0.5, 1]
    assert torch.isfinite(inversion.pixels(torch.full((2, 1, 8, 8), 0.5))).all()


def test_the_similarity_is_that_of_the_layer_that_runs_last():
    classifier = linear_classifier()
    found = make(ZeroShot, ZskdSettings(), classifier).similarity
    assert torch.equal(found, class_similarity(classifier.network[-1].weight))


@pytest.mark.parametrize(
    "layers",
    [
        [nn.Conv2d(1, 3, 8), nn.Flatten()],
        [nn.Flatten(), nn.Linear(64, 5), nn.Unflatten(1, (5, 1, 1)), nn.Conv2d(5, 3, 1), nn.Flatten()],
    ],
    ids=["none", "below the head"],
)
def test_a_classifier_whose_classes_are_not_the_outputs_of_a_linear_layer_is_refused(layers):
    with pytest.raises(UsageError, match="no linear layer whose outputs are its classes.*; use --method dafl"):
        make(ZeroShot, ZskdSettings(), Classifier(nn.Sequential(*layers), "conv-head", NAMES, INPUT).freeze())


def test_impressions_come_to_give_the_wanted_softened_predictions():
    inversion = make(ZeroShot, ZskdSettings(temperature=4.0), linear_classifier())
    values, wanted = inversion.begin(16, noise(0))

    def divergence(images):
        predicted = (inversion.classifier(images) / 4).log_softmax(dim=1)
        return float((torch.special.xlogy(wanted, wanted) - wanted * predicted).sum(dim=1).mean())

    images, targets, row = inverted(inversion, steps=250, lr=0.01)
    assert torch.equal(targets, wanted)
    assert divergence(images) < 0.1 * divergence(values)
    entropy = float(torch.special.entr(wanted).sum(dim=1).mean())
    assert row["cross_entropy"] == pytest.approx(entropy + divergence(images), abs=0.02)


def test_uniform_noise_comes_first():
    values, _ = make(ZeroShot, ZskdSettings()).begin(100, noise())
    assert 0 <= float(values.min()) < 0.01
    assert 0.99 < float(values.max()) <= 1
    assert values.mean().item() == pytest.approx(0.5, abs=0.01)


# --- cde -------------------------------------------------------------------------------------------------------------


def condensed(images, labels):
    return ImageSet(images=(images * 255).round().to(torch.uint8), labels=torch.tensor(labels), class_names=NAMES)


def make_cde(images=None, labels=(0, 1, 2), classifier=None, **settings):
    images = level(0.5, len(labels)) if images is None else images
    settings = CdeSettings(**{"judge_steps": 100, **settings})
    return make(CondensedExpansion, settings, classifier, condensed=condensed(images, list(labels)))


def verdicts(inversion, images, label):
    with torch.no_grad(), tapped(inversion.classifier) as tap:
        features = tap.features(inversion.classifier(images))
    return inversion.discriminator(features, torch.full((len(images),), label))


def test_the_discriminator_by_hand():
    discriminator = FeatureDiscriminator(2, 3)
    with torch.no_grad():
        for weight in discriminator.parameters():
            weight.zero_()
        discriminator.trunk[0].bias[:2] = torch.tensor([1.0, -1.0])
        discriminator.trunk[2].weight[:2, :2] = torch.eye(2)  # (1, -0.2) and then (1, -0.04)
        discriminator.any_class.weight[0, :2] = torch.tensor([2.0, 5.0])
        discriminator.any_class.bias[0] = 0.5
        discriminator.each_class.weight[1, :2] = torch.tensor([3.0, 10.0])
    logits = discriminator(torch.zeros(2, 2), torch.tensor([0, 1]))
    assert logits.tolist() == pytest.approx([0.5 + 2 - 0.2, 0.5 + 2 - 0.2 + 3 - 0.4])


def test_the_discriminator_learns_to_tell_condensed_from_inverted_images():
    torch.manual_seed(0)
    inversion = make_cde(level(0.9, 30), [0, 1, 2] * 10, linear_classifier())
    row = inversion.learn(level(0.1, 30, 1), torch.arange(30) % 3)
    assert row["discriminator_loss"] < 0.1  # where knowing nothing costs 2 log(2)
    for label in range(3):
        assert (verdicts(inversion, level(0.9, 20, 2), label) > 0).double().mean() > 0.9
        assert (verdicts(inversion, level(0.1, 20, 3), label) < 0).double().mean() > 0.9


def test_the_discriminator_knows_the_class():
    """Bright and dark images are alike in number on both sides: only with their class can they be told apart."""
    torch.manual_seed(0)
    bright, dark = level(0.9, 20, 1), level(0.1, 20, 2)
    inversion = make_cde(torch.cat([bright, dark]), [0] * 20 + [1] * 20, linear_classifier())
    for _ in range(3):
        inversion.learn(torch.cat([dark, bright]), torch.tensor([0] * 20 + [1] * 20))
    for images, own, other in ((bright, 0, 1), (dark, 1, 0)):
        # Sure of it: were the inverted ones shown with any class, half of them would speak against these.
        assert (verdicts(inversion, images, own) > 2).double().mean() > 0.9
        assert (verdicts(inversion, images, other) < -2).double().mean() > 0.9


def test_images_pass_for_condensed_ones():
    ends = []
    for weight in (20.0, 0.0):
        torch.manual_seed(0)
        settings = {"bn_weight": 0.0, "fa_weight": weight}
        inversion = make_cde(level(0.9, 30), [0, 1, 2] * 10, linear_classifier(), **settings)
        inversion.learn(level(0.1, 30, 1), torch.arange(30) % 3)
        ends.append(inverted(inversion, count=30)[2]["feature_alignment"])
    assert ends[0] < 0.5 * ends[1]


def test_an_inversion_leaves_the_discriminator_to_its_own_turn():
    inversion = make_cde()
    before = copy.deepcopy(inversion.discriminator.state_dict())
    values, targets = inversion.begin(6, noise())
    values.requires_grad_()
    loss, row = inversion.loss(values, targets, noise())
    torch.autograd.grad(loss, values)
    assert all(weight.grad is None for weight in inversion.discriminator.parameters())
    assert all(torch.equal(value, before[name]) for name, value in inversion.discriminator.state_dict().items())
    assert row.keys() == {"cross_entropy", "feature_alignment", "bn_distance"}
    inversion.learn(inversion.pixels(values).detach(), targets)
    assert not all(torch.equal(value, before[name]) for name, value in inversion.discriminator.state_dict().items())


def test_the_loss_has_each_term_with_its_weight():
    inversion = make_cde(bn_weight=2.0, tv_weight=0.01, fa_weight=3.0)
    inversion.learn(level(0.1, 6), torch.arange(6) % 3)
    values, targets = inversion.begin(6, noise())
    loss, row = inversion.loss(values, targets, noise(4))
    again = noise(4)
    rolled = jitter(values, again)  # normalised already
    changed = 2 * draw_siamese(flip=False, noise=again)((rolled + 1) / 2) - 1  # what the discriminator sees
    assert not torch.equal(changed, rolled)
    *body, head = inversion.classifier.network
    features, judged_features = rolled, changed
    for layer in body:
        features, judged_features = layer(features), layer(judged_features)
    judged = inversion.discriminator(judged_features, targets).double().sigmoid()
    torch.testing.assert_close(row["feature_alignment"].double(), -judged.log().mean(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(row["cross_entropy"], nn.functional.cross_entropy(head(features), targets))
    terms = row["cross_entropy"] + 2 * row["bn_distance"] + 3 * row["feature_alignment"]
    torch.testing.assert_close(loss.detach(), terms + 0.01 * total_variation(rolled))


def test_one_image_per_class_is_enough():
    images, targets, row = inverted(make_cde(), count=5, steps=3)
    assert images.shape == (5, 1, 8, 8)
    assert all(math.isfinite(value) for value in row.values())
    assert "discriminator_loss" in row


def test_a_classifier_without_batch_norm_is_inverted_without_that_term():
    classifier = linear_classifier()
    images, targets, row = inverted(make_cde(classifier=classifier), steps=300)  # a linear one minds the jitter
    assert row.keys() == {"loss", "cross_entropy", "feature_alignment", "discriminator_loss"}
    assert (classifier(images).argmax(dim=1) == targets).float().mean() > 0.7  # chance is a third


@pytest.mark.parametrize("given", [None, ImageSet(images=torch.zeros(2, 1, 8, 8), labels=None, class_names=())])
def test_condensed_images_with_labels_are_needed(given):
    with pytest.raises(ValueError, match="condensed images with labels are needed"):
        make(CondensedExpansion, CdeSettings(), condensed=given)


# --- all of them -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "settings"),
    [(DeepInversion, InversionSettings()), (ZeroShot, ZskdSettings()), (CondensedExpansion, CdeSettings())],
)
def test_a_batch_is_made_again_the_same_from_its_seed(kind, settings):
    classifier = tiny_classifier(seed=1).freeze()
    before = copy.deepcopy(classifier.state_dict())
    made = []
    for seed in (5, 5, 6):
        torch.manual_seed(0)
        inversion = make(kind, settings, classifier, condensed=condensed(level(0.5, 3), [0, 1, 2]))
        # The discriminator was drawn alike; nothing else may depend on the global state.
        torch.manual_seed(seed + len(made))
        made.append(inverted(inversion, steps=3, seed=seed)[0])
    assert torch.equal(made[0], made[1])
    assert not torch.equal(made[0], made[2])
    assert all(torch.equal(value, before[name]) for name, value in classifier.state_dict().items())
    assert all(weight.grad is None for weight in classifier.parameters())
