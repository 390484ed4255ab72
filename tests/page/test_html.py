"""Text that becomes HTML: nothing that comes from a file can be more than text."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from degan_cli.page.charts import curves, reliability
from degan_cli.page.content import Ancestor, Content, Subject
from degan_cli.page.curves import curves_by_measure, shares_over_time
from degan_cli.page.html import Html, element, join, table
from degan_cli.page.page import page

EVIL = '<script>document.title = "taken"</script>"><img src=x onerror=alert(1)>'


class Elements(HTMLParser):
    """All elements of a page, with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attributes)))


def test_text_is_escaped_and_html_is_not() -> None:
    assert element("p", "a < b & c", element("br")) == "<p>a &lt; b &amp; c<br/></p>"
    assert element("a", "x", href='"><script>') == '<a href="&quot;&gt;&lt;script&gt;">x</a>'
    assert join(["<i>", Html("<i>")], "&") == "&lt;i&gt;<i>&amp;"
    assert isinstance(join("a"), Html)
    assert element("td", class_="a", aria_label="b", width=None) == '<td class="a" aria-label="b"></td>'
    assert "&lt;b&gt;" in table(["<b>"], [["<b>", "<b>"]])


def subject(name: str, **about: object) -> Subject:
    rows = [{"step": step, "loss": 1 / step, "class_counts": {EVIL: step, "b": 1}} for step in (1, 2, 4)]
    return Subject(**{"name": name, "file": f"{name}.safetensors", "kind": "classifier", "rows": rows} | about)


def test_nothing_from_a_file_becomes_an_element() -> None:
    evil = subject(
        EVIL,
        file=EVIL,
        what=EVIL,
        sha256=EVIL,
        provider=EVIL,
        settings={EVIL: EVIL, "nested": {EVIL: [EVIL]}},
        metrics={EVIL: 1.0},
        versions={EVIL: EVIL},
        parents=[Ancestor(role=EVIL, sha256=EVIL, file=EVIL, kind=EVIL)],
        rows=[{"step": 1, EVIL: 0.5, "class_counts": {EVIL: 3, "b": 1}}],
    )
    bins = [{"images": 4, "confidence": 0.9, "accuracy": 0.5}]
    confusion = {"classes": [EVIL, "b"], "counts": [[3, 1], [0, 2]]}
    measured = {EVIL: {"accuracy": 0.5, "reliability": bins, "confusion": confusion}}
    text = page(Content(subjects=[evil], measured=measured, dataset=EVIL, version="1", date="today"))
    elements = Elements(text).found
    assert not {"script", "img", "iframe", "link", "object"} & {tag for tag, _ in elements}
    assert not [name for _, given in elements for name in given if name.startswith("on")]
    assert text.count(EVIL) == 0
    assert "&lt;script&gt;document.title" in text


def test_runs_are_compared_in_one_chart_with_a_legend_and_a_table() -> None:
    first, second = (
        subject(name, settings={"lr": lr, "seed": 0}, metrics={"accuracy": accuracy})
        for name, lr, accuracy in (("early", 0.1, 0.5), ("late", 0.2, 0.75))
    )
    text = page(Content(subjects=[first, second]))
    elements = Elements(text).found
    assert text.count('aria-label="Loss"') == 1
    assert [given["class"] for tag, given in elements if tag == "g" and given.get("class", "").startswith("c")] == [
        "c0",
        "c1",
    ]
    assert "<span>" + '<i class="key c1"></i>late</span>' in text
    assert "early: 0.25 after 4 updates" in text
    assert "<td>50.00%</td><td>75.00%</td>" in text
    assert '<tr class="differs"><th scope="row">lr</th><td>0.1</td><td>0.2</td></tr>' in text
    assert '<tr><th scope="row">seed</th><td>0</td><td>0</td></tr>' in text


def test_a_curve_goes_up_where_its_values_do() -> None:
    chart = curves("t", {"a": [(0, 0.0), (10, 1.0), (20, 0.5)]}, ["a"])
    (line,) = [given["points"] for tag, given in Elements(chart).found if tag == "polyline"]
    (x0, y0), (x1, y1), (x2, y2) = (map(float, point.split(",")) for point in str(line).split())
    assert x0 < x1 < x2
    assert y1 < y2 < y0  # y grows downwards in SVG
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.2)
    assert "legend" not in chart


def test_a_classifier_that_is_always_as_right_as_it_says_lies_on_the_diagonal() -> None:
    bins = [{"images": 9, "confidence": c, "accuracy": c} for c in (0.25, 0.5, 1.0)]
    elements = Elements(reliability(bins)).found
    (ideal,) = [given for tag, given in elements if tag == "line" and given["class"] == "ideal"]
    x0, y0, x1, y1 = (float(str(ideal[key])) for key in ("x1", "y1", "x2", "y2"))
    for tag, given in elements:
        if tag == "circle":
            x, y = float(str(given["cx"])), float(str(given["cy"]))
            assert (x - x0) / (x1 - x0) == pytest.approx((y - y0) / (y1 - y0), abs=1e-3)


def test_shares_are_in_units_of_an_even_share() -> None:
    steps, shares = shares_over_time(subject("a")) or ([], {})
    assert steps == [1, 2, 4]
    assert shares == {EVIL: [1, pytest.approx(4 / 3), 1.6], "b": [1, pytest.approx(2 / 3), 0.4]}


def test_what_is_no_number_is_no_curve() -> None:
    rows = [{"step": 1, "loss": float("nan"), "word": "x", "flag": True, "schema": 1, "kl": 2}]
    assert curves_by_measure([subject("a", rows=rows)]) == {"kl": {"a": [(1, 2)]}}
