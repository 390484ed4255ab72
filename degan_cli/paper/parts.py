"""A part of a cell: one ``degan`` command that makes one artifact, named by the hash of its settings and inputs.

Two cells that need the same teacher, made with the same settings from the same data, share its file; a setting or a
data set that changes gives another name, so what lies there is never mistaken for it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ..config import Settings
from ..config.arguments import arguments
from ..config.makers import MAKERS

DEFAULTS: Mapping[str, int] = {"incremental": 4}
"""Of a command, to be raised when its own defaults change, first to 2: names hold only what a table sets, and a file
that was made with former defaults would be taken for one of today's."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One command; its settings but for the files that it reads and writes."""

    label: str
    """What a person calls it, such as ``student-degan``."""
    command: str
    values: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """Settings by name."""
    needs: tuple[tuple[str, Part], ...] = ()
    """Settings that name the artifact of another part, such as ``teacher``."""
    data: tuple[str, ...] = ()
    """Digests of the data sets that the settings name."""

    @cached_property
    def name(self) -> str:
        """Label and hash; the file's name without its suffix."""
        inputs = [[setting, part.name] for setting, part in self.needs]
        command = self.command + str(DEFAULTS.get(self.command, ""))
        text = json.dumps([command, sorted(self.values.items()), inputs, self.data])
        return f"{self.label}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"

    @property
    def prints(self) -> bool:
        """Whether its result is what the command prints, which makes no file itself."""
        return False

    def path(self, folder: Path) -> Path:
        """Where its artifact lies."""
        return folder / f"{self.name}.safetensors"

    def settings(self, folder: Path) -> Settings:
        """All settings of the command, whose files lie in ``folder``."""
        values = dict(self.values) | {"output": self.path(folder)}
        if self.command == "enrich" and "proxy" in values:
            values.setdefault("recipe", "paper")  # however short a scale makes it; no part of the name
        for name, part in self.needs:
            path = str(part.path(folder))
            values[name] = (*values.get(name, ()), path) if name == "samples" else path
        return MAKERS[self.command](**values)

    def arguments(self, folder: Path) -> list[str]:
        """The command line after ``degan``, without what all parts share."""
        return [self.command, *arguments(self.settings(folder))]

    def in_order(self) -> Iterator[Part]:
        """The parts that this one needs, each after what it needs itself, and then this one."""
        for _, part in self.needs:
            yield from part.in_order()
        yield self


@dataclass(frozen=True, kw_only=True)
class Maker:
    """Makes parts of one seed, precision and device: what all of them share."""

    seed: int
    common: Mapping[str, Any]
    """Settings that change the numbers, such as the precision."""
    graphs: bool = False
    """Whether generators and students are trained with ``--cuda-graphs``."""
    digest: Callable[[str], str]
    """The content of a data set's training images, by its expression; empty where it is not there."""

    def part(
        self,
        label: str,
        command: str,
        values: Mapping[str, Any],
        data: tuple[str, ...] = (),
        **needs: Part | tuple[Part, ...],
    ) -> Part:
        """A part; ``needs`` by the setting that names its artifact, or several."""
        graphs = {"graphs": True} if self.graphs and command in ("enrich", "distill") else {}
        return Part(
            label=label,
            command=command,
            values={**values, "seed": self.seed, **self.common, **graphs},
            needs=tuple(
                (setting, part) for setting, of in needs.items() for part in (of if isinstance(of, tuple) else (of,))
            ),
            data=tuple(self.digest(expression) for expression in data),
        )
