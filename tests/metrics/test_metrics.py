from __future__ import annotations

import math

import pytest
import torch
from sklearn.metrics import confusion_matrix
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from degan_cli import metrics

PREDICTED = torch.tensor([0, 0, 1, 2, 2, 2])
LABELS = torch.tensor([0, 1, 1, 2, 2, 0])


def normal(count: int, size: int = 8, seed: int = 0, mean: float = 0.0, deviation: float = 1.0) -> Tensor:
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(count, size, generator=draw, dtype=torch.float64) * deviation + mean


def test_accuracy_by_hand() -> None:
    assert metrics.accuracy(PREDICTED, LABELS) == pytest.approx(4 / 6)
    assert metrics.agreement(PREDICTED, PREDICTED) == 1
    assert metrics.accuracy(torch.eye(3)[PREDICTED], LABELS) == pytest.approx(4 / 6)
    assert metrics.agreement(PREDICTED, torch.eye(3)[PREDICTED]) == 1


def test_accuracy_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        metrics.accuracy(torch.tensor([], dtype=torch.int64), torch.tensor([], dtype=torch.int64))
    with pytest.raises(ValueError, match="equally many"):
        metrics.accuracy(PREDICTED, LABELS[:3])


def test_the_summary_of_a_curve_by_hand() -> None:
    values = (0.5, 0.9, 0.7)
    summary = metrics.curve_summary(values)
    assert summary.keys() == {"peak", "mean", "variance", "last", "values"}
    assert (summary["peak"], summary["last"], summary["values"]) == (0.9, 0.7, [0.5, 0.9, 0.7])
    assert summary["mean"] == pytest.approx(0.7)
    assert summary["variance"] == pytest.approx((0.04 + 0.04) / 3)  # the population's: by 3, not by 2


def test_a_curve_of_one_epoch_does_not_vary_and_one_of_none_is_refused() -> None:
    assert metrics.curve_summary([0.25]) == {"peak": 0.25, "mean": 0.25, "variance": 0, "last": 0.25, "values": [0.25]}
    with pytest.raises(ValueError, match="needs a value"):
        metrics.curve_summary([])


def test_confusion_has_true_classes_as_rows() -> None:
    table = metrics.confusion(PREDICTED, LABELS, 4)
    assert table.tolist() == confusion_matrix(LABELS, PREDICTED, labels=range(4)).tolist()
    assert table[0].tolist() == [1, 0, 1, 0]


def test_per_class_accuracy_of_a_class_without_images_is_nan() -> None:
    values = metrics.per_class_accuracy(PREDICTED, LABELS, 4).tolist()
    assert values[:3] == [0.5, 0.5, 1.0]
    assert math.isnan(values[3])


def test_class_counts_keep_classes_that_never_appear() -> None:
    assert metrics.class_counts(PREDICTED, 4).tolist() == [2, 1, 3, 0]


def test_calibration_error_by_hand() -> None:
    # Confidences 0.9 (right), 0.9 (wrong) and 0.6 (right): gaps |1 - 1.8| and |1 - 0.6|, over 3 images.
    logits = torch.tensor([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6]]).log()
    labels = torch.tensor([0, 1, 1])
    assert metrics.expected_calibration_error(logits, labels) == pytest.approx((0.8 + 0.4) / 3)
    # One bin for all: |2 right - 2.4 confidence| / 3.
    assert metrics.expected_calibration_error(logits, labels, bins=1) == pytest.approx(0.4 / 3)


def test_a_certain_and_right_classifier_is_calibrated_and_a_wrong_one_is_not() -> None:
    logits = torch.eye(3) * 200
    assert metrics.expected_calibration_error(logits, torch.arange(3)) == pytest.approx(0)
    assert metrics.expected_calibration_error(logits, torch.tensor([1, 2, 0])) == pytest.approx(1)


def test_confidence_and_entropy_at_their_bounds() -> None:
    even, certain = torch.zeros(5, 4), torch.eye(4) * 1000
    assert metrics.mean_confidence(even) == pytest.approx(0.25)
    assert metrics.mean_entropy(even) == pytest.approx(math.log(4))
    assert metrics.mean_confidence(certain) == 1
    assert metrics.mean_entropy(certain) == 0
    with pytest.raises(ValueError, match="not empty"):
        metrics.mean_entropy(torch.zeros(0, 4))


def test_frechet_distance_of_known_covariances() -> None:
    # Two points per axis: means (0, 0) and (3, 4), covariances diag(2, 2) / 3 times 1 and 4.
    cross = torch.tensor([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
    shift = torch.tensor([3.0, 4.0])
    # 25 from the means, 2 * (sqrt(2/3) - sqrt(8/3))^2 = 2 * 2/3 from the deviations.
    assert metrics.frechet_distance(cross, 2 * cross + shift) == pytest.approx(25 + 4 / 3)


def test_frechet_distance_of_covariances_that_do_not_commute() -> None:
    scipy_linalg = pytest.importorskip("scipy.linalg")
    first, second = normal(50, 4), normal(60, 4, seed=1) @ normal(4, 4, seed=2)
    c1, c2 = torch.cov(first.T).numpy(), torch.cov(second.T).numpy()
    shift = (first.mean(0) - second.mean(0)).square().sum().item()
    expected = shift + (c1 + c2 - 2 * scipy_linalg.sqrtm(c1 @ c2).real).trace()
    assert metrics.frechet_distance(first, second) == pytest.approx(expected, rel=1e-6)


def test_frechet_distance_of_equal_sets_is_zero_even_with_fewer_images_than_features() -> None:
    few = normal(10, 40)
    assert metrics.frechet_distance(few, few.flip(0)) == pytest.approx(0, abs=1e-8)
    one_feature = normal(10, 1)
    assert metrics.frechet_distance(one_feature, one_feature + 2) == pytest.approx(4)


def test_kernel_distance_by_hand() -> None:
    real, fake = torch.tensor([[0.0], [1.0]]), torch.tensor([[1.0], [2.0]])
    # k(0,1) = 1, k(1,2) = 27, and across: k(0,1) + k(0,2) + k(1,1) + k(1,2) = 1 + 1 + 8 + 27 over 4.
    mean, deviation = metrics.kernel_distance(real, fake)
    assert mean == pytest.approx(1 + 27 - 2 * 37 / 4)
    assert deviation == pytest.approx(0, abs=1e-12)


def test_kernel_distance_is_unbiased_and_grows_with_the_shift() -> None:
    real, same, moved = normal(2000), normal(2000, seed=1), normal(2000, seed=2, mean=1)
    near, _ = metrics.kernel_distance(real, same, subsets=10, subset_size=500)
    far, _ = metrics.kernel_distance(real, moved, subsets=10, subset_size=500)
    assert abs(near) < 0.02 < 1 < far


def test_kernel_distance_depends_on_the_seed_alone() -> None:
    real, fake = normal(50), normal(60, seed=1)
    first = metrics.kernel_distance(real, fake, subsets=3, subset_size=20, seed=5)
    assert metrics.kernel_distance(real, fake, subsets=3, subset_size=20, seed=5) == first
    assert metrics.kernel_distance(real, fake, subsets=3, subset_size=20, seed=6) != first


def test_equal_sets_have_full_precision_recall_and_coverage() -> None:
    real = normal(300)
    values = metrics.precision_recall_density_coverage(real, real)
    assert values["precision"] == values["recall"] == values["coverage"] == 1
    assert values["density"] >= 1


def test_sets_far_apart_share_nothing() -> None:
    values = metrics.precision_recall_density_coverage(normal(100), normal(100, seed=1, mean=50))
    assert values == {"precision": 0, "recall": 0, "density": 0, "coverage": 0}


def test_a_collapsed_generator_is_precise_but_covers_little() -> None:
    real = normal(400)
    collapsed = real[:1] + normal(400, seed=1, deviation=1e-3)
    values = metrics.precision_recall_density_coverage(real, collapsed)
    assert values["precision"] == 1
    assert values["recall"] < 0.02
    assert values["coverage"] < 0.1


def test_precision_recall_density_coverage_against_scikit_learn() -> None:
    # More than twice as many as are compared at a time: several chunks, the last one short.
    real, fake, k = normal(2200, 3), normal(2100, 3, seed=1, mean=0.7), 5

    def radii(features: Tensor) -> Tensor:
        distances, _ = NearestNeighbors(n_neighbors=k + 1).fit(features).kneighbors(features)
        return torch.from_numpy(distances[:, -1])

    distances = torch.cdist(real, fake, compute_mode="donot_use_mm_for_euclid_dist")
    in_real = distances <= radii(real)[:, None]
    in_fake = distances <= radii(fake)[None]
    values = metrics.precision_recall_density_coverage(real, fake, k)
    assert values["precision"] == pytest.approx(in_real.any(0).double().mean().item())
    assert values["recall"] == pytest.approx(in_fake.any(1).double().mean().item())
    assert values["density"] == pytest.approx(in_real.double().sum(0).mean().item() / k)
    assert values["coverage"] == pytest.approx(in_real.any(1).double().mean().item())


def test_too_few_images_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 6 of each"):
        metrics.precision_recall_density_coverage(normal(5), normal(100))
    with pytest.raises(ValueError, match="at least 2 of each"):
        metrics.frechet_distance(normal(1), normal(100))
    with pytest.raises(ValueError, match=r"\(N, D\) and \(M, D\)"):
        metrics.kernel_distance(normal(5, 3), normal(5, 4))


def test_a_reliability_diagram_by_hand() -> None:
    # Confidences 0.85 (right), 0.95 (wrong), 0.55 (right) and 0.92 (right): one image in (0.5, 0.6], one in (0.8, 0.9].
    logits = torch.tensor([[0.85, 0.15], [0.95, 0.05], [0.45, 0.55], [0.08, 0.92]]).log()
    found = metrics.reliability(logits, torch.tensor([0, 1, 1, 1]), bins=10)
    assert [(one["images"], one["accuracy"]) for one in found] == [(1, 1), (1, 1), (2, 0.5)]
    assert [one["confidence"] for one in found] == pytest.approx([0.55, 0.85, 0.935])
    with pytest.raises(ValueError, match="not empty"):
        metrics.reliability(torch.zeros(0, 2), torch.zeros(0, dtype=torch.int64))
