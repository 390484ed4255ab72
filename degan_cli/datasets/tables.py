"""CSV files of paths and labels."""

from __future__ import annotations

import csv
from pathlib import Path

from ..errors import BadFile
from .folders import SPLITS
from .image_files import SUFFIXES
from .listing import FileSet, PathFile, labelled

PATH_COLUMNS = ("path", "file", "filename", "file_name", "filepath", "image", "image_path")
LABEL_COLUMNS = ("label", "class", "class_name", "category", "target")
SPLIT_COLUMNS = ("split", "subset")
"""What the columns may be called in the first line, the first that is there; case does not count."""


def list_csv(path: Path, split: str) -> FileSet:
    """The images that a CSV file names, with labels if it has a column of them.

    A first line of column names says which column is which; without one the first column holds paths and the second, if
    there is one, labels. Columns are parted by commas, semicolons or tabs. Paths count from the folder of the file. A
    column ``split`` chooses among the rows; without one every split has all of them.

    :raises BadFile: when it cannot be read, names no images, or some labels are missing.
    """
    rows = _rows(path)
    names = [name.strip().casefold() for name in rows[0]]
    paths, label, part = (_column(names, wanted) for wanted in (PATH_COLUMNS, LABEL_COLUMNS, SPLIT_COLUMNS))
    if paths is None:
        if Path(rows[0][0]).suffix.lower() not in SUFFIXES:
            raise BadFile(
                f'{path}: its first line, {",".join(rows[0])[:60]!r}, has no column "path" and names no image'
            )
        paths, label, part, first = 0, 1 if len(rows[0]) > 1 else None, None, 1
    else:
        rows, first = rows[1:], 2
    chosen: list[tuple[Path, str]] = []
    for line, row in enumerate(rows, first):
        if len(row) <= max(column for column in (paths, label, part) if column is not None):
            raise BadFile(f"{path}: row {line} has {len(row)} columns, fewer than the first; complete it")
        if part is not None and row[part].strip().casefold() not in SPLITS[split]:
            continue
        if label is not None and not row[label].strip():
            raise BadFile(f"{path}: row {line} has no label; give it one, or remove the column")
        chosen.append((path.parent / row[paths].strip(), "" if label is None else row[label].strip()))
    if not chosen:
        raise BadFile(f"{path}: names no images{'' if part is None else f' of the split {split}'}")
    labels, class_names = labelled([name for _, name in chosen])
    files = [PathFile(file) for file, _ in chosen]
    return FileSet(name=str(path), files=files, labels=labels, class_names=class_names)


def _rows(path: Path) -> list[list[str]]:
    """All rows but empty ones."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        first = text.partition("\n")[0]
        delimiter = max(",;\t", key=first.count)
        rows = [row for row in csv.reader(text.splitlines(), delimiter=delimiter) if any(map(str.strip, row))]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadFile(f"{path}: no CSV file that can be read ({error}); write it as UTF-8 text") from error
    if not rows:
        raise BadFile(f"{path}: is empty; write a line for each image: its path, and its label")
    return rows


def _column(names: list[str], wanted: tuple[str, ...]) -> int | None:
    return next((names.index(name) for name in wanted if name in names), None)
