"""Sections about samples: what a classifier takes them for, how classes came and went, and whether they are copies."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ..console import shortened
from ..images import MOST_ROWS, emptiest_and_fullest
from .charts import classes_over_time
from .content import COPY_LEVELS, NEAR, Copies, Neighbour, Seen, Subject
from .curves import shares_over_time
from .html import Html, element, join
from .pictures import picture

TILES = 8
"""Images of a class."""
NAMED = 30
"""Classes of which there are no samples."""
WORDS = {"copy": "a copy", "near": "nearly a copy", "new": "no copy"}


def samples_section(name: str, seen: Seen) -> Html:
    """A row of samples per class, with how many there are and how sure the classifier is."""
    number = len(seen.images)
    if seen.classes is None or seen.confidence is None:
        says = "Its classifier was not found, so nobody says what they show; name it with --classifier."
        tiles = [element("div", picture(image, "a sample"), class_="tile") for image in seen.images[: 5 * TILES]]
        return join(element("h3", name), element("p", says), element("div", tiles, class_="tiles"))
    counts = torch.bincount(seen.classes, minlength=len(seen.class_names)).tolist()
    filled = [index for index, count in enumerate(counts) if count]
    shown = [filled[place] for place in emptiest_and_fullest([counts[index] for index in filled], MOST_ROWS)]
    says = (
        f"{number:,} samples; each row shows the first {TILES} that the classifier takes for a class, the surest first."
    )
    if len(shown) < len(filled):
        says += f" The emptiest and the fullest {len(shown)} of {len(filled):,} classes that are there."
    if absent := [class_name for class_name, count in zip(seen.class_names, counts, strict=True) if not count]:
        says += f" No sample is taken for {shortened(absent, NAMED)}."
    rows = [_class_row(seen, index, counts) for index in shown]
    return join(element("h3", name), element("p", says, class_="soft"), element("div", rows, class_="classes"))


def _class_row(seen: Seen, index: int, counts: Sequence[int]) -> Html:
    assert seen.classes is not None
    assert seen.confidence is not None
    name, count = seen.class_names[index], counts[index]
    mine = (seen.classes == index).nonzero().flatten()
    first = mine[:TILES]
    best = first[seen.confidence[first].argsort(descending=True)]
    sure = [f"{confidence:.0%}" for confidence in seen.confidence[best].tolist()]
    pictures = [picture(seen.images[k], f"{name}, {percent}") for k, percent in zip(best, sure, strict=True)]
    tiles = [element("div", drawn, percent, class_="tile") for drawn, percent in zip(pictures, sure, strict=True)]
    mean = float(seen.confidence[mine].mean())
    width = f"width:{100 * count / max(counts):.1f}%"
    head = element(
        "div",
        element("div", name, class_="name"),
        element("div", element("i", style=width), class_="bar"),
        element("div", f"{count:,} samples, mean confidence {mean:.0%}", class_="soft"),
    )
    return element("div", head, element("div", tiles, class_="tiles"), class_="class-row")


def classes_section(subject: Subject) -> Html:
    """How the classes came and went in the course of a run; empty where the run wrote no counts down."""
    found = shares_over_time(subject)
    if found is None:
        return Html()
    steps, shares = found
    names = list(shares)
    shown = [names[k] for k in emptiest_and_fullest([values[-1] for values in shares.values()], MOST_ROWS)]
    chart = classes_over_time(steps, shown, [shares[name] for name in shown])
    caption = element("figcaption", subject.name, element("small", ": share of the samples, 1 is an even share"))
    return element("figure", caption, chart, class_="wide")


def copies_section(name: str, copies: Copies) -> Html:
    """The samples that are nearest to proxy images, beside those."""
    found = copies.verdicts
    says = (
        f"Of {copies.samples:,} samples {found.get('copy', 0):,} are copies of one of {copies.proxy_images:,} images "
        f"of {copies.proxy} (less than {COPY_LEVELS:g} of 255 levels apart), and {found.get('near', 0):,} are nearly "
        f"one: nearer than a third of the median distance between a proxy image and the one next to it, in pixels "
        f"({copies.pixel_side} a side) or in the classifier's features. The nearest are shown first."
    )
    pairs = element("div", [_pair(one) for one in copies.nearest], class_="pairs")
    return join(element("h3", name), element("p", says), pairs)


def _pair(one: Neighbour) -> Html:
    def shown(image: torch.Tensor, says: str) -> Html:
        return element("figure", picture(image, says), element("figcaption", says))

    far = f"{one.pixel_ratio:.2f} in pixels, {one.feature_ratio:.2f} in features"
    verdict = element("b", WORDS[one.verdict], class_="good" if one.verdict == "new" else "bad")
    return element(
        "div",
        shown(one.sample, "sample"),
        shown(one.by_pixels, "nearest in pixels"),
        shown(one.by_features, "nearest in features"),
        element("div", verdict, f" ({one.levels:.1f} levels apart; {far}, below {NEAR:.2f} is near)", class_="verdict"),
        class_="pair",
    )
