"""From a file to its cases: every combination of values, each a chain of parts; equal parts are one."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..config import Settings
from ..config.toml import field_name
from ..datasets.resolve import LISTS
from ..errors import UsageError
from ..paper.parts import Part
from ..samples.open_fixed import split_weight
from .file import COMMANDS, Key, Step, SweepFile, has, references

DATA: Mapping[str, tuple[str, ...]] = {
    "dataset": ("train", "test"),
    "proxy": ("train",),
    "new_data": ("train", "test"),
    "test_data": ("test",),
    "samples": ("train",),
    "condensed": ("train",),
}
"""Settings that name data sets, or files of images, and the splits that a command reads; of ``eval`` it is its own."""


@dataclass(frozen=True, kw_only=True)
class StepPart(Part):
    """A step with the values of a case; ``needs`` are by the name of the step that ``{NAME}`` in a value stands for."""

    place: Mapping[str, Any] = field(default_factory=dict, hash=False, compare=False)
    """Settings that change no numbers: where data sets are looked for."""

    @property
    def prints(self) -> bool:
        """Whether its result is what the command prints: measurements."""
        return self.command == "eval"

    def path(self, folder: Path) -> Path:
        """Where its artifact lies, or its measurements."""
        return folder / f"{self.name}.json" if self.prints else super().path(folder)

    def settings(self, folder: Path) -> Settings:
        """All settings of the command, whose files lie in ``folder``."""
        kind = COMMANDS[self.command]
        paths = {f"{{{name}}}": str(part.path(folder)) for name, part in self.needs}
        values = {name: _with_paths(value, paths) for name, value in self.values.items()}
        values |= {name: value for name, value in self.place.items() if name in kind.declared()}
        return kind(**values, **({} if self.prints else {"output": self.path(folder)}))


@dataclass(frozen=True, kw_only=True)
class Case:
    """One run of the pipeline."""

    values: Mapping[str, Any]
    """What makes it differ from the others, by key; of a ``[[case]]`` its name."""
    seeds: Mapping[str, Any]
    """Those of the values that are seeds."""
    part: Part
    """The last step, whose metrics count."""


def cases_of(
    file: SweepFile, place: Mapping[str, Any], digest: Callable[[str, str], str], file_digest: Callable[[Path], str]
) -> list[Case]:
    """All cases of a file in its order, the last key of the grid changing first.

    :param place: settings that change no numbers, for those steps that have them.
    :param digest: the content of a data set's split, by its expression; empty where it is not there.
    :param file_digest: the content of a file that no step makes.
    :raises UsageError: for values that contradict each other, or one that is missing.
    """
    made: dict[str, StepPart] = {}

    def part(step: Step, values: Mapping[str, Any], parts: Mapping[str, StepPart]) -> StepPart:
        data = [text for name in sorted(values) for text in _contents(step, name, values, digest, file_digest)]
        needs = sorted({name for value in values.values() for name in references(value)})
        one = StepPart(
            label=step.name,
            command=step.command,
            values=values,
            needs=tuple((name, parts[name]) for name in needs),
            data=tuple(data),
            place=place,
        )
        return made.setdefault(one.name, one)

    cases = []
    for name, case in zip(file.names, file.cases, strict=True):
        for combination in itertools.product(*file.grid.values()):
            chosen = {**case, **dict(zip(file.grid, combination, strict=True))}
            parts: dict[str, StepPart] = {}
            for step in file.steps:
                parts[step.name] = part(step, _values(step, chosen, file), parts)
            shown = {"case": name} if name else {}
            shown |= {".".join(key): chosen[key] for key, values in file.grid.items() if len(values) > 1}
            seeds = {key: value for key, value in shown.items() if key.rpartition(".")[2] == "seed"}
            values = {key: value for key, value in shown.items() if key not in seeds}
            cases.append(Case(values=values, seeds=seeds, part=parts[file.steps[-1].name]))
    return cases


def _values(step: Step, chosen: Mapping[Key, Any], file: SweepFile) -> dict[str, Any]:
    """The settings of a step in a case, as they go into the name of its part and to its command."""
    declared = step.kind.declared()
    values = dict(step.values)
    for key, value in chosen.items():
        if key[0] == step.name and len(key) > 1:
            name = key[1]
            if len(key) == 2:
                values[name] = value
            else:
                values[name] = _with_entry(values.get(name) or {}, key[2:], value)
    for key, value in chosen.items():
        name = field_name(step.kind, key[0])
        if len(key) == 1 and has(step, name):
            values.setdefault(name, value)
    where = f"{file.path}: step {step.name}"
    if absent := [one.name for name, one in declared.items() if one.required and name not in values]:
        raise UsageError(f"{where} has no {absent[0]}, which degan {step.command} must be told")
    try:
        step.kind(**values)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from None
    return {name: str(value) if isinstance(value, Path) else value for name, value in values.items()}


def _with_entry(table: Mapping[str, Any], names: Key, value: Any) -> dict[str, Any]:
    """A table with one entry more, however deep."""
    inner = value if len(names) == 1 else _with_entry(table.get(names[0], {}), names[1:], value)
    return {**table, names[0]: inner}


def _with_paths(value: Any, paths: Mapping[str, str]) -> Any:
    if isinstance(value, tuple | list):
        return tuple(_with_paths(item, paths) for item in value)
    if isinstance(value, str):
        for name, path in paths.items():
            value = value.replace(name, path)
    return value


def _contents(
    step: Step,
    name: str,
    values: Mapping[str, Any],
    digest: Callable[[str, str], str],
    file_digest: Callable[[Path], str],
) -> list[str]:
    """Digests of what a setting names and no step makes: files, and data sets."""
    value = values[name]
    texts = value if isinstance(value, tuple | list) else [value]
    found = []
    for text in texts:
        if not isinstance(text, str) or references(text):
            continue
        whole = split_weight(text)[0] if name == "samples" else text
        if step.kind.declared()[name].kind is Path or name in DATA:
            if os.path.isfile(whole) and not whole.lower().endswith(LISTS):
                found.append(file_digest(Path(whole)))
            elif name in DATA:
                splits = (values.get("split", "test"),) if step.command == "eval" else DATA[name]
                found += [digest(whole, split) for split in splits]
    return found
