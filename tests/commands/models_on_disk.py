"""A small classifier and a small generator as files: two classes in even shares, and one that never appears."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from degan_cli.artifact import save_classifier, save_generator
from degan_cli.models import Classifier, Generator, tapped
from degan_cli.plugins import load_plugins
from degan_cli.specs import GanShape

NAMES = ("cat", "a/dog", "never")


def write_models(folder: Path) -> tuple[str, str]:
    """Writes ``t.safetensors`` and ``g.safetensors``, made for it; their SHA-256."""
    torch.manual_seed(0)
    plugins = load_plugins(enabled=False)
    architecture, gan = plugins.architectures.get("lenet"), plugins.gans.get("dcgan")
    input = architecture.input_for(1, 32, 32)
    shape = GanShape(channels=1, size=32, latent=4, width=8)
    generator = Generator(gan.generator(shape), "dcgan", shape)
    for weight in generator.parameters():
        if weight.ndim == 4:
            nn.init.normal_(weight, std=0.3)
    with torch.no_grad():
        for _ in range(30):  # running statistics for eval mode
            generator(torch.randn(16, 4))
    generator.eval()

    classifier = Classifier(architecture.build(3, input), "lenet", NAMES, input).eval()
    with torch.no_grad(), tapped(classifier) as tap:
        features = tap.features(classifier(generator(torch.randn(200, 4))))
        head = classifier.get_submodule(tap.layer)
        assert isinstance(head, nn.Linear)
        head.weight[0] = features[0] - features[1]
        head.weight[1:] = 0
        head.bias[0] = -(features @ head.weight[0]).median()
        head.bias[1], head.bias[2] = 0, -1e6
    provider = "degan-cli 0.1.0"
    teacher = save_classifier(folder / "t.safetensors", classifier, provider=provider)
    made = save_generator(
        folder / "g.safetensors",
        generator,
        NAMES,
        input,
        provider=provider,
        run={"classifier": "elsewhere/t.safetensors"},
        parents=[{"role": "classifier", "sha256": teacher}],
    )
    return teacher, made
