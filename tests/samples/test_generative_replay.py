"""The VAE that remembers samples: it learns, it does not forget at once, and it is all that has to be kept."""

from __future__ import annotations

import copy
import functools

import pytest
import torch
from torch import nn

from degan_cli.engine import start
from degan_cli.losses import information_loss, one_hot_loss
from degan_cli.models import Classifier
from degan_cli.samples import generative_replay
from degan_cli.samples.generative_replay import LATENT, Encoder, GenerativeReplay
from degan_cli.specs import GanShape, InputSpec

INPUT = InputSpec(channels=1, height=16, width=16, mean=(0.5,), std=(0.5,))
SHAPE = GanShape(channels=1, size=16, latent=100, width=8)
BYTES = 7


def halves(labels, seed):
    """Images of four classes: bright above, below, at the left, at the right."""
    first = (torch.arange(16) < 8).float()
    above, left = first.view(16, 1).expand(16, 16), first.expand(16, 16)
    patterns = 0.1 + 0.8 * torch.stack([above, 1 - above, left, 1 - left])
    noise = torch.randn(len(labels), 1, 16, 16, generator=torch.Generator().manual_seed(seed))
    return (patterns[labels, None] + 0.05 * noise).clamp(0, 1)


@functools.cache
def classifier():
    """Of :func:`halves`, trained."""
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(1, 8, 5, 2), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten())
    result = Classifier(nn.Sequential(body, nn.Linear(8 * 36, 4)), "tiny", ("a", "b", "c", "d"), INPUT)
    optimiser = torch.optim.Adam(result.parameters(), 0.01)
    labels = torch.arange(32) % 4
    for step in range(40):
        nn.functional.cross_entropy(result(halves(labels, step)), labels).backward()
        optimiser.step()
        optimiser.zero_grad()
    return result.freeze()


class Shown:
    """Random images of some classes only."""

    online = True
    device = torch.device("cpu")
    stored_bytes = BYTES

    def __init__(self):
        self.classes = [0, 1]
        self.drawn = 0

    def learn(self, interrupted=None):
        return {"shown": torch.zeros(())}

    def draw(self, count):
        self.drawn += 1
        return halves(torch.tensor(self.classes)[torch.randint(len(self.classes), (count,))], self.drawn)

    def held_out(self, count):
        return (halves(torch.zeros(count, dtype=torch.int64), 0) * 255).to(torch.uint8)

    def parts(self):
        return {}

    def state(self):
        return {"drawn": torch.tensor(self.drawn)}

    def load_state(self, state):
        self.drawn = int(state["drawn"])


def make(seed=0, share=0.5, shape=SHAPE, batch_size=40):
    return GenerativeReplay(start("cpu", "fp32", seed=seed), Shown(), classifier(), shape, share, batch_size)


def memories(replay, count=400):
    replay.share, share = 0.9, replay.share
    images = torch.cat([replay.draw(100)[10:] for _ in range(-(-count // 90))])
    replay.share = share
    return images


def test_it_is_quiet_until_its_first_update():
    replay = make()
    torch.manual_seed(4)
    drawn = replay.draw(6)
    torch.manual_seed(4)
    assert torch.equal(drawn, Shown().draw(6))


def test_it_learns_in_the_first_four_of_ten_steps_and_what_it_wraps_in_all():
    replay = make()
    rows = [replay.learn() for _ in range(24)]
    assert all("shown" in row for row in rows)
    turns = [step for step, row in enumerate(rows) if "vae_pixels" in row]
    assert turns == [*range(4), *range(10, 14), *range(20, 24)]


def test_a_share_of_each_draw_are_memories_after_new_images():
    replay = make(share=0.25)
    replay.learn()
    shown = replay.source.drawn
    images = replay.draw(12)
    assert images.shape == (12, 1, 16, 16)
    assert replay.source.drawn == shown + 1
    assert (classifier()(images[:9]).argmax(dim=1) < 2).all(), "nine new ones of the classes that are shown"
    clear = (images - 0.5).abs().flatten(1).mean(dim=1)  # a VAE of one update knows nothing of light and dark halves
    assert clear[:9].min() > clear[9:].max()


def test_memories_are_fitted_to_the_new_images():
    replay = make(shape=GanShape(channels=3, size=20, latent=100, width=8))
    replay.learn()
    images = replay.draw(6)
    assert images.shape == (6, 1, 16, 16)
    assert 0 <= float(images.min()) < float(images.max()) <= 1
    assert not images.requires_grad


def test_its_first_update_is_the_papers(monkeypatch):
    monkeypatch.setattr(generative_replay, "CODE_WEIGHT", 0.3)
    replay = make()
    encoder, decoder = copy.deepcopy((replay.encoder, replay.decoder))
    torch.manual_seed(3)
    row = replay.learn()

    optimiser = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], 5e-4)
    torch.manual_seed(3)
    images = Shown().draw(40)
    mean, log_variance = encoder(images)
    again = decoder(mean + log_variance.exp().sqrt() * torch.randn(40, LATENT))
    pixels = (again - images).abs().mean()
    responses = (classifier()(again) - classifier()(images)).abs().mean()
    codes = 0.5 * (mean**2 + log_variance.exp() - log_variance - 1).sum() / 40
    (pixels + responses + 0.3 * codes).backward()
    optimiser.step()

    torch.testing.assert_close(row["vae_pixels"], pixels.detach())
    torch.testing.assert_close(row["vae_responses"], responses.detach())
    moved = replay.optimiser.state_dict()["state"]
    wanted = optimiser.state_dict()["state"]
    assert moved.keys() == wanted.keys()
    for index, moments in moved.items():  # the gradients: Adam's first step tells of their signs alone
        torch.testing.assert_close(moments["exp_avg"], wanted[index]["exp_avg"], rtol=1e-3, atol=1e-5)


def test_its_losses_fall(monkeypatch):
    monkeypatch.setattr(generative_replay, "LR", 3e-3)
    replay = make()
    rows = [row for row in (replay.learn() for _ in range(150)) if "vae_pixels" in row]
    assert len(rows) == 60
    for name, share in (("vae_pixels", 0.5), ("vae_responses", 0.2)):
        assert float(rows[-1][name]) < share * float(rows[0][name])


def test_it_learns_what_the_classifier_sees_and_not_pixels_alone(monkeypatch):
    monkeypatch.setattr(generative_replay, "LR", 3e-3)
    ends = []
    for seen in (classifier(), blind()):
        replay = make()
        replay.classifier = seen
        for _ in range(60):
            replay.learn()
        images = halves(torch.arange(80) % 2, 999)
        with torch.no_grad():
            again = replay.decoder(replay.encoder(images)[0])
            ends.append(float((classifier()(again) - classifier()(images)).abs().mean()))
    assert ends[0] < 0.6 * ends[1]


def blind():
    """A classifier to which all images are alike."""
    result = copy.deepcopy(classifier())
    with torch.no_grad():
        result.network[-1].weight.zero_()
    return result


def old_share(monkeypatch, remembered):
    """Share of classes 0 and 1 among memories after only classes 2 and 3 were shown for long."""
    monkeypatch.setattr(generative_replay, "LR", 3e-3)
    monkeypatch.setattr(generative_replay, "REMEMBERED", remembered)
    replay = make()
    for _ in range(150):
        replay.learn()
    seen_at_first = classifier()(memories(replay)).argmax(dim=1)
    assert (seen_at_first < 2).double().mean() > 0.6, "the first classes are known"
    replay.source.classes = [2, 3]
    for _ in range(200):
        replay.learn()
    seen = classifier()(memories(replay)).argmax(dim=1)
    assert (seen >= 2).double().mean() > 0.25, "the new classes are known"
    return float((seen < 2).double().mean())


def test_classes_that_are_no_longer_shown_are_remembered_for_it_learns_from_its_own_memories(monkeypatch):
    with_memories, without = (old_share(monkeypatch, remembered) for remembered in (1, 0))
    assert with_memories > 0.35
    assert without < with_memories - 0.08


def test_codes_are_moved_towards_certain_and_even_classes(monkeypatch):
    replay = make()
    for _ in range(40):
        replay.learn()

    def loss(rate):
        monkeypatch.setattr(generative_replay, "TUNING_LR", rate)
        torch.manual_seed(1)
        logits = classifier()(replay.draw(100)[50:])
        return float(5 * information_loss(logits) + one_hot_loss(logits))

    assert loss(0.1) < loss(0.02) < loss(0.0)


def decoded(replay, do):
    """What ``do`` gives the decoder, call by call."""
    codes = []
    handle = replay.decoder.register_forward_pre_hook(lambda module, given: codes.append(given[0].detach().clone()))
    do()
    handle.remove()
    return codes


def tuned(decoder, z):
    """The codes after the authors' step, with their optimiser."""
    z = z.clone().requires_grad_()
    logits = classifier()(decoder(z))
    top, even = logits.argmax(dim=1), logits.softmax(dim=1).mean(dim=0)
    wanted = 5 * (even * even.log10()).sum() + nn.functional.cross_entropy(logits, top)
    normal = ((z.var(dim=0) - 1) ** 2).sum() / LATENT + (z.mean(dim=0) ** 2).sum() / LATENT
    (wanted + normal).backward()
    torch.optim.Adam([z], 0.02).step()
    return z.detach()


def test_the_codes_of_all_memories_are_moved_by_the_papers_step():
    replay = make()
    for _ in range(3):
        replay.learn()
    for do, count in ((lambda: replay.draw(20), 10), (replay.learn, 8)):  # for the student, and for the VAE itself
        before = copy.deepcopy(replay.decoder)
        drawn, moved, *encoded = decoded(replay, do)
        assert len(drawn) == count
        assert [len(z) for z in encoded] == ([] if count == 10 else [40])
        step = tuned(before, drawn) - drawn
        # The sign of a gradient near 0 is a matter of rounding, and with eps Adam moves such a code less.
        alike = ((moved - drawn) - step).abs() < 1e-4
        assert alike.double().mean() > 0.97
        torch.testing.assert_close((moved - drawn).abs(), torch.full_like(drawn, 0.02), rtol=1e-3, atol=1e-5)


def test_each_dimension_of_the_codes_is_drawn_to_its_own_mean_0_and_variance_1(monkeypatch):
    replay = make()
    replay.learn()
    monkeypatch.setattr(generative_replay, "INFORMATION_WEIGHT", 0.0)
    monkeypatch.setattr(generative_replay, "one_hot_loss", lambda logits: 0 * logits.sum())
    # All codes alike but for their first two dimensions: one has a mean of 3, one is spread too far.
    z = torch.zeros(4, LATENT)
    z[:, 0] = torch.tensor([2.0, 2.0, 4.0, 4.0])
    z[:, 1] = torch.tensor([-3.0, -3.0, 3.0, 3.0])
    z[:, 2] = torch.tensor([-0.1, -0.1, 0.1, 0.1])
    replay.source.draw = lambda count: torch.zeros(count, 1, 16, 16)
    monkeypatch.setattr(torch, "randn", lambda *shape, **about: z.clone().requires_grad_())
    drawn, moved = decoded(replay, lambda: replay.draw(8))
    assert torch.equal(drawn, z)
    signs = ((moved - drawn) / 0.02).round()
    # Mean 3, variance 4/3: for the mean all go down; the variance draws the upper ones down too, the lower ones up.
    # By hand, times LATENT: 2 * 3 / 4 = 1.5 each; 2 * (4/3 - 1) * 2 * (-1 or 1) / 3 = -0.44 or 0.44. Sums 1.06, 1.94.
    assert signs[:, 0].tolist() == [-1, -1, -1, -1]
    assert signs[:, 1].tolist() == [1, 1, -1, -1]  # variance 12
    assert signs[:, 2].tolist() == [-1, -1, 1, 1]  # variance 0.013


def test_a_single_memory_is_moved_too_though_it_has_no_variance():
    replay = make(batch_size=8)
    replay.learn()
    for do in (lambda: replay.draw(2), replay.learn):
        drawn, moved, *_ = decoded(replay, do)
        assert len(drawn) == 1
        torch.testing.assert_close((moved - drawn).abs(), torch.full_like(drawn, 0.02), rtol=1e-3, atol=1e-5)


def test_recalling_trains_nothing():
    replay = make()
    replay.learn()
    weights = copy.deepcopy(list(replay.decoder.parameters()))
    replay.draw(20)
    assert all(torch.equal(now, then) for now, then in zip(replay.decoder.parameters(), weights, strict=True))
    networks = (replay.decoder, replay.encoder, classifier())
    assert all(weight.grad is None for network in networks for weight in network.parameters())


def test_the_classifier_is_left_as_it_was():
    frozen = copy.deepcopy(classifier().state_dict())
    replay = make()
    for _ in range(4):
        replay.learn()
        replay.draw(10)
    assert all(torch.equal(value, frozen[name]) for name, value in classifier().state_dict().items())
    assert not any(module.training for module in classifier().modules())


def test_the_decoder_is_what_has_to_be_stored():
    replay = make()
    linear = LATENT * (16 * 4 * 4) + 16 * 4 * 4
    convolutions = (16 * 16 * 9 + 16) + (16 * 8 * 9 + 8) + (8 * 1 * 9 + 1)
    norms = 4 * (16 + 16 + 8 + 1)  # weight, bias, mean and variance
    assert replay.stored_bytes == BYTES + 4 * (linear + convolutions + norms) + 4 * 8  # four int64 counters


@pytest.mark.parametrize("size", [16, 20, 28, 32])
def test_the_encoder_takes_whatever_size_the_decoder_makes(size):
    mean, log_variance = Encoder(GanShape(channels=3, size=size, width=4))(torch.rand(2, 3, size, size))
    assert mean.shape == log_variance.shape == (2, LATENT)


@pytest.mark.parametrize("times", [0, 1, 7])
def test_it_goes_on_from_its_state(times):
    replay = make()
    for _ in range(times):
        replay.learn()
        replay.draw(8)
    parts = {name: copy.deepcopy(part.state_dict()) for name, part in replay.parts().items()}
    state, random = replay.state(), torch.get_rng_state()
    expected = [(replay.learn(), replay.draw(8)) for _ in range(6)]
    other = make(seed=5)
    other.learn()
    for name, part in other.parts().items():
        part.load_state_dict(parts[name])
    other.load_state(state)
    torch.set_rng_state(random)
    for row, images in expected:
        assert other.learn() == row
        assert torch.equal(other.draw(8), images)
