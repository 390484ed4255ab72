"""What a plugin's functions print, raise and give, met by the commands that use them."""

from __future__ import annotations

import importlib
import json
import shutil
from pathlib import Path

import pytest

from degan_cli.app import run

PLUGIN = """
import sys
print("at import")
from degan_cli import hookimpl
from degan_cli.specs import *

def say(result):
    print("at work")
    return result

def network(outputs):
    def build(classes, input):
        import torch
        size = input.channels * input.height * input.width
        return say(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(size, outputs or classes)))
    return build

def images(kind, labels, classes=3):
    def load(request):
        import torch
        shape = (30, 1, 8, 8)
        many = torch.randint(0, 255, shape, generator=torch.Generator().manual_seed(0)).to(getattr(torch, kind))
        return say(ImageSet(images=many, labels=torch.arange(30) % labels, class_names=tuple("abcdefg"[:classes])))
    return load

def fails(given):
    raise KeyError("oh no")

def leaves(given):
    sys.exit(0)

def gan(scale=1.0, channels=None):
    def generator(shape):
        import torch
        class Generator(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.layer = torch.nn.Linear(shape.latent, (channels or shape.channels) * shape.size ** 2)
            def forward(self, z):
                made = scale * self.layer(z).sigmoid()
                return made.view(len(z), -1, shape.size, shape.size)
        return say(Generator())
    return generator

def judge(flat=True):
    def discriminator(shape):
        import torch
        layers = [torch.nn.Flatten(), torch.nn.Linear(shape.channels * shape.size ** 2, 1)]
        return say(torch.nn.Sequential(*layers, *([torch.nn.Flatten(0)] if flat else [])))
    return discriminator

def tires(network, after, how):
    # Works for some passes only.
    def build(*given):
        import itertools, torch
        made = network(*given)
        class Tiring(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.inner, self.passes = made, itertools.count(1)
            def forward(self, x):
                if next(self.passes) > after:
                    how()
                return self.inner(x)
        return Tiring()
    return build

def breaks():
    import torch
    torch.zeros(2) @ torch.zeros(3)

def exhausts():
    raise RuntimeError("CUDA error: out of memory")

def refuses():
    from degan_cli.errors import BadFile
    raise BadFile("no such file")

def method(row):
    def build(parts):
        from degan_cli.methods import Dcgan
        class Own(Dcgan):
            def step(self, real):
                super().step(real)
                print("in a step")
                return row(real)
        return say(Own(parts))
    return build

def strategy(loss):
    def build(parts):
        from degan_cli.methods import Finetune
        class Own(Finetune):
            def loss(self, images, labels, samples):
                return loss(*super().loss(images, labels, samples))
        return say(Own(parts))
    return build

def inversion(loss=lambda loss: loss, pixels=lambda values: values.clamp(0, 1)):
    def build(parts):
        import torch
        class Own:
            def begin(self, count, noise):
                return torch.rand((count, *parts.classifier.input.shape), generator=noise), torch.zeros(count).long()
            def loss(self, values, targets, noise):
                return loss(values.square().sum()), {}
            def pixels(self, values):
                return pixels(values)
            def learn(self, images, targets):
                return {}
            def state(self):
                return {}
        return say(Own())
    return build

def keeps(state):
    def build(parts):
        from degan_cli.methods import Dcgan
        class Own(Dcgan):
            def state(self):
                return state()
        return Own(parts)
    return build

def updates(parameters):
    def build(parts):
        from degan_cli.methods import Finetune
        class Own(Finetune):
            def parameters(self):
                return parameters(super().parameters())
        return Own(parts)
    return build

def bare(parts):
    from degan_cli.methods import Dcgan
    made = Dcgan(parts)
    made.generator = made.generator.network
    return made

def two_heads(classes, input):
    import torch
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = network(0)(classes, input)
        def forward(self, x):
            made = self.inner(x)
            return (made, made) if self.training else made
    return Net()

def hub(rest):
    return ArchitectureSpec(name=rest, build=network(0), min_size=8)

@hookimpl
def degan_architectures():
    yield ArchitectureSpec(name="heads", build=two_heads, min_size=8)
    yield ArchitectureSpec(name="still", build=lambda c, i: network(0)(c, i).requires_grad_(False), min_size=8)
    yield ArchitectureFamily(prefix="hub/", find=hub, names=list)
    yield ArchitectureSpec(name="flat", build=network(0), min_size=8)
    yield ArchitectureSpec(name="seven", build=network(7), min_size=8)
    yield ArchitectureSpec(name="nothing", build=lambda classes, input: None)
    yield ArchitectureSpec(name="leaves", build=lambda classes, input: leaves(0))
    yield ArchitectureSpec(name="tires", build=tires(network(0), 4, breaks), min_size=8)
    yield ArchitectureSpec(name="quits", build=tires(network(0), 4, lambda: sys.exit(0)), min_size=8)
    yield ArchitectureSpec(name="exhausts", build=tires(network(0), 4, exhausts), min_size=8)
    yield ArchitectureSpec(name="refuses", build=tires(network(0), 4, refuses), min_size=8)
    yield ArchitectureSpec(name="mean", build=network(0), statistics=lambda channels: ((0.5,), (0.0,)))

@hookimpl
def degan_datasets():
    yield DatasetSpec(name="shapes", load=images("uint8", 3))
    yield DatasetSpec(name="floats", load=images("float32", 3))
    yield DatasetSpec(name="labels", load=images("uint8", 4))
    yield DatasetSpec(name="fails", load=fails)
    yield DatasetSpec(name="leaves", load=leaves)

@hookimpl
def degan_gans():
    yield GanSpec(name="plain", generator=gan(), discriminator=judge())
    yield GanSpec(name="tires", generator=tires(gan(), 3, breaks), discriminator=judge())
    yield GanSpec(name="unfair", generator=gan(), discriminator=tires(judge(), 3, breaks))
    yield GanSpec(name="bright", generator=gan(2.0), discriminator=judge())
    yield GanSpec(name="colours", generator=gan(channels=5), discriminator=judge())
    yield GanSpec(name="columns", generator=gan(), discriminator=judge(False))

@hookimpl
def degan_methods():
    yield MethodSpec(name="fine", build=method(lambda real: {"loss": real.mean()}))
    yield MethodSpec(name="wide", build=method(lambda real: {"loss": real.mean(dim=1)}))
    yield MethodSpec(name="fails", build=method(fails))
    yield MethodSpec(name="empty", build=lambda parts: object())
    yield MethodSpec(name="number", build=keeps(lambda: {"steps": 3}))
    yield MethodSpec(name="list", build=keeps(list))
    yield MethodSpec(name="bare", build=bare)
    yield MethodSpec(name="clash", build=method(lambda real: {"step": real.mean()}))
    small = dict(number=4, batch_size=4, steps=2)
    yield InversionSpec(name="dreams", build=inversion(), **small)
    yield InversionSpec(name="nans", build=inversion(loss=lambda loss: loss * float("nan")), **small)
    yield InversionSpec(name="dark", build=inversion(pixels=lambda values: values - 2), **small)
    yield InversionSpec(name="large", build=inversion(pixels=lambda v: v.repeat(1, 1, 2, 2)), **small)
    yield StrategySpec(name="idle", build=updates(lambda groups: []))
    yield StrategySpec(name="twice", build=updates(lambda groups: groups + groups))
    yield StrategySpec(name="vector", build=strategy(lambda loss, row: (loss.repeat(2), row)))
    yield StrategySpec(name="frozen", build=strategy(lambda loss, row: (loss.detach(), row)))
    yield StrategySpec(name="well", build=strategy(lambda loss, row: (loss, row)))
"""
TEACHER = "teacher --dataset shapes --epochs 1 --batch-size 8 --device cpu --arch"
ENRICH = "enrich --classifier old.safetensors --proxy digits:2,3 --steps 2 --batch-size 4 --latent 4 --width 2"
INVERT = "enrich --classifier old.safetensors --method"
MORE = "incremental --classifier old.safetensors --new-data digits:5,6 --epochs 1 --batch-size 512 --strategy"
WORKS = [
    f"{TEACHER} flat",
    f"{ENRICH} --gan plain",
    f"{ENRICH} --method fine",
    f"{INVERT} dreams",
    f"{MORE} well",
    "list architectures",
]
FAULTS = [
    (f"{TEACHER} seven", 'architecture "seven" gives float32 (2, 7), not logits for 3 classes'),
    (f"{TEACHER} nothing", 'architecture "nothing" builds NoneType, not a torch.nn.Module'),
    (f"{TEACHER} leaves", 'architecture "leaves" fails: SystemExit: 0'),
    (f"{TEACHER} tires", "it fails: RuntimeError: "),
    (f"{TEACHER} quits", "it fails: SystemExit: 0"),
    (f"{ENRICH} --gan tires", "it fails: RuntimeError: "),
    (f"{ENRICH} --gan unfair", "it fails: RuntimeError: "),
    (f"{TEACHER} mean", 'architecture "mean": its statistics for 1 channels are ((0.5,), (0.0,)): mean'),
    (f"{TEACHER} flat --dataset floats", 'dataset "floats" gives images as torch.float32 (30, 1, 8, 8), not uint8'),
    (f"{TEACHER} flat --dataset labels", 'dataset "labels" gives labels from 0 to 3 for 3 classes'),
    (f"{TEACHER} flat --dataset fails", "dataset \"fails\" fails: KeyError: 'oh no'"),
    (f"{TEACHER} flat --dataset leaves", 'dataset "leaves" fails: SystemExit: 0'),
    (f"{ENRICH} --gan bright", 'GAN "bright": its generator gives pixels from '),
    (f"{ENRICH} --gan colours", 'GAN "colours": its generator gives float32 (2, 5, 32, 32), not images'),
    (f"{ENRICH} --gan columns", 'GAN "columns": its discriminator gives float32 (2, 1), not logits'),
    (f"{ENRICH} --method wide", 'method "wide": step gives loss: float32 (4, 32, 32), not a number'),
    (f"{ENRICH} --method fails", "method \"fails\": step fails: KeyError: 'oh no'"),
    (f"{TEACHER} heads", 'architecture "heads" gives tuple in train mode, not logits for 3 classes'),
    (f"{TEACHER} still", 'architecture "still" has no weight that learns'),
    (f"{TEACHER} hub/a", 'looking up "hub/a" fails: ValueError: its name is "a", not "hub/a"'),
    (f"{ENRICH} --method number", 'method "number": state gives steps: int, not a network or an optimiser'),
    (f"{ENRICH} --method list", 'method "list": state gives list, not networks and optimisers by name'),
    (f"{ENRICH} --method bare", 'method "bare" builds Dcgan, which lacks generator.shape, generator.network'),
    (f"{ENRICH} --method clash", 'method "clash": step gives a number named step, which each row of metrics.jsonl has'),
    (f"{INVERT} large", 'method "large": pixels gives float32 (4, 1, 64, 64), not images: floats (4, 1, 32, 32)'),
    (f"{MORE} idle", 'strategy "idle": parameters gives no weight to update'),
    (f"{MORE} twice", 'strategy "twice": parameters gives a weight twice'),
    (f"{ENRICH} --method empty", 'method "empty" builds object, which lacks step, state, generator'),
    (f"{MORE} vector", 'strategy "vector": loss gives a loss that is float32 (2,), not a float ()'),
    (f"{MORE} frozen", 'strategy "frozen": loss gives a loss without gradient'),
]


@pytest.fixture
def installed(monkeypatch, tmp_path: Path) -> Path:
    """A distribution on disk with the plugin ``stranger``, and one whose name is taken."""
    for name, offers in (("stranger", PLUGIN), ("taker", PLUGIN.replace("at import", "at the other import"))):
        info = tmp_path / "site" / f"degan_{name}-1.2.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: degan-{name}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(f"[degan]\n{name} = degan_{name}\n")
        (tmp_path / "site" / f"degan_{name}.py").write_text(offers)
        monkeypatch.delitem(importlib.sys.modules, f"degan_{name}", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    importlib.invalidate_caches()
    shutil.copy(Path(__file__).parents[1] / "golden" / "old.safetensors", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("command", WORKS)
def test_what_it_prints_leaves_stdout_to_the_result(installed, capsys, command):
    words = command.split()
    assert run([*words, *([] if words[0] == "list" else ["-o", "out.safetensors"]), "--json"]) == 0
    said = capsys.readouterr()
    json.loads(said.out)
    assert "at import\n" in said.err
    assert ("at work\n" in said.err) == (words[0] != "list")
    skipped = [line for line in said.err.splitlines() if "is skipped" in line]
    assert len(skipped) == 1
    assert skipped[0].startswith("degan: warning: plugin taker (degan-taker 1.2) is skipped: ")


@pytest.mark.parametrize(("command", "fault"), FAULTS)
def test_what_is_wrong_is_blamed_on_plugin_and_distribution(installed, capsys, command, fault):
    assert run([*command.split(), "-o", "out.safetensors"]) == 4
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines()[-1].startswith(f"degan: error: plugin stranger (degan-stranger 1.2): {fault}")
    assert not (installed / "out.safetensors").exists()


@pytest.mark.parametrize(
    ("method", "code", "fault"),
    [
        ("nans", 5, "the loss is nan after batch 1 of 1, step 1; try a smaller --lr"),
        ("dark", 4, "the method makes pixels from -2."),
    ],
)
def test_images_that_are_none_are_not_written(installed, capsys, method, code, fault):
    assert run([*f"{INVERT} {method}".split(), "-o", "out.safetensors"]) == code
    assert f"degan: error: {fault}" in capsys.readouterr().err
    assert not (installed / "out.safetensors").exists()


def test_errors_that_a_user_can_repair_and_lack_of_memory_are_passed_on(installed, capsys):
    plugin = installed / "site" / "degan_stranger.py"
    file = 'from degan_cli.errors import BadFile\n        raise BadFile("no such file")'
    memory = 'raise RuntimeError("CUDA error: out of memory")'
    for raised, code in ((file, 3), (memory, 6)):
        importlib.sys.modules.pop("degan_stranger", None)
        plugin.write_text(PLUGIN.replace("        import torch\n        shape", f"        {raised}\n        shape"))
        importlib.invalidate_caches()
        assert run([*f"{TEACHER} flat".split(), "-o", "out.safetensors"]) == code
    capsys.readouterr()


@pytest.mark.parametrize(("architecture", "code"), [("exhausts", 6), ("refuses", 3)])
def test_a_network_that_lacks_memory_or_refuses_is_not_blamed(installed, capsys, architecture, code):
    assert run([*f"{TEACHER} {architecture}".split(), "-o", "out.safetensors"]) == code
    assert "stranger (" not in capsys.readouterr().err.splitlines()[-1]


def test_the_checkpoint_stays_where_a_network_fails_later(installed, capsys):
    command = f"{TEACHER} tires -o out.safetensors --checkpoint-every 0"
    (installed / "site" / "degan_stranger.py").write_text(PLUGIN.replace("tires(network(0), 4", "tires(network(0), 12"))
    assert run([*command.split(), "--epochs", "9"]) == 4
    assert (installed / "out.run" / "checkpoint.safetensors").exists()
    capsys.readouterr()
