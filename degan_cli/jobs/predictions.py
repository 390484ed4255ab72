"""What a classifier says of each image, as a CSV file."""

from __future__ import annotations

import codecs
import csv
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path

from torch import Tensor

from ..artifact.atomic import replacing
from ..runs.output import STDOUT
from ..specs import ImageSet


def write_predictions(
    path: Path, logits: Tensor, data: ImageSet, class_names: Sequence[str], probabilities: bool = False
) -> None:
    """Write a row per image, in the data set's order: ``file`` or ``index``, ``label``, ``predicted``, ``confidence``.

    ``label`` is the data set's own name of the class, also where the classifier lacks it; without labels there is no
    such column.

    :param path: ``-`` is stdout.
    :param logits: (N, classes), of all images of ``data``.
    :param probabilities: whether a column ``p(NAME)`` per class follows.
    :raises DeganError: when the file cannot be written.
    """
    head = ["file" if data.files else "index", *(["label"] if data.labels is not None else [])]
    head += ["predicted", "confidence", *(f"p({name})" for name in class_names if probabilities)]
    # Whoever reads a table on stdout may leave it when they have read enough.
    with nullcontext(sys.stdout.buffer) if path == STDOUT else replacing(path) as file:
        table = csv.writer(
            codecs.getwriter("utf-8")(file, "backslashreplace"), lineterminator="\n"
        )  # not all names are text
        table.writerow(head)
        table.writerows(_rows(logits, data, class_names, probabilities))


def _rows(logits: Tensor, data: ImageSet, class_names: Sequence[str], probabilities: bool) -> Iterator[list[object]]:
    labels = None if data.labels is None else data.labels.tolist()
    for index, shares in enumerate(logits.double().softmax(dim=1)):  # each (classes,)
        confidence, predicted = (value.item() for value in shares.max(dim=0))
        row: list[object] = [data.files[index] if data.files else index]
        row += [] if labels is None else [data.class_names[labels[index]]]
        row += [class_names[int(predicted)], f"{confidence:.6f}"]
        yield row + [f"{share:.6f}" for share in shares.tolist() if probabilities]
