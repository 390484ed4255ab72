"""HTML as text that is safe by construction: whatever is not HTML already is escaped where it enters an element."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

EMPTY = frozenset(("br", "img", "meta", "line", "rect", "circle", "path", "polyline"))
"""Elements that hold nothing."""


class Html(str):
    """Text that is HTML; only :func:`element`, :func:`join` and what is written in this package make it."""

    __slots__ = ()


def element(name: str, /, *children: str | Iterable[str], **attributes: str | float | None) -> Html:
    """An element with its children; plain text in them, and every attribute's value, is escaped.

    :param attributes: ``class_`` stands for ``class``, other underscores for hyphens; None leaves one out.
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_text(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in EMPTY:
        return Html(f"<{name}{given}/>")  # inside SVG the slash is needed, elsewhere it does no harm
    return Html(f"<{name}{given}>{join(*children)}</{name}>")


def join(*children: str | Iterable[str]) -> Html:
    """One after the other, plain text escaped."""
    flat = [one for child in children for one in ([child] if isinstance(child, str) else child)]
    return Html("".join(one if isinstance(one, Html) else escape(one) for one in flat))


def table(head: Sequence[str], rows: Sequence[Sequence[str]], class_: str | None = None) -> Html:
    """A table whose first column names the rows; wide ones scroll by themselves."""
    body = [
        element("tr", element("th", row[0], scope="row"), [element("td", cell) for cell in row[1:]]) for row in rows
    ]
    top = element("thead", element("tr", [element("th", cell, scope="col") for cell in head])) if any(head) else ""
    return element("div", element("table", top, element("tbody", body), class_=class_), class_="scroll")


def _text(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.6g}"
