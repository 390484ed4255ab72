"""Products with patches give what PyTorch's own convolutions give, forwards and backwards."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from degan_cli.gans.small_maps import Double, FromPoint, Halve, ToPoint

CASES = [
    (Halve(3, 5), nn.Conv2d(3, 5, 4, 2, 1, bias=False), 4),
    (Double(5, 3), nn.ConvTranspose2d(5, 3, 4, 2, 1, bias=False), 4),
    (Halve(3, 5), nn.Conv2d(3, 5, 4, 2, 1, bias=False), 2),
    (Halve(3, 5), nn.Conv2d(3, 5, 4, 2, 1, bias=False), 8),
    (Double(5, 3), nn.ConvTranspose2d(5, 3, 4, 2, 1, bias=False), 8),
    (FromPoint(6, 3), nn.ConvTranspose2d(6, 3, 4, 1, 0, bias=False), 1),
    (FromPoint(6, 3, 6), nn.ConvTranspose2d(6, 3, 6, 1, 0, bias=False), 1),
    (ToPoint(6, 2), nn.Conv2d(6, 2, 2, 2, 0, bias=False), 2),
    (ToPoint(6, 2, 3), nn.Conv2d(6, 2, 3, 3, 0, bias=False), 3),
]
NAMES = [f"{type(ours).__name__} {size}" for ours, _, size in CASES]


def whole_numbers(*shape: int) -> Tensor:
    """-1, 0 and 1: sums of a hundred products of them are exact in bfloat16."""
    return torch.randint(-1, 2, shape).float()


def outcome(layer: nn.Module, x: Tensor, weight: Tensor, gradient: Tensor, bf16: bool) -> list[Tensor]:
    """The result, and the gradients of input and weight, in float32."""
    layer.weight = nn.Parameter(weight.clone(memory_format=torch.preserve_format))
    x = x.clone(memory_format=torch.preserve_format).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        y = layer(x)
    assert y.dtype is (torch.bfloat16 if bf16 else torch.float32)
    y.backward(gradient.to(y.dtype))
    assert x.grad is not None
    assert layer.weight.grad is not None
    assert x.grad.dtype is layer.weight.grad.dtype is torch.float32
    return [y.detach().float(), x.grad, layer.weight.grad]


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("bf16", [True, False], ids=["bf16", "fp32"])
@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_outputs_and_gradients_are_the_library_layers_to_the_last_bit(
    case: tuple[nn.Module, nn.Module, int], bf16: bool, layout: torch.memory_format
) -> None:
    ours, library, size = case
    weight = whole_numbers(*ours.weight.shape).to(memory_format=layout)
    x = whole_numbers(2, ours.in_channels, size, size).to(memory_format=layout)
    gradient = whole_numbers(*library(x).shape)
    expected = outcome(library, x, weight, gradient, bf16=False)
    for mine, theirs in zip(outcome(ours, x, weight, gradient, bf16), expected, strict=True):
        assert torch.equal(mine, theirs)
    assert expected[0].abs().max() >= 2  # sums of several products


def test_weights_have_the_names_and_shapes_of_the_library_layers() -> None:
    for ours, library, _ in CASES:
        assert {k: v.shape for k, v in ours.state_dict().items()} == {
            k: v.shape for k, v in library.state_dict().items()
        }


@pytest.mark.parametrize("layer", [Halve(3, 5), Double(3, 5)])
def test_a_frozen_layer_only_passes_gradients_on(layer: nn.Module) -> None:
    x = torch.randn(2, 3, 4, 4, requires_grad=True)
    layer.requires_grad_(False)
    with torch.autocast("cpu", torch.bfloat16):
        y = layer(x)
    y.float().sum().backward()
    assert x.grad is not None
    assert layer.weight.grad is None


def test_a_frozen_halving_layer_keeps_no_patches() -> None:
    """The generator's step goes through a frozen discriminator; patches take four times the memory of their map."""

    def kept(layer: nn.Module) -> int:
        sizes: list[int] = []
        x = torch.randn(2, 64, 4, 4, requires_grad=True)
        keep = torch.autograd.graph.saved_tensors_hooks(lambda t: sizes.append(t.numel()) or t, lambda t: t)
        with keep, torch.autocast("cpu", torch.bfloat16):
            layer(x)
        return sum(sizes)

    layer = Halve(64, 1)
    patches = 2 * 2 * 2 * 16 * 64
    trained = kept(layer)
    assert trained - kept(layer.requires_grad_(False)) == patches
