from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from degan_cli import artifact
from degan_cli.artifact import load_classifier, load_generator, save_classifier, save_generator, write_tensors
from degan_cli.config.groups import ForeignSettings
from degan_cli.errors import BadFile, Diverged, PluginError, UsageError
from degan_cli.models import Classifier, Generator
from degan_cli.plugins import PluginInfo, Plugins
from degan_cli.specs import ArchitectureSpec, GanShape, GanSpec, InputSpec

INPUT = InputSpec(channels=3, height=8, width=8, mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4))
NAMES = ("cat", "dog", "frog")
SAID = ForeignSettings(arch="tiny", num_classes=3)
SHAPE = GanShape(channels=3, size=8, latent=4, width=2)


def tiny(classes: int, input: InputSpec) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(input.channels, 4, 3),
        nn.BatchNorm2d(4),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, classes),
    )


def tiny_generator(shape: GanShape) -> nn.Module:
    if shape.size % 4:
        raise ValueError(f"size {shape.size} is not a multiple of 4")
    pixels = (shape.channels, shape.size, shape.size)
    return nn.Sequential(nn.Linear(shape.latent, shape.channels * shape.size**2), nn.Sigmoid(), nn.Unflatten(1, pixels))


@pytest.fixture
def plugins() -> Plugins:
    found = Plugins()
    spec = ArchitectureSpec(name="tiny", build=tiny, min_size=8, published_size=(8, 8))
    found.architectures.add(spec, "degan-foo 0.3", "foo")
    found.gans.add(
        GanSpec(name="small", generator=tiny_generator, discriminator=tiny_generator), "degan-foo 0.3", "foo"
    )
    return found


@pytest.fixture
def classifier() -> Classifier:
    torch.manual_seed(0)
    model = Classifier(tiny(3, INPUT), "tiny", NAMES, INPUT)
    model(torch.rand(16, 3, 8, 8))  # running statistics that are not the initial ones
    return model.eval()


@pytest.fixture
def saved(classifier: Classifier, tmp_path: Path) -> Path:
    path = tmp_path / "t.safetensors"
    save_classifier(path, classifier, provider="degan-foo 0.3", run={"seed": 0}, metrics={"accuracy": 0.5})
    return path


def test_a_classifier_comes_back_whole(saved: Path, classifier: Classifier, plugins: Plugins):
    loaded = load_classifier(saved, plugins)
    images = torch.rand(5, 3, 8, 8)
    assert torch.equal(loaded.model(images), classifier(images))
    assert not loaded.model.training
    assert loaded.model.class_names == NAMES
    assert loaded.model.input == INPUT
    assert (loaded.header.architecture, loaded.header.provider) == ("tiny", "degan-foo 0.3")
    assert (loaded.header.run, loaded.header.metrics) == ({"seed": 0}, {"accuracy": 0.5})
    assert set(loaded.header.versions) == {"degan-cli", "torch", "cpu", "threads"}
    assert loaded.header.versions["threads"] == str(torch.get_num_threads())
    assert artifact.read_header(saved) == loaded.header


def test_saving_again_gives_the_same_digest(saved: Path, classifier: Classifier, plugins: Plugins, tmp_path: Path):
    again = save_classifier(
        tmp_path / "again", classifier, provider="degan-foo 0.3", run={"seed": 0}, metrics={"accuracy": 0.5}
    )
    assert again == load_classifier(saved, plugins).sha256


def test_loading_leaves_random_numbers_alone(saved: Path, plugins: Plugins):
    torch.manual_seed(1)
    wanted = torch.rand(3)
    torch.manual_seed(1)
    load_classifier(saved, plugins)
    assert torch.equal(torch.rand(3), wanted)


def test_a_generator_comes_back_whole(plugins: Plugins, tmp_path: Path):
    generator = Generator(tiny_generator(SHAPE), "small", SHAPE).eval()
    path = tmp_path / "g.safetensors"
    parents = [{"role": "classifier", "sha256": "0" * 64}]
    sha256 = save_generator(path, generator, NAMES, INPUT, provider="degan-foo 0.3", parents=parents)
    loaded = load_generator(path, plugins)
    z = torch.randn(2, 4)
    assert torch.equal(loaded.model(z), generator(z))
    assert loaded.model.shape == SHAPE
    assert loaded.sha256 == sha256
    assert loaded.header.class_names == NAMES
    assert loaded.header.gan == {"name": "small", "channels": 3, "size": 8, "latent": 4, "width": 2}
    assert loaded.header.parents == parents


def test_a_file_is_read_once_for_several_questions(saved: Path, plugins: Plugins):
    file = artifact.read_artifact(saved)
    saved.unlink()
    assert file.header is not None
    assert file.header.kind == "classifier"
    assert load_classifier(file, plugins).model.class_names == NAMES


def test_diverged_weights_are_not_written_over_a_good_file(saved: Path, classifier: Classifier):
    before = saved.read_bytes()
    with torch.no_grad():
        classifier.network[4].bias[1] = float("nan")
    with pytest.raises(Diverged, match=r'tensor "4.bias" holds NaN or infinity.*nothing was written'):
        save_classifier(saved, classifier, provider="degan-foo 0.3")
    assert saved.read_bytes() == before


def test_options_that_contradict_the_header_are_refused(saved: Path, plugins: Plugins):
    assert load_classifier(saved, plugins, SAID).model.class_names == NAMES
    with pytest.raises(UsageError, match="holds tiny, not --arch lenet; leave --arch out"):
        load_classifier(saved, plugins, ForeignSettings(arch="lenet"))
    with pytest.raises(UsageError, match="has 3 classes, not --num-classes 4"):
        load_classifier(saved, plugins, ForeignSettings(num_classes=4))


def test_the_wrong_kind_is_named_with_its_place(saved: Path, plugins: Plugins, tmp_path: Path):
    with pytest.raises(BadFile, match="holds a classifier, and a generator is needed here; --classifier and --teacher"):
        load_generator(saved, plugins)
    path = tmp_path / "g.safetensors"
    save_generator(path, Generator(tiny_generator(SHAPE), "small", SHAPE), NAMES, INPUT, provider="degan-foo 0.3")
    with pytest.raises(BadFile, match="holds a generator, and a classifier is needed here; --samples"):
        load_classifier(path, plugins)


def foreign(path: Path, **changes: torch.Tensor | None) -> Path:
    state = tiny(3, INPUT).state_dict() | changes
    write_tensors(path, {key: value for key, value in state.items() if value is not None}, {})
    return path


def test_a_plain_state_dict_needs_architecture_and_classes(plugins: Plugins, tmp_path: Path):
    path = foreign(tmp_path / "f.safetensors")
    with pytest.raises(UsageError, match="--arch NAME --num-classes K"):
        load_classifier(path, plugins, ForeignSettings(arch="tiny"))
    loaded = load_classifier(path, plugins, SAID)
    assert loaded.model.class_names == ("0", "1", "2")
    assert loaded.model.input.shape == (3, 8, 8)
    assert loaded.header.provider == "degan-foo 0.3"
    with pytest.raises(BadFile, match='has no "degan" header'):
        artifact.read_header(path)


def test_a_grey_state_dict_gets_grey_input(plugins: Plugins, tmp_path: Path):
    path = foreign(tmp_path / "f.safetensors", **{"0.weight": torch.ones(4, 1, 3, 3)})
    assert load_classifier(path, plugins, SAID).model.input.channels == 1


def test_what_carries_no_knowledge_is_repaired(plugins: Plugins, tmp_path: Path):
    state = {f"module.{key}": value for key, value in tiny(3, INPUT).state_dict().items() if "tracked" not in key}
    write_tensors(tmp_path / "f", state, {})
    loaded = load_classifier(tmp_path / "f", plugins, SAID)
    assert torch.equal(loaded.model.network[4].bias, state["module.4.bias"])


def test_keys_that_do_not_fit_are_listed_exactly(plugins: Plugins, tmp_path: Path):
    changes = {"4.bias": None, "5.bias": torch.ones(1), "1.weight": torch.ones(5), "0.bias": torch.ones(4).long()}
    path = foreign(tmp_path / "f.safetensors", **changes)
    with pytest.raises(BadFile) as error:
        load_classifier(path, plugins, SAID)
    assert str(error.value) == (
        f'{path}: "tiny" for 3 classes does not fit: 1 missing (4.bias), 1 unexpected (5.bias), '
        "1 of wrong shape (1.weight is 5, not 4), 1 of wrong type (0.bias is torch.int64, not torch.float32); "
        "check --arch and --num-classes"
    )


def test_a_wrong_number_of_classes_shows_both_shapes(plugins: Plugins, tmp_path: Path):
    with pytest.raises(BadFile, match=r"2 of wrong shape \(4.weight is 3x4, not 10x4, 4.bias is 3, not 10\)"):
        load_classifier(foreign(tmp_path / "f"), plugins, ForeignSettings(arch="tiny", num_classes=10))


def test_a_long_list_of_keys_is_counted(plugins: Plugins, tmp_path: Path):
    path = foreign(tmp_path / "f", **{f"extra{i}": torch.ones(1) for i in range(30)})
    with pytest.raises(BadFile, match=r"30 unexpected \(extra0, extra1, extra10, extra11, \.\.\.\)"):
        load_classifier(path, plugins, SAID)


MADE_WITH = 'there is no architecture "tiny" here; it says it was made with '


@pytest.mark.parametrize(
    ("provider", "found", "error", "message"),
    [
        ("degan-foo 0.3", None, PluginError, '"degan-foo 0.3", which is not installed; ask who made the file where it'),
        ("degan-foo 0.3", ("ok", ""), PluginError, '"degan-foo 0.3", and degan-foo 0.2, which is installed, lacks it'),
        ("degan-foo 0.3", ("broken", "ImportError: x"), PluginError, "whose plugin foo is broken; ImportError: x"),
        ("degan-foo 0.3", ("disabled", ""), PluginError, "whose plugin foo is disabled; enable it"),
        ("degan-cli 9.9", None, BadFile, '"degan-cli 9.9", and this is .*; upgrade degan-cli'),
        ("--index-url=http://x 1", None, PluginError, '"--index-url=http://x 1", which is not installed'),
        ("\x1b[2Jevil\n1", None, BadFile, r'"\\u001b\[2Jevil\\n1", and this'),
        ("x" * 1000 + " 1", None, PluginError, f'"{"x" * 60}\\.\\.\\."'),
    ],
)
def test_a_missing_plugin_is_called_what_the_file_says_in_quotes(classifier, tmp_path, provider, found, error, message):
    save_classifier(tmp_path / "t", classifier, provider=provider)
    plugins = Plugins()
    if found:
        status, reason = found
        plugins.found.append(
            PluginInfo(name="foo", distribution="degan-foo", version="0.2", status=status, error=reason)
        )
    with pytest.raises(error, match=message) as raised:
        load_classifier(tmp_path / "t", plugins)
    said = str(raised.value)
    assert MADE_WITH in said
    assert "pip" not in said
    assert said.isascii()
    assert said.isprintable()
    assert len(said) < 400


def test_plugins_that_are_switched_off_are_not_called_missing(saved):
    with pytest.raises(PluginError, match='"degan-foo 0.3", and plugins are switched off; leave --no-plugins out'):
        load_classifier(saved, Plugins(enabled=False))


def test_a_file_that_names_no_maker_says_so(classifier, tmp_path):
    save_classifier(tmp_path / "t", classifier, provider="")
    with pytest.raises(BadFile, match=r'no architecture "tiny" here; it does not say what made it, and this is'):
        load_classifier(tmp_path / "t", Plugins())


def test_a_network_that_cannot_be_built_is_a_plugin_error(saved: Path):
    def build(classes: int, input: InputSpec) -> nn.Module:
        raise ImportError("No module named 'extra'")

    plugins = Plugins()
    plugins.architectures.add(ArchitectureSpec(name="tiny", build=build), "degan-foo 0.3", "foo")
    with pytest.raises(PluginError, match='"tiny" for 3 classes cannot be built: ImportError: No module'):
        load_classifier(saved, plugins)


def test_a_shape_that_the_gan_refuses_is_a_bad_file(plugins: Plugins, tmp_path: Path):
    network = tiny_generator(SHAPE)
    shape = GanShape(channels=3, size=7, latent=4, width=2)
    save_generator(tmp_path / "g", Generator(network, "small", shape), NAMES, INPUT, provider="degan-foo 0.3")
    with pytest.raises(BadFile, match="size 7 is not a multiple of 4"):
        load_generator(tmp_path / "g", plugins)


def test_a_network_that_needs_memory_to_be_laid_out_loads_too(saved: Path, classifier: Classifier):
    """Some compute with their weights while they are built, which tensors without memory cannot do."""

    def build(classes: int, input: InputSpec) -> nn.Module:
        network = tiny(classes, input)
        assert network[4].weight.sum().item() != 0
        return network

    plugins = Plugins()
    plugins.architectures.add(ArchitectureSpec(name="tiny", build=build), "degan-foo 0.3", "foo")
    images = torch.rand(2, 3, 8, 8)
    assert torch.equal(load_classifier(saved, plugins).model(images), classifier(images))


def test_a_huge_network_in_a_small_file_is_refused_without_its_memory(saved: Path, plugins: Plugins):
    """A header may claim what it likes; only weights that are there are believed."""

    def build(classes: int, input: InputSpec) -> nn.Module:
        return nn.Sequential(nn.Linear(2**24, 2**24), nn.Linear(1, classes))  # 1 PB

    plugins = Plugins()
    plugins.architectures.add(ArchitectureSpec(name="tiny", build=build), "degan-foo 0.3", "foo")
    with pytest.raises(BadFile, match="does not fit"):
        load_classifier(saved, plugins)


def test_a_built_in_network_comes_back(tmp_path: Path):
    from degan_cli.plugins import load_plugins

    plugins = load_plugins(enabled=False)
    spec = plugins.architectures.get("lenet")
    input = spec.input_for(1, 28, 28)
    model = Classifier(spec.build(10, input), "lenet", tuple("0123456789"), input).eval()
    save_classifier(tmp_path / "t", model, provider=plugins.architectures.provider("lenet"))
    images = torch.rand(2, 1, 32, 32)
    assert torch.equal(load_classifier(tmp_path / "t", plugins).model(images), model(images))
