"""The whole page: sections in their order, in one file that loads nothing."""

from __future__ import annotations

from importlib.resources import files

from .content import Content
from .html import Html, element, join
from .numbers import curves_section, measured_section, outcome_section
from .origin import lineage_section, settings_section
from .samples import classes_section, copies_section, samples_section

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""What a browser may load for this page: nothing but what is in it, and no script at all."""


def page(content: Content) -> str:
    """The report as HTML text."""
    names = [subject.name for subject in content.subjects]
    heading = names[0] if len(names) == 1 else f"{len(names)} runs compared"
    sections = {title: body for title, body in _sections(content).items() if body}
    links = [element("a", title, href=f"#{_anchor(title)}") for title in sections]
    written = [element("section", element("h2", title, id=_anchor(title)), body) for title, body in sections.items()]
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("title", f"degan report: {heading}"),
        element("style", Html(files(__package__).joinpath("style.css").read_text(encoding="utf-8"))),
    )
    top = element(
        "header",
        element("h1", heading),
        element("div", f"degan report, {content.date}, degan-cli {content.version}", class_="soft"),
        element("nav", links),
    )
    return f"<!doctype html>\n{element('html', head, element('body', top, element('main', written)), lang='en')}\n"


def _sections(content: Content) -> dict[str, Html]:
    """Title -> what stands below it; empty ones are left out."""
    subjects = content.subjects
    copies = {name: seen.copies for name, seen in content.seen.items() if seen.copies is not None}
    looks = [classes_section(subject) for subject in subjects]
    on = f"Measured on {content.dataset}"
    return {
        "Results": outcome_section(subjects),
        "Samples": join(samples_section(name, seen) for name, seen in content.seen.items()),
        "Copies of the proxy?": join(copies_section(name, found) for name, found in copies.items()),
        on: join(measured_section(name, values) for name, values in content.measured.items()),
        "Curves": curves_section(subjects) if any(subject.rows for subject in subjects) else Html(),
        "Classes over time": element("div", looks, class_="charts") if any(looks) else Html(),
        "Settings": settings_section(subjects),
        "Lineage": lineage_section(subjects),
    }


def _anchor(title: str) -> str:
    return "-".join("".join(c for c in title.lower() if c.isalnum() or c == " ").split())
