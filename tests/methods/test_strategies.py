"""The losses of the strategies for new classes written out plainly, and what each leaves as it was."""

from __future__ import annotations

import copy
import dataclasses

import pytest
import torch
from conftest import tiny_classifier
from torch import Tensor, nn
from torch.nn import functional as F

from degan_cli.config.methods import SCALINGS, AbdSettings, LwfSettings, RdfcilSettings, ReplaySettings
from degan_cli.engine import Engine
from degan_cli.errors import UsageError
from degan_cli.images import strong as images_strong
from degan_cli.losses import sigmoid_loss
from degan_cli.methods import degan_methods
from degan_cli.models import Classifier, widen
from degan_cli.specs import ArchitectureSpec, NoSettings, Strategy, StrategyParts, StrategySpec

SPECS = {spec.name: spec for spec in degan_methods() if isinstance(spec, StrategySpec)}
TINY = ArchitectureSpec(name="tiny", build=lambda classes, input: tiny_classifier(classes, seed=2).network, min_size=8)
OLD, NEW = 3, 2
IMAGES = torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(4))
SAMPLES = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(5)).sqrt()
LABELS = torch.tensor([3, 4, 4, 3, 4, 3])
SETTINGS = {
    "replay": ReplaySettings(lambda_kd=0.7, temperature=1.5, lambda_s=0.3, strong=0.0),
    "lwf": LwfSettings(lambda_kd=0.7, temperature=1.5),
    "abd": AbdSettings(lambda_head=0.6, lambda_kd=0.3, strong=0.0),
    "r-dfcil": RdfcilSettings(projection=4),
}


def make(
    engine: Engine, name: str, settings: object = None, moved: bool = True, outputs: str = "softmax"
) -> tuple[Strategy, Classifier]:
    """A strategy and its old classifier, which is sure of itself; the extended one has moved on from it a little."""
    old = tiny_classifier(OLD, seed=1)
    with torch.no_grad():
        old.network[-1].weight.mul_(8)
    old.eval()
    model, head = widen(old, TINY, ("new 0", "new 1"))
    if moved:
        torch.manual_seed(7)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
    settings = settings or SETTINGS.get(name, NoSettings())
    parts = StrategyParts(engine=engine, model=model, old=old, old_outputs=outputs, head=head, settings=settings)
    return SPECS[name].build(parts), old


def samples_for(name: str) -> Tensor | None:
    return SAMPLES if SPECS[name].uses_samples else None


def kl(student: Tensor, teacher: Tensor, temperature: float) -> Tensor:
    """temperature^2 * KL(teacher || student), written out."""
    wanted = (teacher / temperature).softmax(dim=1)
    each = wanted * (wanted.log() - (student / temperature).softmax(dim=1).log())
    return temperature**2 * each.sum(dim=1).mean()


def weights_of(classifier: nn.Module) -> dict[str, Tensor]:
    return {key: value.clone() for key, value in classifier.state_dict().items()}


def train(engine: Engine, strategy: Strategy, name: str, optimiser: torch.optim.Optimizer, steps: int) -> None:
    strategy.train()
    for _ in range(steps):
        loss, _ = strategy.loss(IMAGES, LABELS, samples_for(name))
        engine.backward(loss)
        optimiser.step()
        optimiser.zero_grad()


@pytest.mark.parametrize("name", ["finetune", "fixed"])
def test_finetuning_and_fixed_are_cross_entropy_over_all_classes(engine, name):
    strategy, _ = make(engine, name)
    strategy.train()
    logits = copy.deepcopy(strategy.model)(IMAGES)
    loss, row = strategy.loss(IMAGES, LABELS, None)
    expected = -logits.softmax(dim=1).log()[range(6), LABELS].mean()
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(row, {"label_loss": expected.detach()})


@pytest.mark.parametrize("name", ["finetune", "fixed"])
def test_they_go_on_with_sigmoids_where_the_old_classifier_has_them(engine, name):
    strategy, _ = make(engine, name, outputs="sigmoid")
    strategy.train()
    probabilities = copy.deepcopy(strategy.model)(IMAGES).sigmoid()
    loss, row = strategy.loss(IMAGES, LABELS, None)
    right = torch.zeros(6, 5, dtype=torch.bool)
    right[range(6), LABELS] = True
    expected = -torch.where(right, probabilities, 1 - probabilities).log().sum() / 6
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(row, {"label_loss": expected.detach()})


def test_lwf_is_cross_entropy_over_the_new_classes_and_distillation_of_the_old_on_new_images(engine):
    strategy, old = make(engine, "lwf")
    strategy.train()
    logits = copy.deepcopy(strategy.model)(IMAGES)
    loss, row = strategy.loss(IMAGES, LABELS, None)
    cross_entropy = -logits[:, 3:].softmax(dim=1).log()[range(6), LABELS - 3].mean()
    distillation = kl(logits[:, :3], old(IMAGES), 1.5) / 1.5**2  # PyCIL has no such factor
    torch.testing.assert_close(loss, cross_entropy + 0.7 * distillation)
    torch.testing.assert_close(row["cross_entropy"], cross_entropy.detach())
    torch.testing.assert_close(row["distillation"], distillation.detach())
    assert distillation > 0.01


@pytest.mark.parametrize("outputs", ["softmax", "sigmoid"])
def test_lwf_mc_has_a_sigmoid_per_class_that_learns_its_label_or_the_old_probability(engine, outputs):
    strategy, old = make(engine, "lwf-mc", outputs=outputs)
    strategy.train()
    logits = copy.deepcopy(strategy.model)(IMAGES)
    loss, row = strategy.loss(IMAGES, LABELS, None)
    targets = torch.zeros(6, 5)
    before = old(IMAGES).detach()
    targets[:, :3] = before.sigmoid() if outputs == "sigmoid" else before.softmax(dim=1)
    targets[range(6), LABELS] = 1
    expected = F.binary_cross_entropy(logits.sigmoid(), targets, reduction="none").sum() / 6
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(row, {"binary_cross_entropy": expected.detach()})


def test_a_step_of_icarls_recipe_is_that_of_its_released_code(engine):
    """There: the mean over images and 100 outputs + 1e-5 * the squared weights, with a rate of 2 and momentum 0.9."""
    recipe = SPECS["lwf-mc"].recipe
    torch.manual_seed(0)
    features, targets = torch.randn(6, 7), torch.rand(6, 100)
    ours, theirs = nn.Linear(7, 100, bias=False), nn.Linear(7, 100, bias=False)
    theirs.load_state_dict(ours.state_dict())
    optimiser = engine.optimiser("sgd", [{"params": list(ours.parameters())}], recipe.lr, recipe.weight_decay)
    velocity = torch.zeros(100, 7)
    for _ in range(3):
        sigmoid_loss(ours(features), targets).backward()
        optimiser.step()
        optimiser.zero_grad()
        mean = F.binary_cross_entropy(theirs(features).sigmoid(), targets)
        (gradient,) = torch.autograd.grad(mean + 1e-5 * theirs.weight.square().sum(), theirs.weight)
        velocity = 0.9 * velocity - 2.0 * gradient
        with torch.no_grad():
            theirs.weight += velocity
    torch.testing.assert_close(ours.weight, theirs.weight)


CHOICES = [{"scaling": scaling} for scaling in SCALINGS] + [
    {"scaling": "tie", "tie_to": "samples"},
    {"competition": "new"},
]


@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: "-".join(choice.values()))
def test_replay_is_cross_entropy_distillation_on_samples_and_what_is_chosen(engine, choice):
    settings = ReplaySettings(lambda_kd=0.7, temperature=1.5, lambda_s=0.3, strong=0.0, **choice)
    scaling = settings.scaling
    strategy, old = make(engine, "replay", settings)
    strategy.train()
    logits = copy.deepcopy(strategy.model)(torch.cat([IMAGES, SAMPLES]))  # one batch for BatchNorm
    loss, row = strategy.loss(IMAGES, LABELS, SAMPLES)
    new, replayed, wanted = logits[:6], logits[6:], old(SAMPLES).detach()
    cross_entropy = -new.softmax(dim=1).log()[range(6), LABELS].mean()
    if settings.competition == "new":
        cross_entropy = -new[:, 3:].softmax(dim=1).log()[range(6), LABELS - 3].mean()
    differences = [
        new[:, 3:].max(dim=1).values.mean() - to[:, :3].max(dim=1).values.mean()
        for to in ((replayed,) if settings.tie_to == "samples" else (replayed, new))
    ]
    squared = sum(difference**2 for difference in differences) / len(differences)
    distillation = kl(replayed[:, :3], wanted, 1.5)
    if scaling == "full-width":  # a very low logit stands for probability 0
        distillation = kl(replayed, torch.cat([wanted, torch.full((5, 2), -100.0)], dim=1), 1.5)
    if scaling == "logits":
        distillation = (replayed[:, :3] - wanted).square().sum() / 15
    expected = cross_entropy + 0.7 * distillation
    if scaling == "tie":
        expected = expected + 0.3 * squared
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(row["cross_entropy"], cross_entropy.detach())
    torch.testing.assert_close(row["distillation"], distillation.detach())
    torch.testing.assert_close(row["scale_difference"], squared.detach().sqrt())


def features_of(classifier: Classifier, images: Tensor) -> Tensor:
    """What goes into its last layer, in train mode if it is in it."""
    return copy.deepcopy(classifier.network)[:-1]((images - classifier.mean) / classifier.std)


def cross_entropy_of(logits: Tensor, labels: Tensor) -> Tensor:
    """The mean over images, written out."""
    return -logits.softmax(dim=1).log()[range(len(labels)), labels].mean()


def test_abd_is_a_local_cross_entropy_a_balanced_head_and_features_as_the_old_head_sees_them(engine):
    strategy, old = make(engine, "abd")
    strategy.train()
    both = torch.cat([IMAGES, SAMPLES])
    features, before = features_of(strategy.model, both), old(both).detach()
    head = copy.deepcopy(strategy.model.network[-1])
    logits = head(features)
    local = cross_entropy_of(logits[:6, 3:], LABELS - 3)
    old_part = cross_entropy_of(logits[6:], before[6:].argmax(dim=1))
    balanced = 3 / 5 * old_part + 2 / 5 * cross_entropy_of(logits[:6], LABELS)
    kept = (old.network[-1](features) - before).square().sum() / (11 * 3)
    loss, row = strategy.loss(IMAGES, LABELS, SAMPLES)
    torch.testing.assert_close(loss, local + 0.6 * balanced + 0.3 * kept)
    torch.testing.assert_close(row["feature_distillation"], kept.detach())
    assert kept > 1e-3


def test_the_head_of_abd_does_not_teach_the_features(engine):
    strategy, _ = make(engine, "abd", AbdSettings(lambda_head=5.0, lambda_kd=0.0, strong=0.0))
    other, _ = make(engine, "abd", AbdSettings(lambda_head=0.0, lambda_kd=0.0, strong=0.0))
    gradients = []
    for each in (strategy, other):
        each.train()
        each.loss(IMAGES, LABELS, SAMPLES)[0].backward()
        gradients.append({name: value.grad for name, value in each.model.network.named_parameters()})
    for name, gradient in gradients[0].items():
        assert torch.equal(gradient, gradients[1][name]) == (name not in ("6.weight", "6.bias")), name


def angles(features: Tensor) -> Tensor:
    """Cosines at each image between the directions to each two others, one by one."""
    count = len(features)
    cosines = torch.zeros(count, count, count)
    for i in range(count):
        for j in range(count):
            for k in range(count):
                if i not in (j, k):
                    cosines[i, j, k] = F.cosine_similarity(features[j] - features[i], features[k] - features[i], dim=0)
    return cosines


def test_r_dfcil_is_a_local_cross_entropy_hard_distillation_and_relations(engine):
    settings = RdfcilSettings(lambda_ce=0.4, lambda_kd=0.2, lambda_rkd=0.7, projection=4)
    strategy, old = make(engine, "r-dfcil", settings)
    strategy.train()
    both = torch.cat([IMAGES, SAMPLES])
    features, old_features, before = features_of(strategy.model, both), features_of(old, both), old(both).detach()
    logits = copy.deepcopy(strategy.model.network[-1])(features)
    local = cross_entropy_of(logits[:6, 3:], LABELS - 3)
    hard = (logits[6:, :3] - before[6:]).abs().sum() / (5 * 3)
    difference = angles(strategy.project_new(features[:6])) - angles(strategy.project_old(old_features[:6]))
    relations = torch.where(difference.abs() < 1, 0.5 * difference**2, difference.abs() - 0.5).sum() / 6**3
    growth, balance = 1.0, (3 / 2) ** 0.5  # log2(2 / 2 + 1), and sqrt(old / new)
    expected = 0.4 * (1 + 1 / growth) / balance * local + growth * balance * (0.2 * hard + 0.7 * relations)
    loss, _ = strategy.loss(IMAGES, LABELS, SAMPLES)
    torch.testing.assert_close(loss, expected)
    assert relations > 1e-4


def test_r_dfcils_head_goes_on_alone_in_the_last_part_of_the_epochs(engine):
    strategy, old = make(engine, "r-dfcil", RdfcilSettings(projection=4, head_part=0.25))
    optimiser = engine.optimiser("sgd", strategy.parameters(), 0.1, 1e-3)
    train(engine, strategy, "r-dfcil", optimiser, steps=2)  # so that there is momentum to stop
    before = weights_of(strategy.model)
    strategy.train(0.75)
    logits = strategy.model(torch.cat([IMAGES, SAMPLES]))
    loss, row = strategy.loss(IMAGES, LABELS, SAMPLES)
    old_part = cross_entropy_of(logits[6:], old(SAMPLES).argmax(dim=1))
    torch.testing.assert_close(loss, 3 / 5 * old_part + 2 / 5 * cross_entropy_of(logits[:6], LABELS))
    assert list(row) == ["head"]
    engine.backward(loss)
    optimiser.step()
    for key, value in strategy.model.state_dict().items():
        assert torch.equal(value, before[key]) == (key not in ("network.6.weight", "network.6.bias")), key


@pytest.mark.parametrize("name", ["abd", "r-dfcil"])
def test_a_head_that_is_no_linear_layer_is_refused(engine, name):
    class Convolved(nn.Module):
        def __init__(self, classes: int) -> None:
            super().__init__()
            self.last = nn.Conv2d(1, classes, 8)

        def forward(self, images: Tensor) -> Tensor:
            return self.last(images).flatten(1)

    input = tiny_classifier().input
    spec = ArchitectureSpec(name="convolved", build=lambda classes, input: Convolved(classes), min_size=8)
    old = Classifier(Convolved(OLD), "convolved", ("a", "b", "c"), input).freeze()
    model, head = widen(old, spec, ("d", "e"))
    parts = StrategyParts(engine=engine, model=model, old=old, head=head, settings=SETTINGS[name])
    with pytest.raises(UsageError, match='one linear layer.*"convolved" has them in last; take --strategy replay'):
        SPECS[name].build(parts)


@pytest.mark.parametrize("strong", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("name", ["replay", "abd"])
def test_a_part_of_both_kinds_of_images_is_changed_strongly(engine, monkeypatch, name, strong):
    plain, _ = make(engine, name)
    strategy, _ = make(engine, name, dataclasses.replace(SETTINGS[name], strong=strong))
    monkeypatch.setattr(images_strong, "augment_strongly", lambda images: 1 - images)
    images, samples = IMAGES.clone(), SAMPLES[:4].clone()
    torch.manual_seed(5)
    if strong:  # which of the six, then which of the four
        for all_of_them in (images, samples):
            chosen = torch.randperm(len(all_of_them))[: round(len(all_of_them) * strong)]
            all_of_them[chosen] = 1 - all_of_them[chosen]
    for each in (plain, strategy):
        each.train()
    expected, _ = plain.loss(images, LABELS, samples)
    torch.manual_seed(5)
    torch.testing.assert_close(strategy.loss(IMAGES, LABELS, SAMPLES[:4])[0], expected)


def test_the_scalings_give_different_losses(engine):
    losses = []
    for scaling in ("tie", "full-width", "logits", "none"):
        strategy, _ = make(engine, "replay", ReplaySettings(scaling=scaling))
        strategy.train()
        losses.append(float(strategy.loss(IMAGES, LABELS, SAMPLES)[0].detach()))
    assert all(abs(left - right) > 1e-3 for i, left in enumerate(losses) for right in losses[:i])


def test_replay_ties_the_mean_difference_of_all_processes(engine, monkeypatch):
    plain, _ = make(engine, "replay")
    plain.train()
    alone = plain.loss(IMAGES, LABELS, SAMPLES)[1]["scale_difference"]
    monkeypatch.setattr(Engine, "mean_over_processes", lambda self, values: values / 4)
    strategy, _ = make(engine, "replay")
    strategy.train()
    torch.testing.assert_close(strategy.loss(IMAGES, LABELS, SAMPLES)[1]["scale_difference"], alone / 4)


@pytest.mark.parametrize("name", SPECS)
def test_the_old_classifier_gets_no_gradient_and_stays_as_it_is(engine, name):
    strategy, old = make(engine, name)
    before = weights_of(old)
    assert all(parameter.requires_grad for parameter in old.parameters())  # nobody else keeps gradients away
    optimiser = engine.optimiser("sgd", strategy.parameters(), 0.05, 1e-3)
    train(engine, strategy, name, optimiser, steps=2)
    assert all(parameter.grad is None for parameter in old.parameters())
    assert all(torch.equal(before[key], value) for key, value in old.state_dict().items())
    assert not old.training


@pytest.mark.parametrize("name", SPECS)
def test_training_lowers_the_loss(engine, name):
    strategy, _ = make(engine, name)
    strategy.train()
    before = float(strategy.loss(IMAGES, LABELS, samples_for(name))[0].detach())
    optimiser = engine.optimiser("sgd", strategy.parameters(), 0.01, 0.0)
    train(engine, strategy, name, optimiser, steps=20)
    assert float(strategy.loss(IMAGES, LABELS, samples_for(name))[0].detach()) < before - 0.02


@pytest.mark.parametrize("kind", ["sgd", "adam"])
def test_fixed_learns_the_new_outputs_and_keeps_old_ones_and_features_bit_for_bit(engine, kind):
    strategy, old = make(engine, "fixed", moved=False)
    model = strategy.model
    everything = torch.cat([IMAGES, SAMPLES])

    def look() -> tuple[Tensor, Tensor]:
        model.eval()
        with torch.no_grad():
            return model.network[:-1]((everything - model.mean) / model.std), model(everything)

    features, logits = look()
    before = weights_of(model)
    optimiser = engine.optimiser(kind, strategy.parameters(), 0.1, 0.05)
    train(engine, strategy, "fixed", optimiser, steps=6)
    strategy.train()
    strategy.finish()

    for key, value in model.state_dict().items():
        same = value[:OLD] if key in ("network.6.weight", "network.6.bias") else value
        assert torch.equal(same, before[key][: len(same)] if same.ndim else before[key]), key
        if key in ("network.6.weight", "network.6.bias"):
            assert (value[OLD:] != before[key][OLD:]).any(dim=-1).all(), key
    features_after, logits_after = look()
    assert torch.equal(features, features_after)
    assert torch.equal(logits[:, :OLD], logits_after[:, :OLD])
    assert (logits[:, OLD:] - logits_after[:, OLD:]).abs().min() > 0
    torch.testing.assert_close(logits_after[:, :OLD], old(everything).detach())


def test_fixed_keeps_old_outputs_whose_classes_are_on_another_axis(engine):
    class FeaturesByClasses(nn.Module):
        def __init__(self, classes: int) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.randn(64, classes))

        def forward(self, images: Tensor) -> Tensor:
            return images.flatten(1) @ self.weight

    input = tiny_classifier().input
    spec = ArchitectureSpec(name="odd", build=lambda classes, input: FeaturesByClasses(classes), min_size=8)
    old = Classifier(FeaturesByClasses(OLD), "odd", ("a", "b", "c"), input).freeze()
    model, head = widen(old, spec, ("d", "e"))
    parts = StrategyParts(engine=engine, model=model, old=old, head=head, settings=NoSettings())
    strategy = SPECS["fixed"].build(parts)
    before = model.network.weight.detach().clone()
    train(engine, strategy, "fixed", engine.optimiser("sgd", strategy.parameters(), 0.1, 0.05), steps=4)
    assert torch.equal(model.network.weight[:, :OLD], before[:, :OLD])
    assert (model.network.weight[:, OLD:] != before[:, OLD:]).any(dim=0).all()

    aligned = SPECS["replay"].build(
        StrategyParts(engine=engine, model=model, old=old, head=head, settings=ReplaySettings(scaling="weight-align"))
    )
    aligned.finish()
    norms = model.network.weight.detach().norm(dim=0)
    torch.testing.assert_close(norms[OLD:].mean(), norms[:OLD].mean())
    assert torch.equal(model.network.weight[:, :OLD], before[:, :OLD])


def test_finetuning_moves_everything_that_fixed_keeps(engine):
    strategy, _ = make(engine, "finetune")
    before = weights_of(strategy.model)
    train(engine, strategy, "finetune", engine.optimiser("sgd", strategy.parameters(), 0.1, 0.05), steps=2)
    assert all(not torch.equal(before[key], value) for key, value in strategy.model.state_dict().items())


def test_weight_alignment_gives_new_classes_the_mean_norm_of_old_ones(engine):
    strategy, _ = make(engine, "replay", ReplaySettings(scaling="weight-align"))
    before = weights_of(strategy.model)
    strategy.finish()
    after = strategy.model.state_dict()
    old_norm = before["network.6.weight"][:OLD].norm(dim=1).mean()
    new_norms = before["network.6.weight"][OLD:].norm(dim=1)
    assert not torch.isclose(old_norm, new_norms.mean(), rtol=0.05)
    torch.testing.assert_close(after["network.6.weight"][OLD:].norm(dim=1).mean(), old_norm)
    factor = old_norm / new_norms.mean()  # one for all new classes: their ratios and directions stay
    torch.testing.assert_close(after["network.6.weight"][OLD:], before["network.6.weight"][OLD:] * factor)
    assert torch.equal(after["network.6.weight"][:OLD], before["network.6.weight"][:OLD])
    others = [key for key in after if key != "network.6.weight"]
    assert "network.6.bias" in others
    assert all(torch.equal(after[key], before[key]) for key in others)


@pytest.mark.parametrize(
    ("name", "scaling"),
    [(name, None) for name in SPECS] + [("replay", scaling) for scaling in SCALINGS if scaling != "weight-align"],
)
def test_finishing_changes_nothing_elsewhere(engine, name, scaling):
    strategy, _ = make(engine, name, scaling and ReplaySettings(scaling=scaling))
    before = weights_of(strategy.model)
    strategy.finish()
    assert all(torch.equal(before[key], value) for key, value in strategy.model.state_dict().items())


@pytest.mark.parametrize("lift", [-6.0, 6.0])
def test_the_tie_brings_the_scales_together_and_nothing_else_does(engine, lift):
    def difference_after(scaling: str) -> tuple[float, float]:
        settings = ReplaySettings(lambda_kd=0.0, lambda_s=100.0, scaling=scaling, strong=0.0)
        strategy, _ = make(engine, "replay", settings)
        with torch.no_grad():
            strategy.model.network[-1].bias[OLD:] += lift
        # Momentum and decay have no part in a first step, nor has the size of it: only the direction counts.
        optimiser = torch.optim.SGD(strategy.model.parameters(), lr=1e-5)
        strategy.train()
        loss, row = strategy.loss(IMAGES, LABELS, SAMPLES)
        loss.backward()
        optimiser.step()
        return float(row["scale_difference"]), float(strategy.loss(IMAGES, LABELS, SAMPLES)[1]["scale_difference"])

    before, tied = difference_after("tie")
    same, free = difference_after("none")
    assert before == same
    assert tied < before - 1e-2
    assert abs(free - before) < 2e-3
