from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from degan_cli.engine import Engine, start
from degan_cli.errors import BadFile
from degan_cli.loops.evaluate import evaluate_classifier, evaluate_samples
from degan_cli.loops.predict import predict, predict_with_features
from degan_cli.models import Classifier
from degan_cli.specs import ImageSet, InputSpec

GREY = InputSpec(channels=1, height=2, width=2, mean=(0.0,), std=(1.0,))


class Levels(nn.Module):
    """Sees class k in an image whose grey level is nearest to k / (classes - 1)."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.dropout = nn.Dropout(0.9)
        self.head = nn.Linear(4, classes)
        levels = torch.linspace(0, 1, classes)
        # -(x - level)^2 up to a term that all classes share
        self.head.weight.data = (levels[:, None] * 2 / 4).expand(-1, 4) * 20
        self.head.bias.data = -levels.square() * 20

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.dropout(images.flatten(1)))


def levels(*names: str) -> Classifier:
    return Classifier(Levels(len(names)), "levels", names, GREY)


def grey(values: list[int]) -> Tensor:
    return torch.tensor(values, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 2, 2)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return start("cpu", "fp32", 0)


def test_predict_needs_no_gradients_and_keeps_the_mode(engine: Engine) -> None:
    model, images = levels("a", "b", "c").train(), grey([0, 128, 255, 1])
    logits = predict(model, images, engine.device, batch_size=3)
    assert logits.argmax(1).tolist() == [0, 1, 2, 0]  # with dropout active they would be noise
    assert logits.dtype == torch.float32
    assert not logits.requires_grad
    assert model.training
    torch.testing.assert_close(logits, predict(model, images, engine.device, batch_size=1))


def test_features_belong_to_their_logits(engine: Engine) -> None:
    model, images = levels("a", "b", "c"), grey([0, 128, 255, 1])
    logits, features, layer = predict_with_features(model, images, engine.device, batch_size=3)
    assert layer == "network.head"
    assert not model._forward_hooks
    assert features.shape == (4, 4)
    torch.testing.assert_close(model.network.head(features), logits)


def test_what_sigmoids_say_is_each_ones_share_and_not_the_softmax(engine: Engine) -> None:
    data = ImageSet(images=grey([0, 255]), labels=torch.tensor([0, 1]), class_names=("dark", "light"))
    model = levels("dark", "light")
    logits = predict(model, data.images, engine.device)
    result = evaluate_classifier(engine, model, data, outputs="sigmoid")
    shares = logits.sigmoid() / logits.sigmoid().sum(dim=1, keepdim=True)
    assert result["confidence"] == pytest.approx(float(shares.amax(dim=1).mean()), rel=1e-6)
    assert result["confidence"] != pytest.approx(evaluate_classifier(engine, model, data)["confidence"], abs=1e-3)
    assert result["accuracy"] == 1
    samples = evaluate_samples(engine, data.images, model, outputs="sigmoid")
    assert samples["confidence"] == result["confidence"]


def test_a_classifier_is_measured_on_labelled_images(engine: Engine) -> None:
    data = ImageSet(
        images=grey([0, 0, 128, 255]), labels=torch.tensor([0, 1, 1, 2]), class_names=("dark", "middle", "light")
    )
    result = evaluate_classifier(engine, levels("dark", "middle", "light"), data)
    assert result["images"] == 4
    assert result["labelled"] is True
    assert result["accuracy"] == 0.75
    assert result["per_class"] == {"dark": 1, "middle": 0.5, "light": 1}
    assert result["confusion"]["counts"] == [[1, 0, 0], [1, 1, 0], [0, 0, 1]]
    assert result["class_counts"] == {"dark": 2, "middle": 1, "light": 1}
    assert 0 <= result["calibration_error"] <= 1
    assert "agreement" not in result


def test_classes_are_matched_by_name_and_others_are_counted_apart(engine: Engine) -> None:
    data = ImageSet(
        images=grey([255, 0, 128, 128]), labels=torch.tensor([0, 2, 1, 1]), class_names=("light", "middle", "dark")
    )
    result = evaluate_classifier(engine, levels("dark", "light", "never"), data)
    assert result["images"] == 2
    assert result["left_out"] == {"middle": 2}
    assert result["per_class"] == {"dark": 1, "light": 0, "never": None}  # three levels: 255 is "never"


def test_no_class_in_common_is_an_error(engine: Engine) -> None:
    data = ImageSet(images=grey([0]), labels=torch.tensor([0]), class_names=("cat",))
    with pytest.raises(BadFile, match=r"classes \(cat, .*\) are none of the classifier's \(a, b"):
        evaluate_classifier(engine, levels("a", "b"), data)


def test_agreement_needs_no_labels_and_matches_names(engine: Engine) -> None:
    data = ImageSet(images=grey([0, 0, 255, 255]), labels=None, class_names=())
    same_order = evaluate_classifier(engine, levels("a", "b"), data, levels("a", "b"))
    other_order = evaluate_classifier(engine, levels("a", "b"), data, levels("b", "a"))
    one_unknown = evaluate_classifier(engine, levels("a", "b"), data, levels("a", "z"))
    assert (same_order["agreement"], other_order["agreement"], one_unknown["agreement"]) == (1, 0, 0.5)
    assert one_unknown["unshared_classes"] == ["b", "z"]
    assert same_order["labelled"] is False
    assert "accuracy" not in same_order
    with pytest.raises(BadFile, match=r"share no class name \(a, b, ... and y, z"):
        evaluate_classifier(engine, levels("a", "b"), data, levels("y", "z"))


def test_samples_are_counted_by_class_and_confidence(engine: Engine) -> None:
    classifier = levels("a", "b", "c")
    result = evaluate_samples(engine, grey([0, 0, 5, 255, 80]), classifier)
    assert result["class_counts"] == {"a": 3, "b": 1, "c": 1}
    assert result["confident_counts"] == {"a": 3, "b": 0, "c": 1}
    assert result["missing_classes"] == []
    assert 1 / 3 < result["confidence"] < 1
    assert 0 < result["entropy"] < result["diversity"] < math.log(3)
    assert "fid" not in result


def test_samples_equal_to_the_real_images_are_at_no_distance(engine: Engine) -> None:
    images = (torch.arange(200 * 4, dtype=torch.int64) * 37 % 251).to(torch.uint8).view(-1, 1, 2, 2)
    real = ImageSet(images=images.flip(0), labels=None, class_names=())
    result = evaluate_samples(engine, images, levels("a", "b"), real)
    assert result["fid"] == pytest.approx(0, abs=1e-6)
    assert result["precision"] == result["recall"] == result["coverage"] == 1
    assert result["feature_space"] == {"layer": "head", "size": 4}
    dark = evaluate_samples(engine, images // 4, levels("a", "b"), real)
    assert dark["fid"] > 0.1
    assert dark["kid"] > result["kid"]
    assert dark["coverage"] < 0.5


def test_real_images_are_no_more_than_the_samples_and_of_known_classes(engine: Engine) -> None:
    images = torch.randint(0, 256, (60, 1, 2, 2), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    real = ImageSet(images=images, labels=torch.arange(60) % 3, class_names=("a", "b", "strange"))
    result = evaluate_samples(engine, images[:30], levels("a", "b"), real)
    assert result["real_images"] == 30
    assert result["left_out"] == {"strange": 20}
    with pytest.raises(BadFile, match="3 samples and 40 real images are too few"):
        evaluate_samples(engine, images[:3], levels("a", "b"), real)
