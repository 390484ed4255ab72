from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from degan_cli import artifact
from degan_cli.datasets.torchvision_sets import LAYOUTS, load_standard
from degan_cli.errors import BadFile
from degan_cli.specs import DatasetRequest, ImageSet

IMAGES = torch.arange(3 * 28 * 28).remainder(251).to(torch.uint8).view(3, 1, 28, 28)
LABELS = torch.tensor([7, 0, 9])


def idx(values: torch.Tensor) -> bytes:
    """Tensor as the idx files of MNIST hold it: type and rank, big-endian sizes, bytes."""
    sizes = b"".join(size.to_bytes(4, "big") for size in values.shape)
    return bytes([0, 0, 8, values.ndim]) + sizes + values.to(torch.uint8).numpy().tobytes()


def write_mnist(folder: Path, labels: torch.Tensor = LABELS) -> None:
    folder.mkdir(parents=True)
    for stem in ("train", "t10k"):
        (folder / f"{stem}-images-idx3-ubyte").write_bytes(idx(IMAGES.squeeze(1)))
        (folder / f"{stem}-labels-idx1-ubyte").write_bytes(idx(labels))


def write_pack(folder: Path, file: str, name: str, split: str) -> None:
    images = ImageSet(images=IMAGES, labels=LABELS, class_names=tuple("0123456789"))
    artifact.save_dataset(folder / file, images, name, split)


@pytest.mark.parametrize(
    ("name", "folder", "second"), [("mnist", "MNIST", "1"), ("fashion-mnist", "FashionMNIST", "Trouser")]
)
def test_torchvision_layout_is_read_and_cached_as_a_pack(tmp_path: Path, name: str, folder: str, second: str) -> None:
    write_mnist(tmp_path / folder / "raw")
    request = DatasetRequest(split="test", data_dir=tmp_path)
    first = load_standard(name, request)
    assert torch.equal(first.images, IMAGES)
    assert first.labels is not None
    assert torch.equal(first.labels, LABELS)
    assert first.class_names[1] == second

    assert artifact.read_header(tmp_path / f"{name}-test.safetensors").name == name
    (tmp_path / folder).rename(tmp_path / "gone")
    again = load_standard(name, request)
    assert torch.equal(again.images, IMAGES)
    assert again.class_names == first.class_names


def test_folder_that_cannot_be_written_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_mnist(tmp_path / "MNIST" / "raw")

    def refuse(*args: object, **options: object) -> str:
        raise PermissionError("read-only")

    monkeypatch.setattr(artifact, "save_dataset", refuse)
    assert len(load_standard("mnist", DatasetRequest(split="train", data_dir=tmp_path)).images) == 3
    assert os.listdir(tmp_path) == ["MNIST"]


def test_a_pack_comes_first_and_needs_no_torchvision(tmp_path: Path) -> None:
    write_pack(tmp_path, "svhn-train.safetensors", "svhn", "train")
    code = (
        "import sys; from pathlib import Path; from degan_cli.datasets import degan_datasets;"
        "from degan_cli.specs import DatasetRequest;"
        "specs = {spec.name: spec for spec in degan_datasets()}; assert 'torch' not in sys.modules;"
        f"images = specs['svhn'].load(DatasetRequest(split='train', data_dir=Path({str(tmp_path)!r})));"
        "assert len(images.images) == 3; assert 'torchvision' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("svhn", "train_32x32.mat"),
        ("mnist", "MNIST/raw/train-images-idx3-ubyte"),
        ("cifar10", "cifar-10-batches-py/data_batch_1"),
        ("cifar100", "cifar-100-python/train"),
    ],
)
def test_missing_files_are_named_with_what_to_do(tmp_path: Path, name: str, file: str) -> None:
    with pytest.raises(BadFile) as caught:
        load_standard(name, DatasetRequest(split="train", data_dir=tmp_path))
    pack = tmp_path / f"{name}-train.safetensors"
    assert str(caught.value) == (
        f"{name}: neither {pack} nor {file} is in {tmp_path}; put one there, name another folder with --data-dir, "
        "or add --download"
    )


def test_pack_of_another_split_is_refused(tmp_path: Path) -> None:
    write_pack(tmp_path, "mnist-train.safetensors", "mnist", "test")
    with pytest.raises(BadFile, match=r"mnist-train\.safetensors: holds mnist test, not mnist train; rename it"):
        load_standard("mnist", DatasetRequest(split="train", data_dir=tmp_path))


def test_stored_samples_are_no_pack(tmp_path: Path) -> None:
    artifact.save_samples(tmp_path / "mnist-train.safetensors", IMAGES, None, None, ("a",))
    with pytest.raises(BadFile, match="holds samples, not mnist train"):
        load_standard("mnist", DatasetRequest(split="train", data_dir=tmp_path))


def test_damaged_pack_is_not_passed_over(tmp_path: Path) -> None:
    write_mnist(tmp_path / "MNIST" / "raw")
    (tmp_path / "mnist-train.safetensors").write_bytes(b"\x80\x02junk")
    with pytest.raises(BadFile, match=r"mnist-train\.safetensors: looks like a pickled"):
        load_standard("mnist", DatasetRequest(split="train", data_dir=tmp_path))


def test_damaged_layout_is_named(tmp_path: Path) -> None:
    raw = tmp_path / "MNIST" / "raw"
    write_mnist(raw)
    (raw / "train-images-idx3-ubyte").write_bytes(b"\x00\x00\x08\x03\x00")
    with pytest.raises(BadFile, match=r"fetch MNIST/raw/train-images-idx3-ubyte again"):
        load_standard("mnist", DatasetRequest(split="train", data_dir=tmp_path))


@pytest.mark.parametrize(
    ("labels", "fault"),
    [
        (torch.tensor([1, 2]), "3 images, but 2 labels"),
        (torch.tensor([1, 2, 77]), "labels from 1 to 77, but 10 classes"),
    ],
)
def test_labels_that_do_not_fit_are_refused(tmp_path: Path, labels: torch.Tensor, fault: str) -> None:
    write_mnist(tmp_path / "MNIST" / "raw", labels)
    with pytest.raises(BadFile, match=fault):
        load_standard("mnist", DatasetRequest(split="train", data_dir=tmp_path))
    assert not list(tmp_path.glob("*.safetensors"))


def test_cifar_files_of_other_content_are_never_opened(tmp_path: Path) -> None:
    """They are pickles, so torchvision may read them only if they are byte for byte the published ones."""
    for file in LAYOUTS["cifar10"].files["train"]:
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_bytes(b"cos\nmkdir\n(S'%s'\ntR." % str(tmp_path / "run").encode())
    with pytest.raises(BadFile, match="cifar10: not all of its files"):
        load_standard("cifar10", DatasetRequest(split="train", data_dir=tmp_path))
    assert not (tmp_path / "run").exists()


def test_nothing_is_fetched_unless_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torchvision.datasets

    asked: list[bool] = []

    class Reader:
        def __init__(self, root: Path, download: bool, train: bool) -> None:
            asked.append(download)
            print("Downloading ...")
            raise OSError("no network")

    monkeypatch.setattr(torchvision.datasets, "MNIST", Reader)
    with pytest.raises(BadFile, match="--download"):
        load_standard("mnist", DatasetRequest(split="train", data_dir=tmp_path))
    assert asked == []
    with pytest.raises(BadFile, match=r"could be fetched or read \(no network\).*mnist-train\.safetensors"):
        load_standard("mnist", DatasetRequest(split="train", data_dir=tmp_path, download=True))
    assert asked == [True]


def test_what_readers_print_stays_off_stdout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import torchvision.datasets

    class Reader:
        def __init__(self, root: Path, download: bool, split: str) -> None:
            print("Using downloaded file")
            self.data = IMAGES.expand(-1, 3, -1, -1).numpy()
            self.labels = LABELS.numpy()

    monkeypatch.setattr(torchvision.datasets, "SVHN", Reader)
    images = load_standard("svhn", DatasetRequest(split="test", data_dir=tmp_path, download=True))
    assert images.images.shape == (3, 3, 28, 28)
    assert capsys.readouterr().out == ""


def test_channels_come_first_whatever_the_reader_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torchvision.datasets

    colours = torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))

    class Reader:
        def __init__(self, root: Path, download: bool, train: bool) -> None:
            self.data = colours.permute(0, 2, 3, 1).numpy()
            self.targets = LABELS.tolist()

    monkeypatch.setattr(torchvision.datasets, "CIFAR10", Reader)
    images = load_standard("cifar10", DatasetRequest(split="test", data_dir=tmp_path, download=True))
    assert torch.equal(images.images, colours)
    assert images.labels is not None
    assert images.labels.tolist() == [7, 0, 9]
    assert images.class_names[7] == "horse"
