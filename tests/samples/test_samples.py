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


def test_a_mixture_holds_out_in_proportion_whatever_a_source_has():
    few, many = StoredSource(numbered(20), CPU, 0, "few"), StoredSource(numbered(200), CPU, 1, "many")
    own, others = few.held_out(99), many.held_out(99)  # 4 and 40
    held_out = Mixture([few, many], [1.0, 1.0]).held_out(1000)
    assert torch.equal(held_out, torch.cat([own.repeat(10, 1, 1, 1), others]))
    assert len(Mixture([few, many], [1.0, 3.0]).held_out(8)) == 8


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


def test_images_that_are_mirrored_in_turn_show_both_sides_in_any_two_passes():
    ramps = torch.zeros(50, 1, 1, 2, dtype=torch.uint8)
    ramps[:, 0, 0, 0] = torch.arange(1, 51)  # each image by its one bright pixel, at the left
    source = StoredSource(ramps, CPU, 0, "p")
    torch.manual_seed(0)
    source.mirror_in_turn()
    passes = []
    for _ in range(4):
        drawn = source.draw(40)  # all that are not held out
        bright = drawn.amax(dim=(1, 2, 3)).mul(255).round().int().tolist()
        passes.append(dict(zip(bright, (drawn[:, 0, 0, 1] > 0).tolist(), strict=True)))
    assert all(len(one) == 40 for one in passes)
    assert 5 < sum(passes[0].values()) < 35  # which begin mirrored is drawn
    for before, after in zip(passes, passes[1:], strict=False):
        assert all(after[image] is not mirrored for image, mirrored in before.items())


def test_mirroring_in_turn_goes_on_where_it_was():
    def source():
        made = StoredSource(torch.arange(120, dtype=torch.uint8).view(30, 1, 2, 2), CPU, 0, "p")
        made.mirror_in_turn()
        return made

    whole = source()
    torch.manual_seed(1)
    whole.draw(9)
    state, random = whole.state(), torch.get_rng_state()
    state = {name: value.clone() for name, value in state.items()}
    expected = [whole.draw(9) for _ in range(6)]
    resumed = source()
    resumed.load_state(state)
    torch.set_rng_state(random)
    assert all(torch.equal(one, resumed.draw(9)) for one in expected)


def test_generated_images_are_mirrored_by_chance(tiny_generator):
    torch.manual_seed(0)
    plain = GeneratorSource(tiny_generator, CPU).draw(64)
    source = GeneratorSource(tiny_generator, CPU)
    source.mirror_in_turn()
    torch.manual_seed(0)
    mirrored = source.draw(64)
    same = (mirrored == plain).flatten(1).all(dim=1)
    turned = (mirrored == plain.flip(3)).flatten(1).all(dim=1)
    assert bool((same ^ turned).all())
    assert 16 < int(turned.sum()) < 48
