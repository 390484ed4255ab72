"""BatchNorm over processes, here a group of one: PyTorch's own layer, its gradient and the gradient of that."""

import pytest
import torch
from torch import distributed, nn
from torch.autograd import gradcheck, gradgradcheck

from degan_cli.engine.batch_norm import share_batch_norm


@pytest.fixture
def group(tmp_path):
    distributed.init_process_group("gloo", init_method=f"file://{tmp_path / 'meeting'}", rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


def layers(affine):
    torch.manual_seed(0)
    plain = nn.BatchNorm2d(3, affine=affine).double()
    for parameter in plain.parameters():
        nn.init.normal_(parameter)
    shared = nn.BatchNorm2d(3, affine=affine).double()
    shared.load_state_dict(plain.state_dict())
    return plain, share_batch_norm(nn.Sequential(shared), torch.device("cpu"))[0]


@pytest.mark.parametrize("affine", [True, False])
def test_a_group_of_one_has_what_pytorchs_layer_has(group, affine):
    plain, shared = layers(affine)
    assert type(shared) is not nn.BatchNorm2d
    x = (100 + 0.1 * torch.randn(4, 3, 5, 5, dtype=torch.float64)).requires_grad_()
    weights = torch.randn_like(x)
    wanted, found = (
        torch.autograd.grad((layer(x) * weights).sum(), [x, *layer.parameters()]) for layer in (plain, shared)
    )
    for one, other in zip(wanted, found, strict=True):
        torch.testing.assert_close(other, one, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(dict(shared.named_buffers()), dict(plain.named_buffers()))


def test_gradients_of_both_orders_are_right(group):
    _, shared = layers(True)
    x = torch.randn(3, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    assert gradcheck(shared, (x,))
    assert gradgradcheck(shared, (x,))


def test_small_spread_beside_a_large_mean_keeps_its_digits(group):
    _, shared = layers(False)
    x = 1000 + 0.1 * torch.randn(64, 3, 4, 4)
    made = shared.float()(x)
    assert made.std(dim=(0, 2, 3)).sub(1).abs().max() < 0.01
