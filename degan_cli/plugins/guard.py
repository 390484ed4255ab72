"""A plugin's code is a stranger's: what it prints goes to stderr, and what it raises or gives is blamed on it by name.

Specs are checked when they are registered, and what their functions give when they are used.
"""

from __future__ import annotations

import math
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import partial, wraps
from typing import Any, get_type_hints

from ..errors import DeganError, PluginError, is_out_of_memory
from ..specs import (
    ArchitectureFamily,
    ArchitectureSpec,
    DatasetSpec,
    GanSpec,
    IncrementRecipe,
    InversionSpec,
    MethodSpec,
    StrategySpec,
    StudentRecipe,
)
from .faults import (
    architecture_fault,
    begin_fault,
    discriminator_fault,
    generator_fault,
    loss_fault,
    names_fault,
    parameters_fault,
    pixels_fault,
    row_fault,
    state_fault,
    statistics_fault,
)

Spec = ArchitectureFamily | ArchitectureSpec | DatasetSpec | GanSpec | InversionSpec | MethodSpec | StrategySpec
Check = Callable[..., str]
"""What a function gave, then what it was given, to what is wrong with it; empty when nothing is."""
Calls = Mapping[str, Check | None]
"""Methods of a part whose calls are watched, each with the check of what it gives."""

KINDS = (int, float, bool, str)
"""Of a method's own settings."""
COUNTS = ("size", "min_size", "batch_size", "every", "steps", "number")
"""Fields of specs that are whole numbers from 1 on, or None where there is none."""
COUNT_LISTS = ("starts", "published_size")
"""Fields that are tuples of such."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose code it is."""

    plugin: str
    provider: str

    def blame(self, fault: str) -> PluginError:
        """The error that names plugin and distribution."""
        return PluginError(f"plugin {self.plugin} ({self.provider}): {fault}; tell its authors")

    @contextmanager
    def at_work(self, what: str) -> Iterator[None]:
        """Inside, what is printed goes to stderr, and an exception of the author's own is the plugin's fault.

        :raises PluginError: for whatever is raised but errors that a user can repair, Ctrl-C and lack of memory.
        """
        with redirect_stdout(sys.stderr):
            try:
                yield
            except (DeganError, KeyboardInterrupt):
                raise
            except BaseException as error:  # a stranger's code may raise anything, and end the process too
                if is_out_of_memory(error):
                    raise
                raise self.blame(f"{what} fails: {told(error)}") from error

    def watched(self, what: str, function: Callable[..., Any], check: Check | None = None) -> Callable[..., Any]:
        """The function, at work; :raises PluginError: also where ``check`` finds something wrong."""

        @wraps(function)
        def call(*given: Any, **named: Any) -> Any:
            with self.at_work(what):
                result = function(*given, **named)
                fault = "" if check is None else check(result, *given, **named)
            if fault:
                raise self.blame(f"{what} {fault}")
            return result

        return call


class Part:
    """What a plugin built: calls of some of its methods are watched, all else is as it is."""

    def __init__(self, inner: Any, calls: Mapping[str, Callable[..., Any]]) -> None:
        self._inner = inner
        self._calls = calls

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # what copying looks for before there is anything
            raise AttributeError(name)
        return self._calls[name] if name in self._calls else getattr(self._inner, name)


def blamed(error: BaseException, owners: Mapping[str, Owner]) -> PluginError | None:
    """The error to raise instead where an exception came through a plugin's code: a network is called without us.

    :param owners: by the package or module that holds their code.
    """
    if isinstance(error, DeganError | KeyboardInterrupt) or is_out_of_memory(error):
        return None
    modules = [frame.f_globals.get("__name__", "") for frame, _ in traceback.walk_tb(error.__traceback__)]
    roots = (str(module).partition(".")[0] for module in reversed(modules))
    owner = next((owners[root] for root in roots if root in owners), None)
    return None if owner is None else owner.blame(f"it fails: {told(error)}")


def told(error: BaseException) -> str:
    """Kind and message of an exception, on one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())


def check_spec(spec: Any) -> None:
    """Raise PluginError where a spec cannot be registered or shown, whatever it would do when it is used."""
    kind = type(spec).__name__
    name = spec.prefix if isinstance(spec, ArchitectureFamily) else spec.name
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        raise PluginError(f"the name {name!r} of its {kind} is not a printable text")
    if isinstance(spec, ArchitectureFamily) and not name.endswith("/"):
        raise PluginError(f'the prefix "{name}" of a family must end with a slash')
    for function in ("build", "load", "find", "names", "statistics", "generator", "discriminator", "keeps_apart"):
        if not callable(getattr(spec, function, check_spec)):
            raise PluginError(f'{kind} "{name}": {function} is {type(getattr(spec, function)).__name__}, no function')
    for field in fields(spec):
        _check_value(f'{kind} "{name}": {field.name}', field.name, getattr(spec, field.name))
    if isinstance(spec, MethodSpec | InversionSpec | StrategySpec):
        _check_settings(f'{kind} "{name}"', spec.settings)
        recipes = (IncrementRecipe, type(None)) if isinstance(spec, StrategySpec) else (StudentRecipe,)
        if not isinstance(spec.recipe, recipes):
            raise PluginError(f'{kind} "{name}": recipe is {type(spec.recipe).__name__}, not {recipes[0].__name__}')


def _check_value(what: str, name: str, value: Any) -> None:
    """Raise PluginError where a plain value of a spec is none that the tool can use."""

    def is_count(number: Any) -> bool:
        return isinstance(number, int) and not isinstance(number, bool) and number >= 1

    if name in COUNTS and value is not None and not is_count(value):
        raise PluginError(f"{what} is {value!r}, not a whole number from 1 on")
    several = isinstance(value, tuple) and bool(value) and all(map(is_count, value))
    if name in COUNT_LISTS and value is not None and not several:
        raise PluginError(f"{what} is {value!r}, not a tuple of whole numbers from 1 on")
    if name in ("lr", "proxy_share") and not (isinstance(value, int | float) and 0 <= value < math.inf):
        raise PluginError(f"{what} is {value!r}, not a number from 0 on")


def _check_settings(what: str, settings: Any) -> None:
    if not isinstance(settings, type) or not is_dataclass(settings):
        raise PluginError(f"{what}: its settings are no dataclass")
    types = get_type_hints(settings)
    if wrong := [field.name for field in fields(settings) if types[field.name] not in KINDS]:
        raise PluginError(f"{what}: its setting {wrong[0]} is no int, float, bool or str")
    for field in fields(settings):
        for bound in ("min", "max"):
            if not isinstance(field.metadata.get(bound, 0), int | float):
                raise PluginError(
                    f"{what}: {bound} of its setting {field.name} is {field.metadata[bound]!r}, no number"
                )
    settings()  # all have defaults that it takes itself


def guarded(spec: Spec, owner: Owner) -> Any:
    """The same spec, whose functions are watched."""
    match spec:
        case ArchitectureFamily():
            return replace(
                spec,
                find=_finding(spec, owner),
                names=owner.watched(f'listing the names of "{spec.prefix}"', spec.names, names_fault),
            )
        case ArchitectureSpec():
            what = f'architecture "{spec.name}"'
            return replace(
                spec,
                build=owner.watched(what, spec.build, architecture_fault),
                statistics=owner.watched(f"{what}: its statistics", spec.statistics, statistics_fault),
            )
        case DatasetSpec():
            return replace(spec, load=owner.watched(f'dataset "{spec.name}"', spec.load))
        case GanSpec():
            what = f'GAN "{spec.name}"'
            return replace(
                spec,
                generator=owner.watched(f"{what}: its generator", spec.generator, generator_fault),
                discriminator=owner.watched(f"{what}: its discriminator", spec.discriminator, discriminator_fault),
            )
        case MethodSpec():
            training: Calls = {"step": row_fault, "state": state_fault}
            made = {"generator": ("shape", "network")}
            return replace(spec, build=_building(owner, f'method "{spec.name}"', spec.build, training, made))
        case InversionSpec():

            def invert(parts: Any) -> Any:
                inverting: Calls = {
                    "begin": begin_fault,
                    "loss": loss_fault,
                    "pixels": partial(pixels_fault, shape=parts.classifier.input.shape),
                    "learn": row_fault,
                    "state": state_fault,
                }
                return _building(owner, f'method "{spec.name}"', spec.build, inverting, {})(parts)

            return replace(spec, build=invert)
        case StrategySpec():
            what = f'strategy "{spec.name}"'
            teaching: Calls = {
                "parameters": parameters_fault,
                "parts": state_fault,
                "train": None,
                "finish": None,
                "loss": loss_fault,
            }
            return replace(
                spec,
                build=_building(owner, what, spec.build, teaching, {"model": ("class_names", "network")}),
                keeps_apart=owner.watched(f"{what}: keeps_apart", spec.keeps_apart),
            )


def _finding(family: ArchitectureFamily, owner: Owner) -> Callable[[str], ArchitectureSpec | None]:
    def find(rest: str) -> ArchitectureSpec | None:
        with owner.at_work(f'looking up "{family.prefix}{rest}"'):
            found = family.find(rest)
            if found is None:
                return None
            if not isinstance(found, ArchitectureSpec):
                raise TypeError(f"it is {type(found).__name__}, not ArchitectureSpec")
            if found.name != family.prefix + rest:
                raise ValueError(f'its name is "{found.name}", not "{family.prefix}{rest}"')
            check_spec(found)
        spec: ArchitectureSpec = guarded(found, owner)
        return spec

    return find


def _building(
    owner: Owner,
    what: str,
    build: Callable[..., Any],
    checks: Calls,
    others: Mapping[str, tuple[str, ...]],
) -> Callable[..., Any]:
    """A function that builds a part: one that has all attributes it must have, and is watched.

    :param others: further attributes, each with those that it must have itself.
    """

    def fault(part: object, *_: object) -> str:
        missing = [name for name in (*checks, *others) if not hasattr(part, name)]
        for name in sorted(set(others) - set(missing)):
            inner = getattr(part, name)
            inner = getattr(inner, "module", inner)  # of several processes
            missing += [f"{name}.{own}" for own in others[name] if not hasattr(inner, own)]
        return f"builds {type(part).__name__}, which lacks {', '.join(missing)}" if missing else ""

    watched = owner.watched(what, build, fault)

    def built(parts: Any) -> Part:
        part = watched(parts)
        calls = {name: owner.watched(f"{what}: {name}", getattr(part, name), check) for name, check in checks.items()}
        for name in ("state", "parts"):
            if name in calls:
                calls[name]()  # before anything is trained, and not at the first checkpoint
        return Part(part, calls)

    return built
