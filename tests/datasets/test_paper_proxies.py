from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
import torch

from degan_cli import artifact
from degan_cli.datasets import degan_datasets
from degan_cli.datasets.class_names import CIFAR100
from degan_cli.datasets.paper_proxies import FORTY, NINETY, PROXIES, SIX, SUPERCLASSES, VEHICLES
from degan_cli.specs import DatasetRequest, ImageSet

# fmt: off
FORTY_INDICES = [
    0, 5, 9, 10, 12, 16, 17, 20, 22, 23, 25, 28, 33, 37, 39, 40, 47, 49, 51, 52, 53, 54, 56, 57, 59, 60, 61, 62, 68, 70,
    71, 76, 82, 83, 84, 86, 87, 92, 94, 96,
]
# fmt: on


def indices(names: tuple[str, ...]) -> list[int]:
    return [CIFAR100.index(name) for name in names]


def test_the_hundred_names_are_alphabetical_and_all_there() -> None:
    assert len(set(CIFAR100)) == 100
    assert sorted(CIFAR100) == list(CIFAR100)


def test_ninety_classes_and_ten_vehicles_are_all() -> None:
    assert indices(VEHICLES) == [8, 13, 48, 58, 90, 41, 69, 81, 85, 89]
    assert len(NINETY) == 90
    assert set(NINETY) | set(VEHICLES) == set(CIFAR100)


def test_forty_classes_are_eight_superclasses() -> None:
    assert {len(names) for names in SUPERCLASSES.values()} == {5}
    assert indices(FORTY) == FORTY_INDICES


def test_six_background_classes_are_those_of_the_authors() -> None:
    assert indices(SIX) == [68, 23, 33, 49, 60, 71]


def test_first_draw_is_the_public_one() -> None:
    assert indices(PROXIES["cifar100-10-1"].classes) == [70, 47, 49, 37, 86, 53, 16, 94, 54, 25]


@pytest.mark.parametrize("number", range(1, 6))
def test_each_draw_has_ten_of_the_forty(number: int) -> None:
    proxy = PROXIES[f"cifar100-10-{number}"]
    assert len(set(proxy.classes)) == 10
    assert set(proxy.classes) <= set(FORTY)
    assert ("our own" in proxy.description) == (number > 1)


def test_draws_differ() -> None:
    assert len({frozenset(PROXIES[f"cifar100-10-{number}"].classes) for number in range(1, 6)}) == 5


def test_a_proxy_holds_just_its_classes(tmp_path: Path) -> None:
    labels = torch.arange(100).repeat(3)  # far fewer images than the real set has
    images = labels.to(torch.uint8).view(-1, 1, 1, 1).expand(-1, 3, 2, 2).contiguous()
    whole = ImageSet(images=images, labels=labels, class_names=CIFAR100)
    artifact.save_dataset(tmp_path / "cifar100-train.safetensors", whole, "cifar100", "train")
    spec = next(spec for spec in degan_datasets() if spec.name == "cifar100-6")
    proxy = spec.load(DatasetRequest(split="train", data_dir=tmp_path))
    assert proxy.class_names == SIX
    assert proxy.labels is not None
    assert Counter(proxy.labels.tolist()) == dict.fromkeys(range(6), 3)
    assert [indices(SIX)[label] for label in proxy.labels] == proxy.images[:, 0, 0, 0].tolist()
