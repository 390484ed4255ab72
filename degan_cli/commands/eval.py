"""``degan eval``: how good a classifier is on images, or how good a generator's samples are."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from ..config import EvaluateSettings
from ..console import is_main_process
from .declare import command
from .tables import classifier_table, samples_table

if TYPE_CHECKING:
    from ..runs.session import Session


def _run(settings: EvaluateSettings, session: Session, as_json: bool) -> None:
    from ..jobs import evaluate as measure

    found = measure(settings, session)
    if not is_main_process():
        return
    # A table of predictions on stdout must be that alone.
    place = sys.stderr if settings.predictions is not None and str(settings.predictions) == "-" else sys.stdout
    if as_json:
        print(json.dumps(found.to_json(), sort_keys=True), file=place)
    else:
        print((classifier_table if found.kind == "classifier" else samples_table)(found.values), file=place)


evaluate = command(
    EvaluateSettings,
    _run,
    """Measure a classifier, or a generator's samples, on stdout.

    A classifier: accuracy, confusion and calibration on labelled images, and agreement with another classifier,
    which needs no labels. Samples: classes, confidence and entropy in a classifier's eyes, and, with real
    images, FID, KID, precision, recall, density and coverage in its feature space.
    """,
)
