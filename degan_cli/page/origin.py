"""Sections about where results come from: every setting, what each artifact was made from, and with which versions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from .content import Ancestor, Subject
from .html import Html, element, join, table

NONE = "–"
"""Where a run has no such setting, or no value for it."""


def settings_section(subjects: Sequence[Subject]) -> Html:
    """All settings, a column per run; where several runs have one and differ in it, it is marked."""
    flat = [_flat(subject.settings) for subject in subjects]
    names = sorted({name for settings in flat for name in settings})
    if not names:
        return element("p", "None of them says with which settings it was made.")
    rows = [_row(name, [settings.get(name, NONE) for settings in flat]) for name in names]
    head = element("tr", [element("th", text, scope="col") for text in ("", *(subject.name for subject in subjects))])
    return element("div", element("table", element("thead", head), element("tbody", rows)), class_="scroll")


def lineage_section(subjects: Sequence[Subject]) -> Html:
    """What each artifact was made from, and what that was made from, as far as the files are at hand."""
    parts: list[Html] = []
    for subject in subjects:
        made = [f"{name} {version}" for name, version in subject.versions.items()]
        about = [
            ["SHA-256", element("code", subject.sha256 or "–", class_="hash")],
            ["made by", subject.provider or "–"],
        ]
        about.append(["versions", ", ".join(made) or "–"])
        tree = element("ul", [_ancestor(one) for one in subject.parents], class_="lineage") if subject.parents else ""
        parts += [element("h3", subject.name), table([], about), join(tree)]
    return join(parts)


def _ancestor(one: Ancestor) -> Html:
    file = element(
        "span", f" {one.file} ({one.kind})" if one.file else " (a file that is not at hand, or images)", class_="soft"
    )
    below = element("ul", [_ancestor(parent) for parent in one.parents]) if one.parents else ""
    return element("li", element("b", one.role), file, element("br"), element("code", one.sha256), join(below))


def _row(name: str, values: Sequence[str]) -> Html:
    differs = "differs" if len(set(values) - {NONE}) > 1 else None
    return element("tr", element("th", name, scope="row"), [element("td", value) for value in values], class_=differs)


def _flat(settings: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in settings.items():
        if isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{name}.")
        else:
            found[prefix + name] = value if isinstance(value, str) else NONE if value is None else json.dumps(value)
    return found
