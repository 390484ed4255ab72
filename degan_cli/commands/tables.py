"""Results of ``degan eval`` as text for people: per cent, aligned, no wider than it must be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..console import cell

MATRIX_CLASSES = 15
"""A confusion matrix of more classes is too wide to read; the largest confusions are listed instead."""
CONFUSIONS = 10


def classifier_table(result: Mapping[str, Any]) -> str:
    """What ``loops.evaluate.evaluate_classifier`` gave."""
    facts = [("images", f"{result['images']:,}")]
    if result["labelled"]:
        facts.append(("accuracy", _percent(result["accuracy"])))
    if "agreement" in result:
        facts.append(("agreement", _percent(result["agreement"])))
    if result["labelled"]:
        facts.append(("calibration error", _percent(result["calibration_error"])))
    facts += [("confidence", _percent(result["confidence"])), ("entropy", f"{result['entropy']:.3f} nats")]
    parts = [_facts(facts)]
    if result["labelled"]:
        counts = result["confusion"]["counts"]
        rows = [
            (name, f"{sum(row):,}", f"{taken:,}", "-" if value is None else _percent(value))
            for (name, value), row, taken in zip(
                result["per_class"].items(), counts, result["class_counts"].values(), strict=True
            )
        ]
        parts += [_grid(("class", "images", "predicted", "accuracy"), rows), _confusions(result["confusion"])]
    else:
        parts.append(_grid(("class", "predicted"), [(k, f"{n:,}") for k, n in result["class_counts"].items()]))
    return "\n\n".join(part for part in parts if part)


def samples_table(result: Mapping[str, Any]) -> str:
    """What ``loops.evaluate.evaluate_samples`` gave."""
    facts = [
        ("images", f"{result['images']:,}"),
        ("confidence", _percent(result["confidence"])),
        ("entropy", f"{result['entropy']:.3f} nats"),
        ("diversity", f"{result['diversity']:.3f} nats"),
    ]
    if "fid" in result:
        space = result["feature_space"]
        facts += [
            ("real images", f"{result['real_images']:,}"),
            ("feature space", f"{space['size']} numbers into the classifier's layer {space['layer']}"),
            ("FID", f"{result['fid']:.4g}"),
            ("KID", f"{result['kid']:.4g} +- {result['kid_deviation']:.2g}"),
            ("precision", _percent(result["precision"])),
            ("recall", _percent(result["recall"])),
            ("density", f"{result['density']:.3f}"),
            ("coverage", _percent(result["coverage"])),
        ]
    rows = [
        (name, f"{count:,}", _percent(count / result["images"]), f"{confident:,}")
        for (name, count), confident in zip(
            result["class_counts"].items(), result["confident_counts"].values(), strict=True
        )
    ]
    return f"{_facts(facts)}\n\n{_grid(('class', 'images', 'share', 'confident'), rows)}"


def _confusions(confusion: Mapping[str, Any]) -> str:
    names, counts = confusion["classes"], confusion["counts"]
    if len(names) <= MATRIX_CLASSES:
        rows = [(name, *(str(count) for count in row)) for name, row in zip(names, counts, strict=True)]
        return _grid(("true class \\ seen as", *names), rows)
    wrong = [(n, i, j) for i, row in enumerate(counts) for j, n in enumerate(row) if i != j and n]
    worst = sorted(wrong, key=lambda item: (-item[0], item[1:]))[:CONFUSIONS]
    return _grid(("true class", "seen as", "images"), [(names[i], names[j], f"{n:,}") for n, i, j in worst], left=2)


def _facts(facts: Sequence[tuple[str, str]]) -> str:
    width = max(len(name) for name, _ in facts)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in facts)


def _grid(head: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1) -> str:
    """Columns under ``head``, the first ``left`` of them flush left; empty without rows."""
    if not rows:
        return ""
    head, rows = [cell(text) for text in head], [[cell(text) for text in row] for row in rows]
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    cells = [
        [
            f"{text:<{width}}" if column < left else f"{text:>{width}}"
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        for row in (head, *rows)
    ]
    return "\n".join("  ".join(row).rstrip() for row in cells)


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.2f} %"
