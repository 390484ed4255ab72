"""Sections of numbers: what came out of each run, its curves, and how good a classifier is on images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .charts import curves, reliability
from .content import Subject
from .curves import curves_by_measure, is_number, title
from .html import Html, element, join, table

MATRIX_CLASSES = 30
"""Of a larger confusion matrix only the largest confusions are listed."""
CONFUSIONS = 15
PER_CENT = ("accuracy", "agreement", "confidence", "calibration_error", "fraction", "coverage", "precision", "recall")


def outcome_section(subjects: Sequence[Subject]) -> Html:
    """The runs side by side: what they are, and every plain number that they stored at their end."""
    head = ["", *(subject.name for subject in subjects)]
    rows = [
        ["file", *(element("code", subject.file) for subject in subjects)],
        ["kind", *(subject.kind for subject in subjects)],
        ["made of", *(subject.what for subject in subjects)],
    ]
    names = dict.fromkeys(name for one in subjects for name, value in one.metrics.items() if is_number(value))
    rows += [[name.replace("_", " "), *(number(name, one.metrics.get(name)) for one in subjects)] for name in names]
    return table(head, rows)


def curves_section(subjects: Sequence[Subject]) -> Html:
    """A chart per measure, with a line per run."""
    runs = [subject.name for subject in subjects]
    charts = [curves(title(measure), lines, runs) for measure, lines in curves_by_measure(subjects).items()]
    return element("div", charts, class_="charts")


def measured_section(name: str, values: Mapping[str, Any]) -> Html:
    """How good a classifier is: the numbers, the confusion matrix, and the reliability diagram."""
    kept = ("accuracy", "agreement", "calibration_error", "confidence", "images")
    facts = [(number(key, values[key]), key.replace("_", " ")) for key in kept if key in values]
    parts = [element("h3", name), fact_list(facts)]
    if "reliability" in values:
        chart = reliability(values["reliability"])
        says = (
            "The line is what was measured, the diagonal a calibrated classifier; a larger dot stands for more images."
        )
        parts.append(element("div", chart, element("p", says, class_="soft"), class_="charts"))
    if "confusion" in values:
        parts.append(_confusion(values["confusion"]["classes"], values["confusion"]["counts"]))
    return join(parts)


def fact_list(facts: Sequence[tuple[str, str]]) -> Html:
    """A few numbers, large, each with what it means."""
    return element(
        "ul", [element("li", element("b", value), element("span", what)) for value, what in facts], class_="facts"
    )


def number(name: str, value: Any) -> str:
    """A measure as people read it: fractions in per cent."""
    if not is_number(value):
        return "–"
    if any(name.endswith(word) for word in PER_CENT) and 0 <= value <= 1:
        return f"{value:.2%}"
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def _confusion(names: Sequence[str], counts: Sequence[Sequence[int]]) -> Html:
    if len(names) > MATRIX_CLASSES:
        wrong = sorted(
            ((count, i, j) for i, row in enumerate(counts) for j, count in enumerate(row) if i != j and count),
            key=lambda item: -item[0],
        )[:CONFUSIONS]
        rows = [[names[i], names[j], f"{count:,}"] for count, i, j in wrong]
        return join(element("h3", "What is mistaken most often"), table(["true class", "seen as", "images"], rows))
    lines = []
    for name, row in zip(names, counts, strict=True):
        total = sum(row) or 1
        shades = [
            f"background:color-mix(in srgb, var(--mark) {min(100, 85 * n / total):.0f}%, transparent)" for n in row
        ]
        cells = [element("td", f"{n:,}" if n else "·", style=shade) for n, shade in zip(row, shades, strict=True)]
        lines.append(element("tr", element("th", name, scope="row"), cells))
    top = element("tr", element("th", "true \\ seen as"), [element("th", name, scope="col") for name in names])
    return element("div", element("table", top, lines, class_="confusion"), class_="scroll")
