"""Classes of a data set: found by name or number, cut out, and matched with those of a classifier."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from ..artifact.png_folder import folder_names
from ..config.names import split_names
from ..console import shortened
from ..errors import BadFile, UnknownName, UsageError
from ..plugins import unknown
from ..specs import ImageSet


def parse_classes(text: str, class_names: Sequence[str], name: str) -> list[int]:
    """Indices of the classes that ``text`` lists, such as ``cloud,forest`` or ``0-19,33``, each once.

    A name counts before an index, also at both ends of a range, and case only where it is needed; one that has commas
    stands in double quotes.

    :param name: what messages call the data set.
    :raises UnknownName: for a name or number that no class has.
    :raises UsageError: when nothing is listed, a quote is not closed, or there are no classes to choose from.
    """
    if not class_names:
        raise UsageError(f'{name}: has no labels, so there are no classes to choose; leave ":{text}" out')
    items = split_names(text, name)
    if not items:
        raise UsageError(f'{name}: no class after the ":"; write for example {name}:{class_names[0]} or {name}:0-1')
    indices = (index for item in items for index in _find(item, class_names, name))
    return list(dict.fromkeys(indices))


def find_class(item: str, class_names: Sequence[str], name: str) -> int:
    """The index of one class, given by name or number; raises UnknownName as :func:`parse_classes` does."""
    index = _by_name(item, class_names)
    if index is None and re.fullmatch(r"[0-9]+", item):
        index = int(item) if int(item) < len(class_names) else None
        if index is None:
            raise UnknownName(f"{name}: no class {item}; its classes are numbered from 0 to {len(class_names) - 1}")
    if index is None:
        raise unknown(f"class of {name}", item, class_names)
    return index


def subset(data: ImageSet, classes: Sequence[int]) -> ImageSet:
    """The images of some classes, in their old order, relabelled 0 ... n-1 in the order of ``classes``."""
    if data.labels is None:
        raise ValueError("images without labels have no classes")
    table = torch.full((len(data.class_names),), -1, dtype=torch.int64)
    table[list(classes)] = torch.arange(len(classes))
    labels = table[data.labels]
    kept = labels >= 0
    return ImageSet(
        images=data.images[kept],
        labels=labels[kept],
        class_names=tuple(data.class_names[index] for index in classes),
        files=tuple(file for file, wanted in zip(data.files, kept.tolist(), strict=False) if wanted),
    )


def match_classes(
    labels: Tensor, data_names: Sequence[str], classifier_names: Sequence[str]
) -> tuple[Tensor, tuple[str, ...]]:
    """Labels of a data set as indices into a classifier's classes, matched by name.

    Equal names match first; then names that differ in case only, in how Unicode puts their letters together (macOS
    takes accents apart in the names of folders), or in the characters that a folder cannot have in its name
    (``T-shirt/top`` and ``T-shirt_top``), unless two names of one side would become the same.

    :param labels: int64 (N,), indices into ``data_names``.
    :returns: labels int64 (N,), -1 for classes that the classifier lacks, and the names of these.
    """
    exact = {name: index for index, name in enumerate(classifier_names)}
    spare = [name for name in classifier_names if name not in set(data_names)]
    alike, in_folder = _unique(spare, _plain), _unique(spare, _folder_name)

    def similar(name: str) -> str | None:
        key = _plain(name)
        return alike.get(key) or in_folder.get(key) or alike.get(_folder_name(name))

    partner = {name: name if name in exact else similar(name) for name in data_names}
    wooed = Counter(partner.values())
    table = [exact[to] if (to := partner[name]) is not None and wooed[to] == 1 else -1 for name in data_names]
    missing = tuple(name for name, index in zip(data_names, table, strict=True) if index < 0)
    return torch.tensor(table, dtype=torch.int64)[labels], missing


def known_images(data: ImageSet, names: Sequence[str]) -> tuple[Tensor, Tensor | None, dict[str, int]]:
    """Images and labels, as indices into ``names``, of the classes in ``names``; how many others there are of each.

    :raises BadFile: when there are no images, or none of these classes.
    """
    rows, labels, left_out = known_rows(data, names)
    return (data.images if rows is None else data.images[rows]), labels, left_out


def known_rows(data: ImageSet, names: Sequence[str]) -> tuple[Tensor | None, Tensor | None, dict[str, int]]:
    """As :func:`known_images`, but which images are meant: int64 (n,), or None for all of them.

    :raises BadFile: when there are no images, or none of these classes.
    """
    if not len(data.images):
        raise BadFile("the data set has no images")
    if data.labels is None:
        return None, None, {}
    labels, left_out = match_and_count(data, names)
    kept = labels >= 0
    if not kept.any():
        few = ", ".join(data.class_names[:5])
        raise BadFile(f"the data set's classes ({few}, ...) are none of the classifier's ({', '.join(names[:5])}, ...)")
    return (None, labels, {}) if kept.all() else (kept.nonzero().flatten(), labels[kept], left_out)


def match_and_count(data: ImageSet, names: Sequence[str]) -> tuple[Tensor, dict[str, int]]:
    """Labels of a labelled set as indices into ``names``, -1 where it has no such class; how many of each these are."""
    if data.labels is None:
        raise ValueError("images without labels have no classes")
    labels, _ = match_classes(data.labels, data.class_names, names)
    others = torch.bincount(data.labels[labels < 0], minlength=len(data.class_names)).tolist()
    return labels, {name: count for name, count in zip(data.class_names, others, strict=True) if count}


def say_left_out(what: str, left_out: Mapping[str, int]) -> str:
    """What :func:`known_images` left out of ``what``, for people."""
    some = shortened([f"{name} ({count:,})" for name, count in left_out.items()], 8)
    return f"{what}: images of classes that the classifier lacks are left out: {some}"


def _unique(names: Sequence[str], key: Callable[[str], str]) -> dict[str, str]:
    """Keys that only one name has, with that name."""
    counts = Counter(map(key, names))
    return {key(name): name for name in names if counts[key(name)] == 1}


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _folder_name(name: str) -> str:
    return _plain(folder_names([name])[0])


def _find(item: str, class_names: Sequence[str], name: str) -> list[int]:
    ends = re.fullmatch(r"([0-9]+)\s*-\s*([0-9]+)", item)
    if ends is None or _by_name(item, class_names) is not None:
        return [find_class(item, class_names, name)]
    named = [_by_name(end, class_names) for end in ends.groups()]
    # Both ends are names or both are numbers: among the classes 5 ... 9, "0-7" is not the first to the third.
    numbers = [int(end) for end in ends.groups()]
    first, last = [index for index in named if index is not None] if None not in named else numbers
    if first > last:
        raise UsageError(f'{name}: "{item}" runs backwards; write {ends[2]}-{ends[1]}')
    if last >= len(class_names):
        raise UnknownName(f"{name}: no classes {item}; its classes are numbered from 0 to {len(class_names) - 1}")
    return list(range(first, last + 1))


def _by_name(item: str, class_names: Sequence[str]) -> int | None:
    if item in class_names:
        return class_names.index(item)
    alike = [index for index, name in enumerate(class_names) if name.casefold() == item.casefold()]
    return alike[0] if len(alike) == 1 else None
