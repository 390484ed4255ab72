"""Random numbers of a batch that processes share: their parts together are what one process would draw."""

from __future__ import annotations

import pytest
import torch

from degan_cli.images import Shuffle, augment, augment_strongly, diff_augment, draws, resized_crop
from degan_cli.images.outlines import outline_some

IMAGES = torch.rand(8, 3, 16, 16, generator=torch.Generator().manual_seed(1))


def parts_of(monkeypatch, work, processes=2):
    """What ``work`` gives in each process, all of which start from one random state."""
    found = []
    for rank in range(processes):
        monkeypatch.setattr(draws, "group", lambda rank=rank: (rank, processes))
        monkeypatch.setattr("degan_cli.images.order.group", lambda rank=rank: (rank, processes))
        torch.manual_seed(5)
        found.append(work(slice(rank * 8 // processes, (rank + 1) * 8 // processes)))
    monkeypatch.undo()
    return found


@pytest.mark.parametrize("processes", [2, 4])
@pytest.mark.parametrize(
    "draw",
    [
        lambda n: draws.rand(n, 3),
        lambda n: draws.randn(n, 2, 5),
        lambda n: draws.randint(100, (n, 1)),
        lambda n: draws.rand(2, n, dim=1).T,
        lambda n: draws.randn_like(torch.empty(n, 3, 4, 4).to(memory_format=torch.channels_last)),
    ],
)
def test_parts_together_are_what_one_process_draws(monkeypatch, processes, draw):
    torch.manual_seed(5)
    whole = draw(8)
    assert torch.equal(torch.cat(parts_of(monkeypatch, lambda own: draw(8 // processes), processes)), whole)


@pytest.mark.parametrize(
    "change",
    [
        augment_strongly,
        outline_some,
        diff_augment,
        lambda images: augment(images, "crop-flip"),
        lambda i: resized_crop(i, flip=True),
    ],
)
def test_an_image_is_changed_alike_in_whatever_process_it_is(monkeypatch, change):
    torch.manual_seed(5)
    whole = change(IMAGES)
    torch.testing.assert_close(torch.cat(parts_of(monkeypatch, lambda own: change(IMAGES[own]))), whole)


def test_processes_walk_one_order(monkeypatch):
    def two_batches(own):
        shuffle = Shuffle(10, torch.device("cpu"))
        return torch.stack([shuffle.take(4), shuffle.take(4)])  # the second runs on into the next pass

    first, second = parts_of(monkeypatch, two_batches)
    assert sorted(torch.cat([first[0], second[0], first[1, :2]]).tolist()) == list(range(10))
