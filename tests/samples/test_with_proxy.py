"""Proxy images beside those of another source: how many, in which order, and exact continuation."""

from __future__ import annotations

import pytest
import torch

from degan_cli.samples.bank import Bank
from degan_cli.samples.with_proxy import WithProxy

MADE, BYTES = 200, 1000
"""The level of every generated pixel, and what the generator takes."""


class Made:
    """A generator that has learned one image; the numbers of images asked of it."""

    online = True
    device = torch.device("cpu")
    stored_bytes = BYTES

    def __init__(self):
        self.asked = []

    def learn(self, interrupted=None):
        return {"loss": torch.zeros(())}

    def draw(self, count):
        self.asked.append(count)
        return torch.full((count, 1, 4, 4), MADE / 255)

    def held_out(self, count):
        return torch.full((count, 1, 4, 4), MADE, dtype=torch.uint8)

    def parts(self):
        return {"network": torch.nn.Linear(1, 1)}

    def state(self):
        return {"asked": torch.tensor(len(self.asked))}

    def load_state(self, state):
        self.asked = [0] * int(state["asked"])


def numbered(count=30, side=4):
    """Proxy images whose pixels are all their number."""
    return torch.arange(count, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, side, side).contiguous()


def levels(images):
    return (images[:, 0, 0, 0] * 255).round().int().tolist()


@pytest.mark.parametrize(("share", "count", "given"), [(0.5, 10, 5), (0.25, 12, 3), (0.9, 10, 9), (0.9, 2, 1)])
def test_a_share_of_each_draw_is_proxy_and_the_rest_is_made(share, count, given):
    inner = Made()
    source = WithProxy(inner, numbered(), share)
    for _ in range(3):
        drawn = levels(source.draw(count))
        assert drawn[: count - given] == [MADE] * (count - given), "the made ones come first"
        assert all(level < 30 for level in drawn[count - given :])
        assert len(drawn) == count
    assert inner.asked == [count - given] * 3


def test_each_proxy_image_comes_once_per_pass_in_random_order():
    torch.manual_seed(0)
    source = WithProxy(Made(), numbered(), 0.5)
    passes = [[level for _ in range(3) for level in levels(source.draw(20))[10:]] for _ in range(2)]
    assert sorted(passes[0]) == sorted(passes[1]) == list(range(30))
    assert passes[0] != sorted(passes[0])
    assert passes[0] != passes[1]


def test_proxy_images_are_fitted_to_the_others():
    assert WithProxy(Made(), numbered(side=8), 0.5).draw(6).shape == (6, 1, 4, 4)


def test_held_out_images_are_made_ones():
    assert set(WithProxy(Made(), numbered(), 0.5).held_out(9).flatten().tolist()) == {MADE}


def test_the_proxy_has_to_be_kept_too():
    assert WithProxy(Made(), numbered(), 0.5).stored_bytes == BYTES + 30 * 16


def test_a_memory_inside_remembers_made_images_only():
    bank = Bank(Made(), share=0.5, capacity=100, every=1)
    source = WithProxy(bank, numbered(), 0.5)
    for _ in range(4):
        drawn = levels(source.draw(16))
    assert [level == MADE for level in drawn] == [True] * 8 + [False] * 8
    assert set(bank.state()["bank"].flatten().tolist()) == {MADE}
    assert bank.source.asked == [8, 4, 4, 4]


def test_what_it_wraps_learns_and_is_saved():
    source = WithProxy(Made(), numbered(), 0.5)
    assert source.online
    assert source.learn().keys() == {"loss"}
    assert source.parts().keys() == {"network"}


@pytest.mark.parametrize("times", [0, 1, 7])
def test_it_goes_on_from_its_state(times):
    torch.manual_seed(0)
    source = WithProxy(Made(), numbered(), 0.4)
    for _ in range(times):
        source.draw(10)
    state, random = source.state(), torch.get_rng_state()
    expected = [source.draw(10) for _ in range(20)]
    other = WithProxy(Made(), numbered(), 0.4)
    other.draw(3)
    other.load_state(state)
    assert len(other.source.asked) == times
    torch.set_rng_state(random)
    assert all(torch.equal(other.draw(10), images) for images in expected)
