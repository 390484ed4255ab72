"""What all settings have in common: they are checked when they are made, and know what was said and by whom."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Self

from .fields import Setting, settings_of
from .values import checked

DEFAULT = "default"
GIVEN = "given"
"""Where a value of a settings object that Python code made came from."""


@dataclass(frozen=True)
class Layer:
    """Values that stand for those which nobody gave, and what to call their source, such as ``method dafl``."""

    origin: str
    values: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Base of all settings: frozen, keyword-only, checked by their declarations.

    A value counts as given when it was passed to the constructor; :meth:`filled` sets the others only.

    :raises UsageError: for a value of another type, out of its range, or not among its choices.
    """

    def __new__(cls, **given: Any) -> Self:
        """Remember which values are given: a dataclass itself cannot tell them from its defaults."""
        self = super().__new__(cls)
        self.__dict__["_origins"] = dict.fromkeys(given, GIVEN)
        self.__dict__["_given"] = frozenset(given)
        return self

    def __post_init__(self) -> None:
        """Check each value."""
        for name, declared in self.declared().items():
            value = getattr(self, name)
            if value is None and declared.optional:
                continue
            self.__dict__[name] = checked(value, declared.kind, declared.metadata, declared.flag)

    @classmethod
    def declared(cls) -> Mapping[str, Setting]:
        """All settings by name."""
        return settings_of(cls)  # type: ignore[arg-type]  # a class is hashable, whatever its instances are

    @classmethod
    def read(cls, *layers: Layer) -> Self:
        """Settings from what a user said in several places, the last of which wins."""
        values: dict[str, Any] = {}
        origins: dict[str, str] = {}
        for layer in layers:
            values |= layer.values
            origins |= dict.fromkeys(layer.values, layer.origin)
        self = cls(**values)
        self.__dict__["_origins"] = origins
        return self

    @property
    def given(self) -> frozenset[str]:
        """Names of the settings that the user gave."""
        names: frozenset[str] = self.__dict__["_given"]
        return names

    @property
    def origins(self) -> dict[str, str]:
        """Where the value of each setting came from."""
        return {name: self.__dict__["_origins"].get(name, DEFAULT) for name in self.declared()}

    @property
    def holding(self) -> frozenset[str]:
        """The conditions that hold in this run (:mod:`degan_cli.config.conditions`); none before they are settled."""
        conditions: frozenset[str] = self.__dict__.get("_holding", frozenset())
        return conditions

    def has_use(self, name: str) -> bool:
        """Whether a setting plays a part in this run, whose conditions are settled."""
        metadata = self.declared()[name].metadata
        wanted = {*metadata["needs"], *filter(None, [metadata["only_for"]])}
        return wanted <= self.holding

    def filled(self, *layers: Layer) -> Self:
        """With values of the layers, the last of which wins, wherever nothing was given."""
        values = {name: getattr(self, name) for name in self.declared()}
        origins: dict[str, str] = dict(self.__dict__["_origins"])
        for layer in layers:
            for name in layer.values.keys() - self.given:
                values[name], origins[name] = layer.values[name], layer.origin
        return self._with(values, origins, self.given)

    def replaced(self, **values: Any) -> Self:
        """With these values, which count as given."""
        all_values = {name: getattr(self, name) for name in self.declared()} | values
        origins = dict(self.__dict__["_origins"]) | dict.fromkeys(values, GIVEN)
        return self._with(all_values, origins, self.given | values.keys())

    def _with(self, values: Mapping[str, Any], origins: dict[str, str], given: frozenset[str]) -> Self:
        other = type(self)(**values)
        other.__dict__.update(_origins=origins, _given=given, _holding=self.holding)
        return other

    def under(self, holding: Collection[str]) -> Self:
        """The same in a run in which these conditions hold."""
        other = self._with({name: getattr(self, name) for name in self.declared()}, self.origins, self.given)
        other.__dict__["_holding"] = frozenset(holding)
        return other

    def completed(self, **values: Any) -> Self:
        """With values that complete given ones, such as all settings of a method's own; their origins stay."""
        all_values = {name: getattr(self, name) for name in self.declared()} | values
        return self._with(all_values, self.origins, self.given)
