import pytest
import torch

from degan_cli.errors import BadFile
from degan_cli.samples.sources import GeneratorSource, Mixture, StoredSource

CPU = torch.device("cpu")


def numbered(count):
    """Images whose only pixel is their number."""
    return torch.arange(count, dtype=torch.uint8).view(-1, 1, 1, 1)


def seen(images):
    return set((images * 255).round().int().flatten().tolist())


def test_held_out_images_are_a_fifth_and_never_drawn():
    source = StoredSource(numbered(50), CPU, 0, "p")
    held_out = set(source.held_out(100).flatten().tolist())
    drawn = seen(torch.cat([source.draw(9) for _ in range(20)]))
    assert len(held_out) == 10
    assert held_out | drawn == set(range(50))
    assert not held_out & drawn


def test_the_split_depends_on_the_seed_alone():
    first, again = (StoredSource(numbered(50), CPU, 3, "p").held_out(9) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(first, StoredSource(numbered(50), CPU, 4, "p").held_out(9))


def test_a_single_image_is_refused():
    with pytest.raises(BadFile, match=r"folder: 1 image\(s\), but a student needs at least 2"):
        StoredSource(numbered(1), CPU, 0, "folder")


def test_a_generator_gives_new_images_and_the_same_held_out_ones(tiny_generator):
    source = GeneratorSource(tiny_generator, CPU)
    first = source.draw(4)
    assert not torch.equal(first, source.draw(4))
    assert not first.requires_grad
    held_out = source.held_out(6)
    torch.manual_seed(123)
    assert torch.equal(held_out, source.held_out(6))
    assert not tiny_generator.training


def test_a_mixture_draws_by_weight():
    low, high = StoredSource(numbered(100), CPU, 0, "a"), StoredSource(numbered(100) + 100, CPU, 0, "b")
    mixture = Mixture([low, high], [3.0, 1.0])
    torch.manual_seed(0)
    values = (torch.cat([mixture.draw(64) for _ in range(50)]) * 255).round()
    assert len(values) == 3200
    assert 0.7 < float((values < 100).float().mean()) < 0.8
    assert len(mixture.held_out(20)) == 20


def test_a_mixture_goes_on_from_its_state():
    def make():
        return Mixture([StoredSource(numbered(30), CPU, 0, "a"), StoredSource(numbered(20), CPU, 1, "b")], [1, 1])

    torch.manual_seed(0)
    mixture = make()
    mixture.draw(11)
    state, random = mixture.state(), torch.get_rng_state()
    expected = mixture.draw(25)
    other = make()
    other.load_state(state)
    torch.set_rng_state(random)
    assert torch.equal(other.draw(25), expected)
