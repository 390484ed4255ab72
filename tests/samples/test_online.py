"""Samples that change while a student learns: whose turn it is, what is drawn, and exact continuation."""

from __future__ import annotations

import copy

import pytest
import torch
from conftest import INPUT, SHAPE, TinyDiscriminator, TinyGenerator, tiny_classifier

from degan_cli.config.methods import CdeSettings, DaflSettings
from degan_cli.engine import start
from degan_cli.methods.cde import CondensedExpansion
from degan_cli.methods.dafl import Dafl
from degan_cli.methods.dcgan import Dcgan
from degan_cli.models import Generator
from degan_cli.samples.online import OnlineGenerator, Pool
from degan_cli.specs import ImageSet, InversionParts, MethodParts

PROXY = torch.randint(0, 256, (50, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def generating(kind=Dafl, proxy=None, every=1, shape=INPUT.shape, seed=2, batch_size=6):
    engine = start("cpu", "fp32", seed=0)
    torch.manual_seed(seed)
    method = kind(
        MethodParts(
            engine=engine,
            generator=Generator(TinyGenerator(), "tiny", SHAPE),
            discriminator=TinyDiscriminator(),
            classifier=tiny_classifier(seed=1).freeze(),
            latent=4,
            lr=2e-3,
            settings=DaflSettings(),
        )
    )
    return OnlineGenerator(engine, method, proxy, shape, batch_size, every)


def given_to(source):
    """What the method's steps are given, noted from now on."""
    batches, step = [], source.method.step

    def noting(real):
        batches.append(real)
        return step(real)

    source.method.step = noting
    return batches


def take_up(source, parts, state):
    for name, part in source.parts().items():
        part.load_state_dict(parts[name])
    source.load_state(state)


def frozen_parts(source):
    return {name: copy.deepcopy(part.state_dict()) for name, part in source.parts().items()}


# --- a generator -----------------------------------------------------------------------------------------------------


def test_the_method_learns_at_first_and_then_on_its_turn_only():
    source = generating(every=3)
    rows = [source.learn() for _ in range(7)]
    assert [bool(row) for row in rows] == [True, False, False, True, False, False, True]
    assert rows[0].keys() == {"one_hot", "activation", "information"}


def test_without_a_proxy_the_method_is_told_how_many_images_to_make():
    source = generating()
    batches = given_to(source)
    source.learn()
    assert [tuple(batch.shape) for batch in batches] == [(6, 0, 0, 0)]


def test_with_a_proxy_each_image_comes_once_per_pass():
    source = generating(Dcgan, PROXY, batch_size=10)
    batches = given_to(source)
    for _ in range(5):
        source.learn()
    seen = torch.cat(batches)
    assert 0 <= float(seen.min()) < float(seen.max()) <= 1
    assert sorted(seen.flatten(1).sum(dim=1).tolist()) == pytest.approx(
        sorted((PROXY / 255).flatten(1).sum(dim=1).tolist()), abs=1e-4
    )


def test_draws_are_new_fitted_and_detached():
    source = generating(shape=(3, 12, 10))
    first = source.draw(5)
    assert first.shape == (5, 3, 12, 10)
    assert not first.requires_grad
    assert not torch.equal(first, source.draw(5))
    assert source.method.generator.training


def test_draws_show_what_the_generator_has_learned():
    source = generating()
    torch.manual_seed(5)
    before = source.draw(5)
    source.learn()
    torch.manual_seed(5)
    assert not torch.equal(source.draw(5), before)


def test_held_out_images_have_noise_of_their_own_and_are_those_of_today():
    source = generating()
    first = source.held_out(300)
    random = torch.get_rng_state()
    assert torch.equal(source.held_out(300), first)
    assert torch.equal(torch.get_rng_state(), random)
    assert first.dtype == torch.uint8
    assert first.shape == (300, 1, 8, 8)
    source.learn()
    assert not torch.equal(source.held_out(300), first)
    assert [len(source.held_out(count)) for count in (1, 257)] == [1, 257]


def test_only_the_generator_has_to_be_kept():
    source = generating(Dcgan, PROXY)
    weights, statistics = 4 * 64 + 64 + 64, 64 + 64
    assert source.stored_bytes == 4 * (weights + statistics) + 8  # and the number of batches seen, int64


@pytest.mark.parametrize(("kind", "proxy"), [(Dafl, None), (Dcgan, PROXY)])
def test_a_generator_goes_on_from_its_state(kind, proxy):
    source = generating(kind, proxy, every=2)
    for _ in range(3):
        source.learn()
        source.draw(4)
    parts, state, random = frozen_parts(source), source.state(), torch.get_rng_state()
    expected = []
    for _ in range(8):
        expected.append((len(source.learn()), source.draw(4)))
    other = generating(kind, proxy, every=2, seed=9)
    take_up(other, parts, state)
    torch.set_rng_state(random)
    for length, images in expected:
        assert len(other.learn()) == length
        assert torch.equal(other.draw(4), images)


# --- a pool ----------------------------------------------------------------------------------------------------------


class Numbered:
    """An inversion whose n-th batch holds the levels 20 n, 20 n + 1, ..."""

    def __init__(self):
        self.begun = []

    def begin(self, count, noise):
        self.begun.append(noise.initial_seed())
        level = 20 * (len(self.begun) - 1) + torch.arange(count)
        return level.div(255).view(-1, 1, 1, 1).expand(-1, 1, 8, 8).clone(), torch.zeros(count, dtype=torch.int64)

    def loss(self, values, targets, noise):
        return (values * 0).sum(), {"nothing": torch.zeros(())}

    def pixels(self, values):
        return values

    def learn(self, images, targets):
        return {"mean": images.mean()}

    def state(self):
        return {}


def levels(images):
    return (images[:, 0, 0, 0] * 255).round().int().tolist()


def pool(inversion=None, condensed=None, **settings):
    settings = {"batch_size": 10, "steps": 2, "lr": 0.01, "every": 4, "seed": 0, **settings}
    return Pool(start("cpu", "fp32", seed=0), inversion or Numbered(), condensed, **settings)


def test_the_first_batch_is_made_at_once_and_then_one_every_so_many_steps():
    source = pool()
    rows = [source.learn() for _ in range(9)]
    assert [bool(row) for row in rows] == [step in (0, 4, 8) for step in range(9)]
    assert rows[0].keys() == {"loss", "nothing", "mean"}
    assert source.stored_bytes == 3 * 10 * 64


def test_each_batch_has_noise_of_its_own():
    first, second = Numbered(), Numbered()
    for inversion, seed in ((first, 0), (second, 1)):
        source = pool(inversion, seed=seed, every=1)
        for _ in range(3):
            source.learn()
    assert len({*first.begun, *second.begun}) == 6


def test_every_image_of_every_batch_is_drawn_alike():
    source = pool(every=1)
    for _ in range(3):
        source.learn()
    torch.manual_seed(0)
    drawn = torch.tensor([level for _ in range(60) for level in levels(source.draw(50))])
    counts = drawn.bincount(minlength=60)
    known = [20 * batch + image for batch in range(3) for image in range(10)]
    assert counts[known].sum() == 3000
    assert counts[known].min() > 55  # 100 each on average, +- 10


def test_held_out_are_the_newest():
    source = pool(every=1)
    for _ in range(3):
        source.learn()
    assert [image[0, 0, 0].item() for image in source.held_out(13)] == [27, 28, 29, *range(40, 50)]
    assert source.held_out(13).dtype == torch.uint8
    assert len(source.held_out(1000)) == 30


def test_half_of_each_draw_are_condensed_images_under_one_change():
    white = torch.full((4, 1, 8, 8), 255, dtype=torch.uint8)
    data = ImageSet(images=white, labels=torch.arange(4) % 3, class_names=("a", "b", "c"))
    source = pool(condensed=data)
    source.learn()
    torch.manual_seed(0)
    changed = 0
    for _ in range(20):
        images = source.draw(11)
        assert images.shape == (11, 1, 8, 8)
        assert max(levels(images[:6])) < 20, "the larger half is made"
        assert float(images.min()) >= 0
        assert 0.8 < float(images[6:].max()) <= 1
        assert all(torch.equal(image, images[6]) for image in images[7:]), "alike, as the change is the same"
        changed += not bool((images[6] == 1).all())
    assert changed > 10


def test_without_condensed_images_nothing_is_augmented():
    source = pool()
    source.learn()
    images = source.draw(30)
    assert all(len(image.unique()) == 1 for image in images)
    assert set(levels(images)) <= set(range(10))


def expanding(seed=3):
    """A pool of an inversion that has something to learn, and condensed images."""
    torch.manual_seed(seed)
    images = torch.randint(0, 256, (3, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    data = ImageSet(images=images, labels=torch.arange(3), class_names=("class 0", "class 1", "class 2"))
    parts = InversionParts(
        engine=start("cpu", "fp32", seed=seed),
        classifier=tiny_classifier(seed=1).freeze(),
        condensed=data,
        settings=CdeSettings(judge_steps=3),
    )
    return pool(CondensedExpansion(parts), data, every=2, batch_size=5)


@pytest.mark.parametrize("times", [0, 1, 4])
def test_a_pool_goes_on_from_its_state(times):
    source = expanding()
    for _ in range(times):
        source.learn()
        source.draw(7)
    parts, state, random = frozen_parts(source), source.state(), torch.get_rng_state()
    expected = [(source.learn(), source.draw(7)) for _ in range(5)]
    other = expanding(seed=8)
    take_up(other, parts, state)
    torch.set_rng_state(random)
    for row, images in expected:
        assert other.learn() == row
        assert torch.equal(other.draw(7), images)
    assert torch.equal(other.held_out(100), source.held_out(100))
