"""What an extended classifier gained and lost, against counts made by hand on predictions that are known."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from degan_cli.engine import Engine, start
from degan_cli.loops.forgetting import measure_forgetting
from degan_cli.models import Classifier
from degan_cli.specs import ImageSet, InputSpec

GREY = InputSpec(channels=1, height=2, width=2, mean=(0.0,), std=(1.0,))


class Table(nn.Module):
    """Sees in an image of grey level k the class that stands at k in its table, if it is asked in eval mode."""

    def __init__(self, table: list[int], classes: int) -> None:
        super().__init__()
        self.dropout = nn.Dropout(0.9)
        self.register_buffer("answers", nn.functional.one_hot(torch.tensor(table), classes).float())

    def forward(self, images: Tensor) -> Tensor:
        levels = (images[:, 0, 0, 0] * 255).round().long()
        logits: Tensor = self.dropout(self.answers[levels])
        return logits


def classifier(table: list[int], *names: str) -> Classifier:
    return Classifier(Table(table, len(names)), "table", names, GREY)


def data(classes: list[str], names: tuple[str, ...]) -> ImageSet:
    """One image for each entry of ``classes``, whose grey level is its place in the list."""
    images = torch.arange(len(classes), dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 2, 2)
    return ImageSet(images=images, labels=torch.tensor([names.index(name) for name in classes]), class_names=names)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return start("cpu", "fp32", 0)


# Five images of old classes (three cats, two dogs) and four of new ones (owl, owl, ant, ant).
TRUTH = ["cat", "cat", "cat", "dog", "dog", "owl", "owl", "ant", "ant"]
BEFORE = classifier([0, 0, 0, 1, 0, 0, 0, 0, 0], "cat", "dog")  # 4 of 5
AFTER = classifier([0, 1, 2, 1, 3, 2, 3, 3, 0], "cat", "dog", "owl", "ant")


def test_accuracies_forgetting_and_confusion_by_hand(engine):
    result = measure_forgetting(engine, AFTER, BEFORE, data(TRUTH, ("cat", "dog", "owl", "ant")))
    assert result["old_classifier_accuracy"] == pytest.approx(4 / 5)
    assert result["accuracy_old"] == pytest.approx(2 / 5)  # the first cat and the first dog
    assert result["forgetting"] == pytest.approx(2 / 5)
    # One dog of one that was known is lost, or one of two; of three cats that were known, two.
    assert list(result["forgetting_by_class"]) == ["cat", "dog"]
    assert result["forgetting_by_class"] == pytest.approx({"cat": 2 / 3, "dog": 0.0})
    assert result["accuracy_new"] == pytest.approx(2 / 4)  # the first owl and the first ant
    assert result["accuracy_all"] == pytest.approx(4 / 9)
    assert result["confusion"]["old_as_new"] == pytest.approx(2 / 5)  # the third cat and the second dog
    assert result["confusion"]["new_as_old"] == pytest.approx(1 / 4)  # the second ant
    assert (result["test_images_old"], result["test_images_new"], result["left_out"]) == (5, 4, {})


def test_what_is_learnt_better_than_before_is_negative_forgetting(engine):
    better = classifier([0, 0, 0, 1, 1], "cat", "dog", "owl")
    result = measure_forgetting(engine, better, BEFORE, data(TRUTH[:5], ("cat", "dog")))
    assert result["forgetting"] == pytest.approx(-1 / 5)


def test_images_of_new_classes_alone_say_nothing_of_the_old_ones(engine):
    shifted = classifier([2, 3, 3, 0], "cat", "dog", "owl", "ant")
    result = measure_forgetting(engine, shifted, BEFORE, data(["owl", "owl", "ant", "ant"], ("owl", "ant")))
    assert result["accuracy_new"] == pytest.approx(2 / 4)
    assert result["confusion"] == {"old_as_new": None, "new_as_old": pytest.approx(1 / 4)}
    unknown = ("accuracy_old", "accuracy_all", "old_classifier_accuracy", "forgetting")
    assert [result[name] for name in unknown] == [None] * 4
    assert (result["test_images_old"], result["test_images_new"], result["left_out"]) == (0, 4, {})


def test_images_of_old_classes_alone_say_nothing_of_the_new_ones(engine):
    result = measure_forgetting(engine, AFTER, BEFORE, data(TRUTH[:5], ("cat", "dog")))
    assert result["forgetting"] == pytest.approx(2 / 5)
    assert result["confusion"] == {"old_as_new": pytest.approx(2 / 5), "new_as_old": None}
    assert (result["accuracy_new"], result["accuracy_all"]) == (None, None)
    assert (result["test_images_old"], result["test_images_new"]) == (5, 0)


def test_classes_are_matched_by_name_in_whatever_order_and_unknown_ones_are_left_out(engine):
    names = ("Ant", "zebra", "owl", "dog", "cat", "yak")  # "Ant" is "ant"
    truth = [{"ant": "Ant"}.get(name, name) for name in TRUTH]
    inserted = ["zebra", "zebra", "yak"]
    # Levels 9 ... 11 belong to the unknown classes; the classifiers would take them for an owl and a cat.
    before = classifier([0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0], "cat", "dog")
    after = classifier([0, 1, 2, 1, 3, 2, 3, 3, 0, 2, 2, 2], "cat", "dog", "owl", "ant")
    found = measure_forgetting(engine, after, before, data(truth + inserted, names))
    plain = measure_forgetting(engine, AFTER, BEFORE, data(TRUTH, ("cat", "dog", "owl", "ant")))
    assert found == plain | {"left_out": {"zebra": 2, "yak": 1}}


@pytest.mark.parametrize(
    ("test", "left_out"),
    [
        (None, {}),
        (ImageSet(images=torch.zeros(2, 1, 2, 2, dtype=torch.uint8), labels=None, class_names=()), {}),
        (data(["zebra", "yak"], ("yak", "zebra")), {"yak": 1, "zebra": 1}),
    ],
)
def test_without_images_of_known_classes_every_number_is_none(engine, test, left_out):
    result = measure_forgetting(engine, AFTER, BEFORE, test)
    numbers = ("accuracy_old", "accuracy_new", "accuracy_all", "old_classifier_accuracy", "forgetting")
    assert {name: result[name] for name in numbers} == dict.fromkeys(numbers)
    assert result["confusion"] == {"old_as_new": None, "new_as_old": None}
    assert (result["test_images_old"], result["test_images_new"], result["left_out"]) == (0, 0, left_out)
