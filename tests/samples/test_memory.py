"""The bank: reservoir sampling over all that was offered, and its share of each draw."""

import pytest
import torch

from degan_cli.samples.bank import Bank

CPU = torch.device("cpu")


class Counter:
    """Images whose only pixel is their number, each once: as if a generator changed with every draw."""

    online = True
    device = CPU
    stored_bytes = 1000

    def __init__(self):
        self.next = 0
        self.learned = 0

    def learn(self, interrupted=None):
        self.learned += 1
        return {"loss": torch.tensor(self.learned)}

    def draw(self, count):
        numbers = torch.arange(self.next, self.next + count) % 256
        self.next += count
        return numbers.float().div(255).view(-1, 1, 1, 1)

    def held_out(self, count):
        return torch.full((count, 1, 1, 1), 7, dtype=torch.uint8)

    def parts(self):
        return {"network": torch.nn.Linear(1, 1)}

    def state(self):
        return {"next": torch.tensor(self.next)}

    def load_state(self, state):
        self.next = int(state["next"])


def numbers(images):
    return (images * 255).round().int().flatten().tolist()


def remembered(bank):
    return bank.state()["bank"].flatten().tolist()


def test_the_first_draw_is_new_and_then_a_share_is_replayed():
    bank = Bank(Counter(), share=0.25, capacity=100, every=1000)
    assert numbers(bank.draw(8)) == list(range(8))
    images = numbers(bank.draw(12))
    assert images[:9] == list(range(8, 17)), "the new ones come first"
    assert set(images[9:]) <= set(range(8))
    assert len(images) == 12


def test_replayed_images_come_from_anywhere_in_the_bank():
    bank = Bank(Counter(), share=0.5, capacity=8, every=1000)
    bank.draw(8)
    torch.manual_seed(0)
    replayed = torch.tensor([number for _ in range(200) for number in numbers(bank.draw(16))[8:]])
    assert replayed.bincount(minlength=8).min() > 140  # 200 each on average, +- 13
    assert len(replayed.unique()) == 8


def test_images_are_offered_in_some_draws_only_and_only_new_ones():
    bank = Bank(Counter(), share=0.5, capacity=1000, every=3)
    for count in (4, 10, 10, 10, 10):
        bank.draw(count)
    # The first draw's 4, and of the fourth the 5 new ones, after 4 + 5 + 5 others.
    assert remembered(bank) == [0, 1, 2, 3, 14, 15, 16, 17, 18]


def test_the_bank_never_holds_more_than_its_capacity():
    bank = Bank(Counter(), share=0.3, capacity=10, every=1)
    for count in (3, 4, 9, 1, 30, 2):
        bank.draw(count)
        assert len(remembered(bank)) <= 10
    assert len(remembered(bank)) == 10
    assert bank.stored_bytes == 1000 + 10


def test_each_image_ever_offered_is_kept_with_equal_probability():
    """60 images in batches of unequal size, 10 kept: in 3,000 trials each 500 times, +- 20."""
    torch.manual_seed(0)
    kept = torch.zeros(60, dtype=torch.int64)
    for _ in range(3000):
        bank = Bank(Counter(), share=1e-9, capacity=10, every=1)
        for count in (4, 11, 1, 24, 20):
            bank.draw(count)
        images = remembered(bank)
        assert len(set(images)) == 10
        kept[images] += 1
    assert kept.sum() == 30_000
    assert kept.min() > 500 - 4.5 * 20.4
    assert kept.max() < 500 + 4.5 * 20.4
    for ten in kept.split(10):  # that come one after another: together 5,000 times, +- 59
        assert abs(ten.sum() - 5000) < 4.5 * 59
    # Also as a whole: chi-squared of 59 degrees, whose deviation is 11.
    assert float(((kept - 500.0) ** 2 / (500 * 5 / 6)).sum()) < 59 + 4.5 * 11


@pytest.mark.parametrize("times", [0, 1, 7])
def test_a_bank_goes_on_from_its_state(times):
    torch.manual_seed(0)
    bank = Bank(Counter(), share=0.4, capacity=12, every=2)
    for _ in range(times):
        bank.draw(10)
    state, random = bank.state(), torch.get_rng_state()
    expected = [bank.draw(10) for _ in range(6)]
    end = bank.state()
    other = Bank(Counter(), share=0.4, capacity=12, every=2)
    other.draw(3)
    other.load_state(state)
    torch.set_rng_state(random)
    assert all(torch.equal(other.draw(10), images) for images in expected)
    assert other.state().keys() == end.keys()
    assert all(torch.equal(value, end[name]) for name, value in other.state().items())


def test_what_it_wraps_learns_and_is_asked_for_the_rest():
    bank = Bank(Counter(), share=0.5)
    assert bank.online
    assert bank.device == CPU
    assert bank.learn() == {"loss": torch.tensor(1)}
    assert bank.held_out(3).flatten().tolist() == [7, 7, 7]
    assert bank.parts().keys() == {"network"}
    assert bank.stored_bytes == 1000
