"""``degan list``: the names that other commands take, and where they come from."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_type_hints

import typer

from ..console import printable
from ..specs import InversionSpec, MethodSpec, StrategySpec
from .declare import Json, plugins_from

if TYPE_CHECKING:
    from ..plugins import Plugins

Kind = Literal["architectures", "datasets", "gans", "methods", "plugins"]

COLUMNS: Mapping[Kind, tuple[str, ...]] = {
    "architectures": ("name", "provider", "source"),
    "datasets": ("name", "provider", "description"),
    "gans": ("name", "provider", "source"),
    "methods": ("name", "option", "needs", "provider", "source"),
    "plugins": ("name", "distribution", "version", "status", "error"),
}
"""What the table shows; ``--json`` gives more."""


def list_command(
    context: typer.Context,
    kind: Annotated[
        Kind | None, typer.Argument(help="What to list.", show_default="how many there are of each kind")
    ] = None,
    text: Annotated[
        str, typer.Argument(help="Only names that contain this; a prefix such as timm/ opens a family.")
    ] = "",
    as_json: Json = False,
) -> None:
    """List what can be named: architectures, datasets, gans, methods, plugins."""
    plugins = plugins_from(context)
    if kind is None:
        counts = [{"kind": each, "known": len(list(_rows(plugins, each, "")))} for each in COLUMNS]
        _show(counts, ("kind", "known"), as_json)
        return
    rows = [row for row in _rows(plugins, kind, text) if text.casefold() in row["name"].casefold()]
    _show(rows, COLUMNS[kind], as_json)


def _show(rows: list[dict[str, Any]], columns: tuple[str, ...], as_json: bool) -> None:
    if as_json:
        print(json.dumps(rows))
    else:
        _print_table(rows, columns)


def _rows(plugins: Plugins, kind: Kind, text: str) -> Iterator[dict[str, Any]]:
    match kind:
        case "architectures":
            yield from _architectures(plugins, text)
        case "datasets":
            for dataset in plugins.datasets:
                provider = plugins.datasets.provider(dataset.name)
                about = {"description": dataset.description, "source": dataset.source}
                yield {"name": dataset.name, "provider": provider, **about}
        case "gans":
            for gan in plugins.gans:
                provider = plugins.gans.provider(gan.name)
                yield {"name": gan.name, "provider": provider, "source": gan.source, "min_size": gan.min_size}
        case "methods":
            for option, registry in (("--method", plugins.methods), ("--strategy", plugins.strategies)):
                for method in registry:
                    about = {"provider": registry.provider(method.name), "source": method.source, "option": option}
                    about |= {"needs": _needs(method)}
                    yield {"name": method.name, **about, "settings": _settings(method.settings)}
        case "plugins":
            yield from (dataclasses.asdict(info) for info in plugins.found)


def _architectures(plugins: Plugins, text: str) -> Iterator[dict[str, Any]]:
    registry = plugins.architectures
    for spec in registry:
        about: dict[str, Any] = {"source": spec.source, "channels": spec.channels, "family": False}
        about |= {"size": spec.size, "min_size": spec.min_size}
        yield {"name": spec.name, "provider": registry.provider(spec.name), **about}
    for family in registry.families:
        provider = registry.provider(family.prefix)
        # All names of a family may take seconds to find and fill a thousand lines.
        if text.startswith(family.prefix):
            for name in family.names():
                yield {"name": family.prefix + name, "provider": provider, "source": family.source, "family": False}
        else:
            yield {"name": family.prefix, "provider": provider, "source": family.source, "family": True}


def _needs(method: MethodSpec | InversionSpec | StrategySpec) -> str:
    """What must be at hand beside a classifier, and new images for a strategy."""
    match method:
        case MethodSpec():
            needs = {"proxy": method.uses_proxy, "a student": method.uses_student}
        case InversionSpec():
            needs = {"condensed images": method.uses_condensed, "a student": method.uses_student}
        case StrategySpec():
            needs = {"samples": method.uses_samples}
    return ", ".join(name for name, needed in needs.items() if needed) or "nothing"


def _settings(kind: type) -> list[dict[str, Any]]:
    types = get_type_hints(kind)
    return [
        {
            "name": field.name,
            "type": getattr(types[field.name], "__name__", str(types[field.name])),
            "default": field.default,
            "help": field.metadata.get("help", ""),
            "min": field.metadata.get("min"),
            "max": field.metadata.get("max"),
            "choices": list(field.metadata.get("choices", ())) or None,
        }
        for field in dataclasses.fields(kind)
    ]


def _print_table(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> None:
    table = [
        tuple(column.upper() for column in columns),
        *(tuple(printable(str(row[c])) for c in columns) for row in rows),
    ]
    widths = [max(len(line[column]) for line in table) for column in range(len(columns))]
    details: list[list[Mapping[str, Any]]] = [[], *(row.get("settings", []) for row in rows)]
    for line, settings in zip(table, details, strict=True):
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
        for one in settings:
            bounds = "".join(f", {word} {one[word]}" for word in ("min", "max") if one[word] is not None)
            kind = one["type"] + (f": {', '.join(one['choices'])}" if one["choices"] else "")
            print(f"    --set {one['name']}={one['default']}  ({kind}{bounds}) {one['help']}".rstrip())
