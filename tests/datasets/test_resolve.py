from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from degan_cli import artifact
from degan_cli.datasets.reading import Reading
from degan_cli.datasets.resolve import content, open_images
from degan_cli.errors import BadFile, DeganError, PluginError, UnknownName, UsageError
from degan_cli.plugins import Plugins
from degan_cli.specs import DatasetRequest, DatasetSpec, ImageSet

THINGS = ImageSet(
    images=torch.arange(6, dtype=torch.uint8).view(6, 1, 1, 1).expand(-1, 3, 4, 4).contiguous(),
    labels=torch.tensor([0, 1, 2, 3, 1, 0]),
    class_names=("cloud", "forest", "T-shirt/top", "sea"),
)


def _broken(request: DatasetRequest) -> ImageSet:
    raise RuntimeError("oh no")


def _floats(request: DatasetRequest) -> ImageSet:
    return ImageSet(images=torch.rand(2, 3, 4, 4), labels=None, class_names=())


@pytest.fixture
def registered() -> Plugins:
    plugins = Plugins()
    for name, load in {"things": lambda request: THINGS, "broken": _broken, "floats": _floats}.items():
        plugins.datasets.add(DatasetSpec(name=name, load=load), "degan-foo 0.3", "foo")
    return plugins


@pytest.fixture
def opened(registered: Plugins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)

    def run(expression: str, split: str = "train", shape: tuple[int, int, int] | None = None) -> ImageSet:
        return open_images(expression, split, plugins=registered, data_dir=tmp_path, download=False, shape=shape)

    return run


def levels(images: ImageSet) -> list[int]:
    return images.images[:, 0, 0, 0].tolist()


def write_folder(folder: Path) -> None:
    for name, level in (("cat", 10), ("dog", 20)):
        (folder / name).mkdir(parents=True)
        Image.new("L", (4, 4), level).save(folder / name / "a.png")


def test_registered_name(opened) -> None:
    assert opened("things") is THINGS


@pytest.mark.parametrize(
    ("text", "names", "expected"),
    [
        ("sea,Cloud", ("sea", "cloud"), [0, 3, 5]),
        ("0-1", ("cloud", "forest"), [0, 1, 4, 5]),
        ("T-shirt/top", ("T-shirt/top",), [2]),
    ],
)
def test_classes_of_a_registered_name(opened, text: str, names: tuple[str, ...], expected: list[int]) -> None:
    images = opened(f"things:{text}")
    assert images.class_names == names
    assert levels(images) == expected


def test_shape_is_that_asked_for(opened) -> None:
    images = opened("things:sea,forest", shape=(1, 8, 6))
    assert images.images.shape == (3, 1, 8, 6)
    assert images.images.dtype == torch.uint8
    assert levels(images) == [1, 3, 4]
    assert images.labels is not None
    assert images.labels.tolist() == [1, 0, 1]


def test_unknown_name_and_no_path(opened) -> None:
    with pytest.raises(UnknownName) as caught:
        opened("thing:sea")
    assert str(caught.value) == (
        'unknown dataset "thing"; did you mean "things"? (no file or folder is called thing:sea either)'
    )


def test_unknown_class_names_the_data_set(opened) -> None:
    with pytest.raises(UnknownName, match='unknown class of things "clowd"; did you mean "cloud"'):
        opened("things:clowd")


def test_nothing_after_the_colon(opened) -> None:
    with pytest.raises(UsageError, match="write for example things:cloud or things:0-1"):
        opened("things:")


@pytest.mark.parametrize("text", ["no/such", "./things", "pack.safetensors", "/no/such:cat"])
def test_path_that_does_not_exist(opened, text: str) -> None:
    with pytest.raises(BadFile) as caught:
        opened(text)
    assert str(caught.value) == f"{text}: no such file or folder; check the path"


@pytest.mark.parametrize("text", ["", ":", "x" * 5000, "a\0b"])
def test_odd_texts_are_unknown_names(opened, text: str) -> None:
    with pytest.raises(DeganError):
        opened(text)


def test_folder(opened, tmp_path: Path) -> None:
    write_folder(tmp_path / "pets")
    assert levels(opened("pets")) == [10, 20]
    assert opened("pets", shape=(3, 2, 2)).images.shape == (2, 3, 2, 2)


def test_classes_of_a_folder(opened, tmp_path: Path) -> None:
    write_folder(tmp_path / "pets")
    assert opened("pets:dog").class_names == ("dog",)
    assert levels(opened(f"{tmp_path}/pets:dog")) == [20]


def test_a_data_set_wins_over_a_folder_of_its_name_and_says_so(opened, tmp_path: Path, capsys) -> None:
    write_folder(tmp_path / "things")
    assert opened("./things").class_names == ("cat", "dog")
    assert capsys.readouterr().err == ""
    assert opened("things").class_names != ("cat", "dog")
    assert "things: this is the data set, not the path of that name here; write ./things" in capsys.readouterr().err


def test_crops_of_a_picture(opened, tmp_path: Path, capsys) -> None:
    Image.new("RGB", (40, 50), (9, 8, 7)).save(tmp_path / "a@2.png")
    images = opened("crops:a@2.png", "test", shape=(1, 8, 8))
    assert images.images.shape == (2000, 1, 8, 8)
    assert (images.labels, images.class_names) == (None, ())
    assert torch.equal(opened(f"crops:{tmp_path}", "test", shape=(1, 8, 8)).images, images.images)
    assert capsys.readouterr().err == ""


def test_crops_win_over_classes_of_a_folder_of_that_name_and_say_so(opened, tmp_path: Path, capsys) -> None:
    write_folder(tmp_path / "crops")
    assert opened("crops").class_names == ("cat", "dog")
    assert opened("./crops:cat").class_names == ("cat",)
    assert capsys.readouterr().err == ""
    Image.new("L", (40, 40), 70).save("cat.png")
    assert opened("crops:cat.png", "test").images.unique().tolist() == [70]
    said = "crops:cat.png: these are crops of cat.png, not classes of crops; write ./crops:cat.png for those"
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("name", ["gone.png", "things", "a\0b"])
def test_crops_of_nothing(opened, name: str) -> None:
    with pytest.raises(BadFile) as caught:
        opened(f"crops:{name}")
    assert str(caught.value) == f"crops:{name}: no such file or folder; check the path"
    with pytest.raises(UsageError, match="crops: names no picture; write crops:FILE or crops:FOLDER"):
        opened("crops:")


def test_a_set_is_told_the_shape_and_may_ignore_it(opened, registered: Plugins) -> None:
    asked = []

    def load(request: DatasetRequest) -> ImageSet:
        asked.append(request.shape)
        return THINGS

    registered.datasets.add(DatasetSpec(name="asking", load=load), "degan-foo 0.3", "foo")
    assert opened("asking", shape=(1, 8, 6)).images.shape == (6, 1, 8, 6)
    opened("asking")
    assert asked == [(1, 8, 6), None]


def test_dataset_artifact(opened, tmp_path: Path) -> None:
    artifact.save_dataset(tmp_path / "my.safetensors", THINGS, "things", "train")
    for split in ("train", "test"):
        assert torch.equal(opened("my.safetensors", split).images, THINGS.images)
    assert levels(opened("my.safetensors:sea")) == [3]


def test_stored_samples(opened, tmp_path: Path) -> None:
    soft = torch.full((6, 4), 0.25)
    artifact.save_samples(tmp_path / "s.safetensors", THINGS.images, soft, None, THINGS.class_names)
    images = opened("s.safetensors")
    assert images.labels is None
    assert levels(images) == [0, 1, 2, 3, 4, 5]


def test_artifact_from_stdin(opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    artifact.save_dataset(tmp_path / "my.safetensors", THINGS, "things", "train")
    with (tmp_path / "my.safetensors").open() as file:
        monkeypatch.setattr("sys.stdin", file)
        assert levels(opened("-")) == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize("content", [b"", b"random bytes here", b"PK\x03\x04zip", b"\x80\x04pickle"])
def test_file_of_another_kind(opened, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "my.bin").write_bytes(content)
    with pytest.raises(BadFile, match=r"^my\.bin: "):
        opened("my.bin")


def test_truncated_artifact(opened, tmp_path: Path) -> None:
    artifact.save_dataset(tmp_path / "my.safetensors", THINGS, "things", "train")
    whole = (tmp_path / "my.safetensors").read_bytes()
    (tmp_path / "my.safetensors").write_bytes(whole[:-20])
    with pytest.raises(BadFile, match=r"my\.safetensors: cut off"):
        opened("my.safetensors")


def test_set_without_images(opened, tmp_path: Path) -> None:
    empty = ImageSet(images=THINGS.images[:0], labels=torch.zeros(0, dtype=torch.int64), class_names=("a",))
    artifact.save_dataset(tmp_path / "my.safetensors", empty, "things", "train")
    with pytest.raises(BadFile, match=r"my\.safetensors: holds no images"):
        opened("my.safetensors", shape=(3, 2, 2))


def test_plugin_that_fails_is_named(opened) -> None:
    with pytest.raises(PluginError, match='degan-foo 0.3 failed to load "broken": RuntimeError: oh no'):
        opened("broken")


def test_plugin_that_gives_floats_is_named(opened) -> None:
    with pytest.raises(
        PluginError, match=r'plugin foo \(degan-foo 0.3\): dataset "floats" gives images as torch.float32'
    ):
        opened("floats")


def test_classifier_of_four_channels(opened) -> None:
    with pytest.raises(BadFile, match="things: images have 1 or 3 channels"):
        opened("things", shape=(4, 8, 8))


def test_the_content_is_that_of_files_of_any_size_and_of_their_labels(registered: Plugins, tmp_path: Path) -> None:
    def now(text: str, split: str = "train") -> str:
        return content(text, split, plugins=registered, data_dir=tmp_path, reading=Reading())

    for split in ("train", "test"):
        for name, side in (("a", 4), ("b", 6)):
            (tmp_path / "f" / split / name).mkdir(parents=True)
            Image.new("RGB", (side, 5), (side, 0, 0)).save(tmp_path / "f" / split / name / "1.png")
    folder, picture = str(tmp_path / "f"), tmp_path / "f" / "train" / "b" / "1.png"
    before, of_test = now(folder), now(folder, "test")
    assert before == now(folder) != of_test
    Image.new("RGB", (6, 5), (7, 0, 0)).save(picture)
    assert (now(folder) != before, now(folder, "test")) == (True, of_test)
    picture.write_bytes(b"no picture")
    assert now(folder) != before

    things = now("things")
    assert (now("things:cloud,sea") != things, now("things")) == (True, things)
    table = tmp_path / "t.csv"
    table.write_text(f"path,label\n{picture},x\n")
    of_table = now(str(table))
    picture.write_bytes(b"another")
    assert now(str(table)) != of_table
    with pytest.raises(BadFile):
        now(str(tmp_path / "gone.csv"))
