"""The comparison of what was written with the classifier itself."""

from __future__ import annotations

import pytest
import torch
from conftest import tiny_classifier

from degan_cli.errors import Diverged
from degan_cli.exports import Export, largest_difference, opened


def exported(softmax=False):
    return Export(classifier=tiny_classifier().freeze(), softmax=softmax, config={}, card="")


def test_the_largest_difference_is_found_in_batches_of_one_and_seven():
    seen = []
    given = exported()

    def run(images):
        seen.append(len(images))
        outputs = given.classifier(images)
        outputs[-1, 1] += 2e-5
        return outputs

    difference, bound = largest_difference(given, run, "a loader")
    assert difference == pytest.approx(2e-5, rel=0.05)
    assert bound == 1e-4  # the untrained network's outputs are below 1
    assert seen == [1, 7]


def test_the_bound_grows_with_the_outputs():
    given = exported()
    with torch.no_grad():
        given.classifier.network[-1].bias.fill_(1000)
    _, bound = largest_difference(given, given.classifier, "a loader")
    assert bound == pytest.approx(0.1, rel=0.01)


@pytest.mark.parametrize("fault", [2e-3, float("nan"), float("inf")])
def test_what_differs_is_refused(fault):
    given = exported()
    with pytest.raises(Diverged, match="a loader gives outputs that differ by .* nothing was written"):
        largest_difference(given, lambda images: given.classifier(images) + fault * (len(images) == 7), "a loader")


def test_what_does_not_run_is_refused():
    def run(images):
        raise RuntimeError("Got: 1 Expected: 2")

    with pytest.raises(Diverged, match=r"a loader cannot run .* 1 images \(RuntimeError: Got: 1 Expected: 2\)"):
        largest_difference(exported(), run, "a loader")


def test_what_cannot_be_opened_is_refused(tmp_path):
    def load(export, path):
        raise ValueError("no such operator")

    with pytest.raises(
        Diverged, match=r"a loader cannot open the result \(ValueError: no such operator\); nothing was"
    ):
        opened(exported(), load, tmp_path, "a loader")


def test_probabilities_are_compared_with_probabilities():
    given = exported(softmax=True)
    difference, _ = largest_difference(given, lambda images: given.classifier(images).softmax(dim=1), "a loader")
    assert difference == 0
    with pytest.raises(Diverged):
        largest_difference(given, given.classifier, "a loader")
