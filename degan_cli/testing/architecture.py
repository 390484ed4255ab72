"""The contract of a classifier."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from ..specs import ArchitectureSpec, InputSpec
from .common import Broken, built, independent, loaded, naming_the_spec, require, require_gradients, require_tensor

BATCH = 4
CLASSES = (3, 10)


@naming_the_spec
def check_architecture(spec: ArchitectureSpec, channels: Sequence[int] | None = None) -> None:
    """Build, run, differentiate and reload it for each channel count and for 3 and for 10 classes.

    :param channels: those to check it for; None takes all that the spec names.
    :raises AssertionError: naming the spec and what is wrong.
    """
    channels = spec.channels if channels is None else channels
    require(bool(spec.name) and not set(spec.name) & set(" ,:@"), f'the name "{spec.name}" has a blank or one of ,:@')
    for case in range(max(len(channels), len(CLASSES))):
        count, classes = channels[case % len(channels)], CLASSES[case % len(CLASSES)]
        with torch.random.fork_rng(devices=[]):
            _check(spec, spec.input_for(count, 32, 32), classes)
    if spec.size is None:
        with torch.random.fork_rng(devices=[]):
            _check_shape(spec, spec.input_for(channels[-1], spec.min_size + 8, spec.min_size + 16))


def _check(spec: ArchitectureSpec, input: InputSpec, classes: int) -> None:
    what = f"{spec.name} for {classes} classes and {input.channels}x{input.height}x{input.width}"

    def build() -> nn.Module:
        return spec.build(classes, input)

    network = built(what, build)
    layer = getattr(network, "feature_layer", None)
    require(
        layer is None or layer in dict(network.named_modules()),
        f'{what}: it has no layer "{layer}", which its feature_layer names',
    )
    images = torch.randn(BATCH, *input.shape)
    require_tensor(f"{what}: its logits in train mode", network.train()(images), (BATCH, classes))
    logits = independent(what, network, images)
    require_tensor(f"{what}: its logits in eval mode", logits, (BATCH, classes))
    with torch.no_grad():
        reloaded = loaded(what, network, build)(images)
    require(torch.allclose(logits, reloaded, rtol=1e-4, atol=1e-5), f"{what}: its state_dict does not hold all of it")

    with torch.no_grad():  # a head that starts at 0 is fine, and would let no gradient through
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.01)
    images.requires_grad_()
    logits = network(images)
    (logits * torch.randn_like(logits)).sum().backward()
    require_gradients(what, [("the images", images)], nonzero=True)
    require_gradients(what, network.named_parameters())


def _check_shape(spec: ArchitectureSpec, input: InputSpec) -> None:
    what = f"{spec.name}: its size is None, so it must take any; for {input.height}x{input.width}"
    try:
        with torch.no_grad():
            logits = spec.build(2, input).eval()(torch.randn(2, *input.shape))
    except (RuntimeError, ValueError) as error:
        raise Broken(f"{what}: {error}") from error
    require_tensor(f"{what}: its logits", logits, (2, 2))
