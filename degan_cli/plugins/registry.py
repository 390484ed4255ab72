"""Names and what they stand for: registered once, looked up with "did you mean"."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from typing import Generic, Protocol, TypeVar

from ..errors import PluginError, UnknownName, turned_into
from ..specs import ArchitectureFamily, ArchitectureSpec


class _Named(Protocol):
    @property
    def name(self) -> str: ...


T = TypeVar("T", bound=_Named)


class Registry(Generic[T]):
    """All specs of one kind, each under its name.

    :param kind: what one entry is called in messages, such as ``architecture``.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._specs: dict[str, T] = {}
        self._providers: dict[str, tuple[str, str]] = {}

    def add(self, spec: T, provider: str, plugin: str) -> None:
        """Register ``spec`` for a plugin of a distribution, such as ``foo`` of ``degan-foo 0.3``.

        :raises PluginError: when the name is taken; the message names both.
        """
        self._claim(spec.name, provider, plugin)
        self._specs[spec.name] = spec

    def get(self, name: str) -> T:
        """The spec of that name; raises UnknownName with the nearest name, or all names."""
        if name in self._specs:
            return self._specs[name]
        raise unknown(self.kind, name, self.names())

    def names(self) -> list[str]:
        """All names, sorted."""
        return sorted(self._specs)

    def provider(self, name: str) -> str:
        """Distribution and version that offer ``name``, such as ``degan-cli 0.1.0``; raises UnknownName."""
        if name in self._providers:
            return self._providers[name][0]
        raise unknown(self.kind, name, self.names())

    def plugin(self, name: str) -> str:
        """The plugin that offers ``name``; raises UnknownName."""
        self.provider(name)
        return self._providers[name][1]

    def __iter__(self) -> Iterator[T]:
        return (self._specs[name] for name in self.names())

    def __contains__(self, name: object) -> bool:
        return name in self._specs

    def refuse_taken(self, name: str, provider: str, plugin: str) -> None:
        """Raise PluginError, naming both, when something else offers ``name`` already."""
        if name in self._providers:
            raise self._taken(name, name, provider, plugin)

    def _taken(self, name: str, by: str, provider: str, plugin: str) -> PluginError:
        first = "{} ({})".format(*self._providers[by])
        return PluginError(f'{self.kind} "{name}" is offered twice, by {first} and by {provider} ({plugin})')

    def _claim(self, name: str, provider: str, plugin: str) -> None:
        self.refuse_taken(name, provider, plugin)
        self._providers[name] = provider, plugin


class ArchitectureRegistry(Registry[ArchitectureSpec]):
    """Architectures, and families of them behind prefixes such as ``timm/``."""

    def __init__(self) -> None:
        super().__init__("architecture")
        self._families: dict[str, ArchitectureFamily] = {}

    def add_family(self, family: ArchitectureFamily, provider: str, plugin: str) -> None:
        """Register a family; raises PluginError when its prefix is taken."""
        self._claim(family.prefix, provider, plugin)
        self._families[family.prefix] = family

    def refuse_taken(self, name: str, provider: str, plugin: str) -> None:
        """As for any name; those behind a family's prefix belong to the plugin of the family."""
        super().refuse_taken(name, provider, plugin)
        family = self._family(name)
        if family is not None and self._providers[family.prefix][1] != plugin:
            raise self._taken(name, family.prefix, provider, plugin)

    @property
    def families(self) -> tuple[ArchitectureFamily, ...]:
        """All families, sorted by prefix."""
        return tuple(self._families[prefix] for prefix in sorted(self._families))

    def get(self, name: str) -> ArchitectureSpec:
        """The architecture of that name, looked up in its family if it has one.

        :raises UnknownName: with the nearest name of the same family, or of all single architectures.
        :raises PluginError: when the family itself fails.
        """
        family = self._family(name)
        if name in self._specs or family is None:
            return super().get(name)
        rest = name.removeprefix(family.prefix)
        failed = f'{self._providers[family.prefix][0]} failed to look up "{name}"'
        with turned_into(lambda error: PluginError(f"{failed}: {type(error).__name__}: {error}")):
            spec = family.find(rest)
            close = [] if spec else [family.prefix + near for near in difflib.get_close_matches(rest, family.names())]
        if spec is None:
            advice = f"degan list architectures {family.prefix}"
            raise (
                unknown(self.kind, name, close)
                if close
                else UnknownName(f'unknown {self.kind} "{name}"; `{advice}` shows all names')
            )
        return spec

    def provider(self, name: str) -> str:
        """Distribution and version that offer ``name``, or the family it would belong to."""
        family = self._family(name)
        return super().provider(name if name in self._providers or family is None else family.prefix)

    def plugin(self, name: str) -> str:
        """The plugin that offers ``name``, or the family it would belong to."""
        family = self._family(name)
        return super().plugin(name if name in self._providers or family is None else family.prefix)

    def _family(self, name: str) -> ArchitectureFamily | None:
        return next((family for prefix, family in self._families.items() if name.startswith(prefix)), None)


def unknown(kind: str, name: str, known: Iterable[str]) -> UnknownName:
    """The error for a name that nothing offers: it suggests the nearest of ``known``, else lists them."""
    names = list(known)
    folded = {candidate.casefold().replace("_", "-"): candidate for candidate in names}
    close = difflib.get_close_matches(name.casefold().replace("_", "-"), folded, n=1)
    if close:
        return UnknownName(f'unknown {kind} "{name}"; did you mean "{folded[close[0]]}"?')
    return UnknownName(f'unknown {kind} "{name}"; known: {", ".join(names) or "none"}')
