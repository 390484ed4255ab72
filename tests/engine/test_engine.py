import pytest
import torch
from conftest import TinyDiscriminator, tiny_classifier

from degan_cli.engine import start
from degan_cli.errors import BadFile, Diverged, UsageError
from degan_cli.runs.checkpoint import Checkpoint


@pytest.mark.parametrize(
    ("device", "precision", "message"),
    [
        ("cuda:99", "fp32", "--device cuda:99 is not on this machine"),
        ("toaster", "fp32", "--device toaster is no device"),
        ("cpu", "fp16", "--precision fp16 needs a CUDA device"),
    ],
)
def test_a_device_that_is_not_there_is_a_usage_error(device, precision, message):
    with pytest.raises(UsageError, match=message):
        start(device, precision)


def test_equal_seeds_give_equal_numbers():
    start("cpu", "fp32", seed=7)
    first = torch.rand(3)
    start("cpu", "fp32", seed=7)
    assert torch.equal(first, torch.rand(3))
    start("cpu", "fp32", seed=8)
    assert not torch.equal(first, torch.rand(3))


def test_bf16_computes_products_in_bf16_and_keeps_weights_in_float32():
    engine = start("cpu", "bf16")
    network = engine.prepare(torch.nn.Linear(4, 4))
    with engine.autocast():
        assert network(torch.rand(2, 4)).dtype == torch.bfloat16
    assert network.weight.dtype == torch.float32


def test_a_checkpoint_gives_back_networks_optimisers_and_random_numbers(engine, run_folder):
    classifier, discriminator = tiny_classifier(), TinyDiscriminator()
    optimiser = engine.adam(discriminator.parameters(), 1e-2, 0.5)
    discriminator(torch.rand(4, 1, 8, 8)).sum().backward()
    optimiser.step()
    parts = {"c": classifier, "d": discriminator, "o": optimiser}
    checkpoint = Checkpoint(run_folder, {"lr": 1e-2, "names": ("a", "b")}, engine)
    checkpoint.save(parts, {"shuffle": {"at": torch.tensor(3)}}, {"step": 9})
    expected = torch.rand(3)

    other = {"c": tiny_classifier(seed=5), "d": TinyDiscriminator()}
    other["o"] = engine.adam(other["d"].parameters(), 1e-2, 0.5)
    tensors, numbers = checkpoint.load(other)
    assert torch.equal(torch.rand(3), expected)
    assert (tensors["shuffle"]["at"], numbers) == (torch.tensor(3), {"step": 9})
    for key, value in discriminator.state_dict().items():
        assert torch.equal(value, other["d"].state_dict()[key])
    ours, theirs = optimiser.state_dict(), other["o"].state_dict()
    assert ours["param_groups"] == theirs["param_groups"]
    for index, moments in ours["state"].items():
        for key, value in moments.items():
            assert torch.equal(value, theirs["state"][index][key])


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_checkpoint_is_not_replaced_by_one_that_is_not_finite(engine, run_folder, value):
    classifier = tiny_classifier()
    checkpoint = Checkpoint(run_folder, {}, engine)
    checkpoint.save({"c": classifier}, {}, {"step": 1})
    before = checkpoint.path.read_bytes()
    with torch.no_grad():
        classifier.network[0].weight.view(-1)[0] = value
    with pytest.raises(Diverged, match=r"network/c/.*NaN or infinity.*checkpoint\.safetensors.*--lr"):
        checkpoint.save({"c": classifier}, {}, {"step": 2})
    assert checkpoint.path.read_bytes() == before


def test_a_damaged_checkpoint_is_a_bad_file(engine, run_folder):
    checkpoint = Checkpoint(run_folder, {}, engine)
    checkpoint.save({"c": tiny_classifier()}, {}, {})
    checkpoint.path.write_bytes(checkpoint.path.read_bytes()[:-7])
    with pytest.raises(BadFile, match=r"checkpoint\.safetensors"):
        checkpoint.load({"c": tiny_classifier()})
    Checkpoint(run_folder, {}, engine).save({"c": tiny_classifier(classes=4)}, {}, {})
    with pytest.raises(BadFile, match=r"no usable checkpoint.*--force"):
        checkpoint.load({"c": tiny_classifier()})


def test_gradients_are_shortened_without_the_scale_that_fp16_gives_them(monkeypatch):
    engine = start("cpu", "fp32")
    # As Accelerate sets itself up for fp16, which needs a GPU.
    monkeypatch.setattr(engine.accelerator, "scaler", torch.amp.GradScaler("cpu", init_scale=2.0**16))
    monkeypatch.setattr(engine.accelerator, "native_amp", True)
    monkeypatch.setitem(engine.accelerator.state.__dict__, "_mixed_precision", "fp16")
    weight = torch.nn.Parameter(torch.zeros(2))
    optimiser = engine.optimiser("sgd", [weight], 0.1, 0.0)
    engine.backward((weight * torch.tensor([3.0, 4.0])).sum())  # a gradient of length 5
    engine.clip(optimiser, [weight], 1.0)
    optimiser.step()
    torch.testing.assert_close(weight.data, torch.tensor([-0.06, -0.08]))
