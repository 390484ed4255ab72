"""Several class names in one text: commas between them, quotes around a name that has commas of its own."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import StringIO

from ..errors import UsageError


def split_names(text: str, what: str) -> list[str]:
    """The names in ``cat,"salt, pepper",dog``, without spaces around them; empty ones are left out.

    :param what: what a message calls the text, such as ``--classes``.
    :raises UsageError: for a quote that is not closed.
    """
    try:
        items = next(csv.reader([text], skipinitialspace=True, strict=True), [])
    except csv.Error as error:
        raise UsageError(f'{what}: "{text}" cannot be read ({error}); write names as cat,"salt, pepper",dog') from None
    return [item.strip() for item in items if item.strip()]


def join_names(names: Sequence[str]) -> str:
    """The text that :func:`split_names` reads as these names."""
    line = StringIO()
    csv.writer(line, lineterminator="").writerow(names)
    return line.getvalue()
