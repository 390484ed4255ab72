"""What is wrong with what a plugin's code gave: each function says it in words that follow the part's name.

They take what was given, then what the plugin was asked with, and return "" when nothing is wrong. A built network is
tried once, on two images or two noises: that tells its outputs from what was asked for, before anything is trained.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..specs import GanShape, InputSpec

if TYPE_CHECKING:
    from torch import Tensor

LOGGED = ("schema", "step", "time", "images_per_second", "epoch")
"""Names in a row of ``metrics.jsonl`` that are the tool's own."""
TRIED = 2
"""Images in the one pass through a fresh network."""


def architecture_fault(network: object, classes: int, input: InputSpec) -> str:
    """Of a network that gives logits."""
    size = f"{input.channels}x{input.height}x{input.width}"
    what = f"logits for {classes} classes and images of {size}"
    return _network_fault(network, input.shape, (classes,), what, learns=True)


def statistics_fault(values: Any, channels: int) -> str:
    """Of mean and standard deviation of an input, one for each channel."""
    try:
        mean, std = values
        InputSpec(channels=channels, height=1, width=1, mean=mean, std=std)
    except (TypeError, ValueError) as error:
        return f"for {channels} channels are {values!r}: {error}"
    return ""


def generator_fault(network: object, shape: GanShape) -> str:
    """Of a network from noise to images."""
    made = (shape.channels, shape.size, shape.size)
    return _network_fault(network, (shape.latent,), made, "images", in_pixels=True)


def discriminator_fault(network: object, shape: GanShape) -> str:
    """Of a network from images to one logit each."""
    return _network_fault(network, (shape.channels, shape.size, shape.size), (), "logits")


def _network_fault(
    network: object,
    given: tuple[int, ...],
    wanted: tuple[int, ...],
    what: str,
    in_pixels: bool = False,
    learns: bool = False,
) -> str:
    """One pass of a fresh network, which leaves no trace in it: shape, element type and range of what it gives.

    :param given: shape of one input; ``wanted`` that of one output.
    :param learns: whether it must also have weights that learn, and give the same in train mode.
    """
    import torch

    if not isinstance(network, torch.nn.Module):
        return f"builds {type(network).__name__}, not a torch.nn.Module"
    if any(weight.is_meta for weight in network.state_dict().values()):
        return ""  # it is built for the shapes of its weights alone
    modes = [module.training for module in network.modules()]
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        results = {"": network.eval()(torch.rand(TRIED, *given))}
        if learns:
            results[" in train mode"] = copy.deepcopy(network).train()(torch.rand(TRIED, *given))
    for module, mode in zip(network.modules(), modes, strict=True):
        module.training = mode
    for when, result in results.items():
        if not isinstance(result, torch.Tensor) or not result.is_floating_point() or result.shape != (TRIED, *wanted):
            return f"gives {_described(result)}{when}, not {what}: floats {(TRIED, *wanted)} for {TRIED}"
    if learns and not any(weight.requires_grad for weight in network.parameters()):
        return "has no weight that learns: all are frozen, or there is none"
    result = results[""]
    if in_pixels and not bool(((result >= 0) & (result <= 1)).all()):
        return f"gives pixels from {float(result.min()):.3g} to {float(result.max()):.3g}, not in [0, 1]"
    return ""


def _described(value: object) -> str:
    import torch

    if not isinstance(value, torch.Tensor):
        return type(value).__name__
    return f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"


def row_fault(row: object, *_: object) -> str:
    """Of the numbers for the log. Nothing here may wait for the device."""
    import torch

    if not isinstance(row, Mapping):
        return f"gives {type(row).__name__}, not a dict of numbers"
    for name, value in row.items():
        one = isinstance(value, torch.Tensor) and value.numel() == 1 or isinstance(value, int | float)
        if not isinstance(name, str) or not one:
            return f"gives {name}: {_described(value)}, not a number"
        if name in LOGGED:
            return f"gives a number named {name}, which each row of metrics.jsonl has itself"
    return ""


def names_fault(names: object) -> str:
    """Of the names that a family lists."""
    fits = isinstance(names, Sequence) and not isinstance(names, str) and all(isinstance(name, str) for name in names)
    return "" if fits else f"gives {type(names).__name__}, not a list of names"


def state_fault(state: object, *_: object) -> str:
    """Of what a checkpoint must hold: networks and optimisers by name, whose states are tensors."""
    import torch

    if not isinstance(state, Mapping):
        return f"gives {type(state).__name__}, not networks and optimisers by name"
    for name, part in state.items():
        if isinstance(part, torch.optim.Optimizer):
            inner = [value for moments in part.state_dict()["state"].values() for value in moments.values()]
        elif isinstance(part, torch.nn.Module):
            inner = list(part.state_dict().values())
        else:
            return f"gives {name}: {type(part).__name__}, not a network or an optimiser"
        if wrong := [value for value in inner if not isinstance(value, torch.Tensor)]:
            return f"gives {name}, whose state_dict holds {type(wrong[0]).__name__}: a checkpoint holds tensors alone"
    return ""


def parameters_fault(groups: object) -> str:
    """Of what an optimiser updates: groups of weights, each of which is in one of them."""
    import torch

    if not isinstance(groups, list) or not all(isinstance(group, Mapping) and "params" in group for group in groups):
        return f"gives {type(groups).__name__}, not a list of groups with params"
    lists = [group["params"] for group in groups if isinstance(group["params"], list | tuple)]  # others are used up
    weights = [id(weight) for each in lists for weight in each]
    if not all(isinstance(weight, torch.Tensor) for each in lists for weight in each):
        return "gives params that are no tensors"
    if len(lists) == len(groups) and not weights:
        return "gives no weight to update"
    return "gives a weight twice" if len(set(weights)) < len(weights) else ""


def loss_fault(result: object, *_: object) -> str:
    """Of a loss (), which has a gradient, and a row."""
    import torch

    if not isinstance(result, tuple) or len(result) != 2:
        return f"gives {_described(result)}, not a loss and a dict of numbers"
    loss, row = result
    if not isinstance(loss, torch.Tensor) or loss.shape != () or not loss.is_floating_point():
        return f"gives a loss that is {_described(loss)}, not a float ()"
    if not loss.requires_grad:
        return "gives a loss without gradient"
    return row_fault(row)


def begin_fault(result: object, count: int, *_: object) -> str:
    """Of what an inversion starts from: values (count, ...) and targets (count, ...)."""
    import torch

    if not isinstance(result, tuple) or len(result) != 2:
        return f"gives {_described(result)}, not values and targets"
    values, targets = result
    if not isinstance(values, torch.Tensor) or not values.is_floating_point() or values.shape[:1] != (count,):
        return f"gives values {_described(values)}, not floats of {count} images"
    if not isinstance(targets, torch.Tensor) or targets.shape[:1] != (count,):
        return f"gives targets {_described(targets)}, not of {count} images"
    return ""


def pixels_fault(images: Tensor, values: Tensor, shape: tuple[int, int, int]) -> str:
    """Of the images (batch, C, H, W) that an inversion makes of its values, for a classifier of that shape."""
    import torch

    wanted = (len(values), *shape)
    fits = isinstance(images, torch.Tensor) and images.is_floating_point() and images.shape == wanted
    return "" if fits else f"gives {_described(images)}, not images: floats {wanted}"
