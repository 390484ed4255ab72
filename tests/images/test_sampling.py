import pytest
import torch

from degan_cli.images import Shuffle

CPU = torch.device("cpu")


def test_each_pass_holds_each_item_once_and_batches_are_full():
    shuffle = Shuffle(10, CPU)
    taken = torch.cat([shuffle.take(4) for _ in range(5)])
    assert len(taken) == 20
    assert sorted(taken[:10].tolist()) == list(range(10))
    assert sorted(taken[10:].tolist()) == list(range(10))
    assert taken[:10].tolist() != taken[10:].tolist()


def test_a_batch_may_be_larger_than_the_set():
    assert torch.bincount(Shuffle(3, CPU).take(9)).tolist() == [3, 3, 3]


def test_state_goes_on_in_the_middle_of_a_pass():
    torch.manual_seed(1)
    shuffle = Shuffle(7, CPU)
    shuffle.take(5)
    state, random = shuffle.state(), torch.get_rng_state()
    expected = shuffle.take(10)

    other = Shuffle(7, CPU)
    other.load_state(state)
    torch.set_rng_state(random)
    assert torch.equal(other.take(10), expected)


def test_state_of_another_set_is_refused():
    shuffle = Shuffle(7, CPU)
    shuffle.take(1)
    with pytest.raises(ValueError, match="had 7 items, now there are 8"):
        Shuffle(8, CPU).load_state(shuffle.state())
