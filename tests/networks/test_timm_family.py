from __future__ import annotations

import pytest
import torch

from degan_cli.networks import timm


def test_builds_without_pretrained_weights_for_grey_images(monkeypatch):
    monkeypatch.setattr("timm.models._builder.load_pretrained", lambda *a, **k: pytest.fail("weights are fetched"))
    spec = timm.find("resnet18")
    input = spec.input_for(1, 28, 28)
    assert spec.name == "timm/resnet18"
    assert input.shape == (1, 32, 32)
    assert input.mean == pytest.approx(((0.485 + 0.456 + 0.406) / 3,))
    assert input.std == pytest.approx(((0.229 + 0.224 + 0.225) / 3,))
    assert spec.build(7, input)(torch.randn(2, 1, 32, 32)).shape == (2, 7)


def test_normalises_rgb_as_the_model_was_meant_to():
    assert timm.find("resnet18").input_for(3, 32, 48).mean == (0.485, 0.456, 0.406)
    assert timm.find("vit_tiny_patch16_224").input_for(3, 32, 32).std == (0.5, 0.5, 0.5)


def test_a_fixed_size_is_kept_and_others_follow_the_data():
    assert timm.find("mixer_s32_224").input_for(3, 32, 32).shape == (3, 224, 224)
    assert timm.find("resnet18").input_for(3, 64, 48).shape == (3, 64, 48)


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 64, 64), (3, 64, 48)])
def test_a_vision_transformer_is_built_for_the_size_of_the_images(shape):
    spec = timm.find("vit_tiny_patch16_224")
    input = spec.input_for(*shape)
    assert input.shape == shape
    network = spec.build(5, input)
    patches = shape[1] // 16 * (shape[2] // 16)
    assert network.pos_embed.shape == (1, patches + 1, 192)  # one more for the class
    with torch.no_grad():
        assert network(torch.randn(2, *shape)).shape == (2, 5)


def test_a_tag_chooses_its_statistics():
    tagged = timm.find("convnext_base.clip_laion2b")
    assert tagged.name == "timm/convnext_base.clip_laion2b"
    assert tagged.input_for(3, 32, 32).mean == pytest.approx((0.4815, 0.4578, 0.4082), abs=1e-4)
    assert timm.find("convnext_base").input_for(3, 32, 32).mean == (0.485, 0.456, 0.406)


@pytest.mark.parametrize("name", ["", "resnet1", "resnet18.no_such_tag", "hf-hub:timm/resnet18.a1_in1k", "../resnet18"])
def test_unknown_names_are_not_found(name):
    assert timm.find(name) is None


def test_names_are_those_it_finds():
    names = timm.names()
    assert len(names) > 500
    assert all(timm.find(name) is not None for name in names[::100])
