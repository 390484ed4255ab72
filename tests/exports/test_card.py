"""The model card, against one written by hand."""

from __future__ import annotations

from degan_cli.exports.card import model_card

INPUT = {"channels": 3, "height": 32, "width": 48, "mean": [0.5, 0.25, 0.1], "std": [0.5, 0.5, 0.5]}
CONFIG = {
    "architecture": "lenet",
    "num_classes": 2,
    "class_names": ["cat", "a <b>|`x`\n# head"],
    "input": INPUT | {"values": "pixels in [0, 1]"},
    "output": "logits",
    "degan": {
        "sha256": "ab12",
        "exported_by": {"degan-cli": "1.2", "torch": "3.4"},
        "provider": "degan-cli 1.1",
        "run": {"epochs": 3, "recipe": "paper", "milestones": [1, 2]},
        "metrics": {"accuracy": 0.875, "curve": {"peak": 0.5, "of": "agreement", "values": [1]}, "done": True},
        "parents": [{"role": "teacher", "sha256": "cd34"}],
        "versions": {"degan-cli": "1.1"},
    },
}
CARD = r"""# An image classifier of 2 classes: lenet

Written by `degan export` as an ONNX file.

## Input and output

- Input: float32 (batch, 3, 32, 48), any number of images at a time; pixels in [0, 1], which the network normalises itself (mean 0.5, 0.25, 0.1, std 0.5, 0.5, 0.5).
- Output: float32 (batch, 2), logits, of which a softmax makes probabilities.
- Classes, in their order: cat, a \<b\>\|\`x\` \# head.

## Measured

As the artifact's header has them from the run that made it; accuracies are fractions of 1.

| measure | value |
|---|---|
| accuracy | 0.875 |
| curve.peak | 0.5 |

## Where it comes from

| what | which |
|---|---|
| artifact | SHA-256 ab12 |
| architecture | lenet, of degan-cli 1.1 |
| made with | degan-cli 1.1 |
| exported with | degan-cli 1.2, torch 3.4 |
| teacher | SHA-256 cd34 |

Settings of the run that made it:

| setting | value |
|---|---|
| epochs | 3 |
| milestones | \[1, 2\] |
| recipe | paper |
"""  # noqa: E501


def test_by_hand():
    assert model_card(CONFIG, "an ONNX file") == CARD


def test_what_is_not_known_is_left_out_and_nothing_is_made_up():
    plain = CONFIG["degan"] | {"run": {}, "metrics": {}, "parents": [], "versions": {}, "provider": ""}
    card = model_card(CONFIG | {"degan": plain}, "an ONNX file")
    assert "## Measured" not in card
    assert "Settings of the run" not in card
    assert "| made with | unknown |" in card


def test_weights_alone_say_that_they_do_not_normalise():
    outside = INPUT | {"values": "(pixels in [0, 1] - mean) / std"}
    card = model_card(CONFIG | {"input": outside, "output": "logits"}, "a folder for timm")
    assert "less the mean 0.5, 0.25, 0.1 and divided by the std 0.5, 0.5, 0.5: the weights do not do this." in card


def test_a_thousand_classes_are_not_all_listed():
    many = CONFIG | {"class_names": [f"n{k}" for k in range(1000)], "num_classes": 1000}
    assert "n0, n1, n2" in model_card(many, "an ONNX file")
    assert "n49 and 950 more." in model_card(many, "an ONNX file")
