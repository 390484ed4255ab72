"""A part of a cell: one ``degan`` command that makes one artifact, named by the hash of its settings and inputs.

Two cells that need the same teacher, made with the same settings from the same data, share its file; a setting or a
data set that changes gives another name, so what lies there is never mistaken for it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Part:
    """One command; its options but for the files that it reads and writes."""

    label: str
    """What a person calls it, such as ``student-degan``."""
    command: str
    options: tuple[str, ...]
    needs: tuple[tuple[str, Part], ...] = ()
    """Options that name the artifact of another part, such as ``--teacher``."""
    data: tuple[str, ...] = ()
    """Digests of the data sets that the options name."""

    @cached_property
    def name(self) -> str:
        """Label and hash; the file's name without its suffix."""
        inputs = [[option, part.name] for option, part in self.needs]
        text = json.dumps([self.command, self.options, inputs, self.data])
        return f"{self.label}-{hashlib.sha256(text.encode()).hexdigest()[:10]}"

    def path(self, folder: Path) -> Path:
        """Where its artifact lies."""
        return folder / f"{self.name}.safetensors"

    def arguments(self, folder: Path) -> list[str]:
        """The command line after ``degan``, without what all parts share."""
        files = [text for option, part in self.needs for text in (option, str(part.path(folder)))]
        return [self.command, *self.options, *files, "-o", str(self.path(folder))]

    def in_order(self) -> Iterator[Part]:
        """The parts that this one needs, each after what it needs itself, and then this one."""
        for _, part in self.needs:
            yield from part.in_order()
        yield self


@dataclass(frozen=True, kw_only=True)
class Maker:
    """Makes parts of one seed, precision and device: what all of them share."""

    seed: int
    common: tuple[str, ...]
    """Options that change the numbers, such as ``--precision bf16``."""
    graphs: bool = False
    """Whether generators and students are trained with ``--cuda-graphs``."""
    digest: Callable[[str], str]
    """The content of a data set's training images, by its expression; empty where it is not there."""

    def part(self, label: str, command: str, options: str, data: tuple[str, ...] = (), **needs: Part) -> Part:
        """A part; ``needs`` by option, with underscores for hyphens."""
        graphs = ("--cuda-graphs",) if self.graphs and command in ("enrich", "distill") else ()
        return Part(
            label=label,
            command=command,
            options=(*options.split(), "--seed", str(self.seed), *self.common, *graphs),
            needs=tuple((f"--{name.replace('_', '-')}", part) for name, part in needs.items()),
            data=tuple(self.digest(expression) for expression in data),
        )
