import torch

from degan_cli.images import ImageStore
from degan_cli.images import store as image_store

IMAGES = torch.randint(0, 256, (10, 3, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
CPU = torch.device("cpu")


def test_images_come_by_index():
    store = ImageStore(IMAGES, CPU)
    assert len(store) == 10
    assert not store.streamed
    assert torch.equal(store.take(torch.tensor([7, 0, 7])), IMAGES[[7, 0, 7]])


def test_what_would_fill_half_of_the_device_stays_where_it_is_and_gives_the_same_images(monkeypatch):
    monkeypatch.setattr(image_store, "free_bytes", lambda device: 2 * IMAGES.nbytes - 1)
    store = ImageStore(IMAGES, CPU)
    assert store.streamed
    assert store.home == IMAGES.device
    assert torch.equal(store.take(torch.tensor([3, 4])), IMAGES[3:5])
    monkeypatch.setattr(image_store, "free_bytes", lambda device: 2 * IMAGES.nbytes)
    assert not ImageStore(IMAGES, CPU).streamed
