"""Charts as inline SVG: curves of several runs, a reliability diagram, and classes over time as a heat map."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .html import Html, element

WIDTH, HEIGHT = 440, 250
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 12, 34
"""Space for the axes' numbers, in the chart's own units."""
COLOURS = 8
"""Line colours in the style sheet, ``c0`` ...; further lines begin anew, dashed."""

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, kw_only=True)
class Axes:
    """The numbers that a chart's edges stand for."""

    x: tuple[float, float]
    y: tuple[float, float]

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Where a point lies in the chart."""
        across = (x - self.x[0]) / (self.x[1] - self.x[0])
        up = (y - self.y[0]) / (self.y[1] - self.y[0])
        return LEFT + across * (WIDTH - LEFT - RIGHT), HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM)


def curves(title: str, lines: Mapping[str, Points], runs: Sequence[str]) -> Html:
    """A line per run, with a legend where there are several runs.

    :param lines: the points (updates, value) of each run that has any, all finite.
    :param runs: all runs of the page, so that one has the same colour in every chart.
    """
    xs, ys = zip(*(point for points in lines.values() for point in points), strict=True)
    axes = Axes(x=_span(0, max(xs)), y=_span(min(ys), max(ys)))
    drawn, keys = [], []
    for name, points in lines.items():
        colour, (x, y) = _colour(runs.index(name)), points[-1]
        drawn.append(_line(axes, points, colour, f"{name}: {y:.4g} after {x:,.0f} updates"))
        keys.append(element("span", element("i", class_=f"key {colour}"), name))
    legend = element("div", keys, class_="legend") if len(runs) > 1 else ""
    return _figure(title, [*_frame(axes, "updates"), *drawn], legend)


def reliability(bins: Sequence[Mapping[str, float]]) -> Html:
    """How often a classifier is right (y) where it is so confident (x); the diagonal is calibrated.

    :param bins: ``images``, ``confidence`` and ``accuracy`` of each, see :func:`degan_cli.metrics.reliability`.
    """
    axes = Axes(x=(0, 1), y=(0, 1))
    most = max(one["images"] for one in bins)
    (x0, y0), (x1, y1) = axes.place(0, 0), axes.place(1, 1)
    drawn = [element("line", x1=x0, y1=y0, x2=x1, y2=y1, class_="ideal")]
    for one in bins:
        x, y = axes.place(one["confidence"], one["accuracy"])
        says = f"{one['images']:,.0f} images: confidence {one['confidence']:.1%}, right {one['accuracy']:.1%}"
        # The area stands for the number of images.
        drawn.append(_dot(x, y, 3 + 9 * math.sqrt(one["images"] / most), "c0 bin", says))
    points = [(one["confidence"], one["accuracy"]) for one in bins]
    drawn.insert(1, _line(axes, points, "c0", "reliability", dots=False))
    return _figure("Right, by confidence", [*_frame(axes, "confidence"), *drawn])


def classes_over_time(steps: Sequence[float], names: Sequence[str], shares: Sequence[Sequence[float]]) -> Html:
    """A heat map: a row per class, a column per look, darker for more of the samples.

    :param shares: of each class the share of the samples at each look, in units of an even share; (classes, looks).
    """
    row, left, width = 18, 110, 440
    cell = (width - left - 60) / len(steps)
    parts: list[Html] = []
    for index, (name, values) in enumerate(zip(names, shares, strict=True)):
        y = index * row
        parts.append(element("text", _cut(name, 16), x=left - 6, y=y + 13, text_anchor="end"))
        for look, value in enumerate(values):
            says = element("title", f"{name}, {steps[look]:,.0f} updates: {value:.2f} of an even share")
            # An even share is half as dark as it gets.
            box = {"x": left + look * cell, "y": y + 1, "width": cell + 0.3, "height": row - 2}
            shade = f"{min(1.0, value / 2):.3f}"
            parts.append(element("g", element("rect", **box, class_="heat", fill_opacity=shade), says))
        parts.append(element("text", f"{values[-1]:.2f}", x=width - 54, y=y + 13))
    bottom = len(names) * row
    parts.append(element("text", f"{steps[0]:,.0f}", x=left, y=bottom + 14, class_="tick"))
    parts.append(
        element("text", f"{steps[-1]:,.0f} updates", x=width - 60, y=bottom + 14, text_anchor="end", class_="tick")
    )
    return _svg("Classes over time", parts, width, bottom + 22)


def _figure(title: str, drawn: Sequence[Html], legend: str = "") -> Html:
    return element("figure", element("figcaption", title), _svg(title, drawn, WIDTH, HEIGHT), legend, class_="chart")


def _svg(title: str, parts: Sequence[Html], width: float, height: float) -> Html:
    return element("svg", parts, viewBox=f"0 0 {width:g} {height:g}", role="img", aria_label=title)


def _frame(axes: Axes, x_label: str) -> list[Html]:
    """Grid lines, numbers at both axes, and what the horizontal one means."""
    parts: list[Html] = []
    for y in _ticks(*axes.y):
        _, at = axes.place(axes.x[0], y)
        parts.append(element("line", x1=LEFT, y1=at, x2=WIDTH - RIGHT, y2=at, class_="grid"))
        parts.append(element("text", f"{y:.4g}", x=LEFT - 6, y=at + 4, text_anchor="end", class_="tick"))
    for x in _ticks(*axes.x):
        at, _ = axes.place(x, axes.y[0])
        text = f"{x:,.0f}" if axes.x[1] > 10 else f"{x:.4g}"
        parts.append(element("text", text, x=at, y=HEIGHT - BOTTOM + 15, text_anchor="middle", class_="tick"))
    middle = (LEFT + WIDTH - RIGHT) / 2
    parts.append(element("text", x_label, x=middle, y=HEIGHT - 4, text_anchor="middle", class_="tick"))
    return parts


def _line(axes: Axes, points: Points, colour: str, says: str, dots: bool = True) -> Html:
    places = [axes.place(*point) for point in points]
    path = element("polyline", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in places), class_="line")
    few = [_dot(x, y, 2.5, "", "") for x, y in places] if dots and len(places) <= 40 else []
    return element("g", element("title", says), path, few, class_=colour)


def _dot(x: float, y: float, radius: float, class_: str, says: str) -> Html:
    dot = element("circle", cx=x, cy=y, r=radius, class_=class_ or None)
    return element("g", dot, element("title", says)) if says else dot


def _colour(number: int) -> str:
    return f"c{number % COLOURS}" + (" dashed" if number >= COLOURS else "")


def _span(low: float, high: float) -> tuple[float, float]:
    """The range of an axis: a twentieth more than the values take, and never empty."""
    low = min(low, high)
    room = (high - low) / 20 or abs(high) / 20 or 1.0
    return (0.0 if low == 0 else low - room), high + room


def _ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers in a range."""
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [number * step for number in range(first, math.floor(high / step + 1e-9) + 1)]


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
