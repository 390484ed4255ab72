"""FILE.toml of ``degan sweep``: steps, each a command with settings, and the values that are tried; checked here.

A key that gives values is ``STEP.SETTING``, ``STEP.TABLE.NAME`` for a setting that is a table, or ``SETTING`` alone for
every step that has such a setting and does not give it itself.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..config import EvaluateSettings, Settings
from ..config.makers import MAKERS
from ..config.toml import field_name
from ..config.values import checked
from ..errors import BadFile, UsageError

COMMANDS: Mapping[str, type[Settings]] = {**MAKERS, "eval": EvaluateSettings}
"""What a step may be -> its settings."""
GIVEN_BY_SWEEP = ("output", "data_dir", "download", "max_minutes", "resume", "force", "dry_run", "predictions")
REFERENCE = re.compile(r"\{([A-Za-z][\w-]*)\}")
"""Another step's result in a text; the braces of ``shard-{0000..0003}.tar`` are none."""
TOP = ("step", "grid", "case", "metrics", "ray", "slurm")
RAY_OPTIONS = ("num_cpus", "num_gpus", "memory")


@dataclass(frozen=True, kw_only=True)
class Step:
    """One command of the pipeline."""

    name: str
    command: str
    values: Mapping[str, Any]
    """Its settings by field."""

    @property
    def kind(self) -> type[Settings]:
        """The class of its settings."""
        return COMMANDS[self.command]


Key = tuple[str, ...]
"""``(setting,)`` for all steps that have it, ``(step, setting)``, or ``(step, table, name)``."""


@dataclass(frozen=True, kw_only=True)
class SweepFile:
    """What a file says, in its order."""

    path: Path
    steps: tuple[Step, ...]
    grid: Mapping[Key, Sequence[Any]] = field(default_factory=dict)
    cases: tuple[Mapping[Key, Any], ...] = ({},)
    names: tuple[str, ...] = ("",)
    """Of the cases."""
    metrics: tuple[str, ...] = ()
    """Those that the table shows; all where there are none."""
    ray: Mapping[str, float] = field(default_factory=dict)
    """What each part takes of a Ray cluster."""
    slurm: Mapping[str, str] = field(default_factory=dict)
    """Options of ``sbatch``."""

    def step(self, name: str) -> Step:
        """The step of this name, which there is."""
        return next(step for step in self.steps if step.name == name)


def read_sweep(path: Path) -> SweepFile:
    """What a file says, checked as far as one can without running anything.

    :raises BadFile: when it is missing or is no TOML.
    :raises UsageError: naming the file, the key and what is allowed.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadFile(f"{path}: cannot be read ({error.__class__.__name__}); name a TOML file") from error
    except tomllib.TOMLDecodeError as error:
        raise BadFile(f"{path}: {error}") from error
    _allowed(table, TOP, str(path))
    steps = _steps(_tables(table, "step", path), path)
    if not steps:
        raise UsageError(f"{path}: there is no [[step]]; each has a command, one of: {', '.join(COMMANDS)}")
    grid: dict[Key, Sequence[Any]] = {}
    for key, values in _flat(_table(table, "grid", path), steps):
        where = f"{path}: [grid] {'.'.join(key)}"
        if not isinstance(values, list) or not values:
            raise UsageError(f"{where} = {values!r} is no list of values to try, such as [0, 1, 2]")
        known = _known(key, steps, where)
        grid[known] = [_value(known, value, steps, where) for value in values]
    names, cases = [], []
    for number, case in enumerate(_tables(table, "case", path), 1):
        where = f"{path}: [[case]] {number}"
        names.append(_text({"name": f"case {number}", **case}, "name", where))
        given = {}
        for key, value in _flat({key: value for key, value in case.items() if key != "name"}, steps):
            known = _known(key, steps, f"{where} {'.'.join(key)}")
            if known in grid:
                raise UsageError(f"{where} {'.'.join(key)} is in [grid] too; leave it out of one of them")
            given[known] = _value(known, value, steps, f"{where} {'.'.join(key)}")
        cases.append(given)
    if len(set(names)) < len(names):
        raise UsageError(f"{path}: two [[case]] have the same name; there are {', '.join(names)}")
    metrics = table.get("metrics", [])
    if not isinstance(metrics, list) or not all(isinstance(name, str) for name in metrics):
        raise UsageError(f"{path}: metrics = {metrics!r} is no list of names, such as ['accuracy']")
    ray = _table(table, "ray", path)
    _allowed(ray, RAY_OPTIONS, f"{path}: [ray]")
    for name, value in ray.items():
        checked(value, float, {"min": 0}, f"{path}: [ray] {name}")
    slurm = {name: str(value) for name, value in _table(table, "slurm", path).items()}
    if broken := [name for name, value in slurm.items() if not re.fullmatch(r"[a-z-]+", name) or "\n" in value]:
        raise UsageError(f"{path}: [slurm] {broken[0]!r} is no long option of sbatch, such as partition")
    return SweepFile(
        path=path,
        steps=tuple(steps),
        grid=grid,
        cases=tuple(cases) or ({},),
        names=tuple(names) or ("",),
        metrics=tuple(metrics),
        ray=ray,
        slurm=slurm,
    )


def references(value: Any) -> list[str]:
    """Names of the steps whose results a value names."""
    texts = value if isinstance(value, list | tuple) else [value]
    return [name for text in texts if isinstance(text, str | Path) for name in REFERENCE.findall(str(text))]


def _steps(tables: Sequence[Mapping[str, Any]], path: Path) -> list[Step]:
    steps: list[Step] = []
    for number, table in enumerate(tables, 1):
        where = f"{path}: [[step]] {number}"
        command = _text(table, "command", where)
        if command not in COMMANDS:
            raise UsageError(f"{where} command = {command!r} is none of: {', '.join(COMMANDS)}")
        name = _text({"name": command, **table}, "name", where)
        if not re.fullmatch(r"[A-Za-z][\w-]*", name):
            raise UsageError(f"{where} name = {name!r} is not made of letters, digits, - and _")
        if name in [step.name for step in steps]:
            raise UsageError(f"{where} is called {name} like one above; give it another name")
        step = Step(name=name, command=command, values={})
        known = [*steps, step]
        values: dict[str, Any] = {}
        for key, value in table.items():
            if key not in ("name", "command"):
                where_key = f"{where} ({name}) {key}"
                found = _known((name, key), known, where_key)
                values[found[1]] = _value(found, value, known, where_key)
        steps.append(Step(name=name, command=command, values=values))
    return steps


def _known(key: Key, steps: Sequence[Step], where: str) -> Key:
    """The key with fields in place of the names in the file."""
    if len(key) == 1:
        if not any(has(step, key[0]) for step in steps):
            names = ", ".join(step.name for step in steps)
            raise UsageError(f"{where}: no step has such a setting; write it so, or as STEP.SETTING of {names}")
        return (key[0].replace("-", "_"),)
    step = next((step for step in steps if step.name == key[0]), None)
    if step is None:
        raise UsageError(f"{where}: no step is called {key[0]}; there are {', '.join(step.name for step in steps)}")
    name = field_name(step.kind, key[1])
    allowed = _settings(step)
    if name not in allowed or (len(key) > 2 and step.kind.declared()[name].kind is not Mapping):
        raise UsageError(f"{where}: {step.command} has no such setting here; there are {', '.join(allowed)}")
    return (step.name, name, *key[2:])


def _settings(step: Step) -> list[str]:
    """Fields that a file may give."""
    return [name for name in step.kind.declared() if name not in GIVEN_BY_SWEEP]


def _value(key: Key, value: Any, steps: Sequence[Step], where: str) -> Any:
    """A value as its setting has it; the entries of a table are checked by the command itself."""
    numbers = [n for n, step in enumerate(steps) if (step.name == key[0] if len(key) > 1 else has(step, key[0]))]
    for number in numbers:
        step = steps[number]
        before = [other.name for other in steps[:number]]
        for name in references(value):
            if name not in before:
                said = f"there are {', '.join(before)}" if before else "it is the first step"
                raise UsageError(f"{where}: {{{name}}} is no step above {step.name}; {said}")
        if len(key) < 3:
            one = step.kind.declared()[key[1] if len(key) > 1 else field_name(step.kind, key[0])]
            value = checked(value, one.kind, one.metadata, where)
    return value


def has(step: Step, name: str) -> bool:
    """Whether a file may give a step a setting of this name."""
    return field_name(step.kind, name) in _settings(step)


def _flat(table: Mapping[str, Any], steps: Sequence[Step]) -> Iterator[tuple[Key, Any]]:
    """Entries by key, whether a file quotes ``"gan.steps"`` or not, which makes a table in a table."""
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from (((*name.split("."), *key), inner) for key, inner in _flat(value, steps))
        else:
            yield tuple(name.split(".")), value


def _tables(table: Mapping[str, Any], name: str, path: Path) -> Sequence[Mapping[str, Any]]:
    found = table.get(name, [])
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise UsageError(f"{path}: {name} is no list of tables; write [[{name}]] above each")
    return found


def _table(table: Mapping[str, Any], name: str, path: Path) -> Mapping[str, Any]:
    found = table.get(name, {})
    if not isinstance(found, dict):
        raise UsageError(f"{path}: {name} is no table; write [{name}] above its entries")
    return found


def _text(table: Mapping[str, Any], name: str, where: str) -> str:
    value = table.get(name)
    if not isinstance(value, str):
        raise UsageError(f"{where}: {name} is {'missing' if value is None else 'no text'}; see docs/sweep.md")
    return value


def _allowed(table: Mapping[str, Any], names: Sequence[str], where: str) -> None:
    for name in table:
        if name not in names:
            raise UsageError(f"{where}: {name} has no meaning here; there are {', '.join(names)}")
