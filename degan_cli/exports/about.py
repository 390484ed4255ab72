"""What an exported classifier says about itself: ``config.json`` and ``README.md``, wherever its format keeps them.

A folder holds them as files. A format of one file holds them inside, as metadata under these names: one file can be
replaced in one step, and cannot be parted from its description. There is no licence in them, and nothing that the
artifact does not say.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .. import __version__
from ..artifact import Loaded
from ..models import Classifier
from .card import model_card

CONFIG = "config.json"
CARD = "README.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """A classifier on its way into another format, and how it is described there."""

    classifier: Classifier
    """On the CPU, frozen."""
    softmax: bool
    """Whether probabilities come out, instead of logits."""
    config: Mapping[str, Any]
    """Architecture, class names, input, output, and under ``degan`` where it comes from."""
    card: str
    """Markdown."""

    @property
    def texts(self) -> dict[str, str]:
        """Both descriptions by their names, for a format that keeps them inside its file."""
        return {CONFIG: json.dumps(self.config, indent=1), CARD: self.card}


def about(
    loaded: Loaded[Classifier], *, inside: bool, softmax: bool, format: str, versions: Mapping[str, str]
) -> Export:
    """Describe a classifier for a format.

    :param inside: whether the format holds the normalisation, so that its input is pixels in [0, 1].
    :param format: as people call it.
    :param versions: of what writes it, beside ``degan-cli``.
    """
    header, classifier = loaded.header, loaded.model.freeze()
    described = header.to_json()
    config = {
        "architecture": header.architecture,
        "num_classes": len(header.class_names),
        "class_names": list(header.class_names),
        "input": described["input"] | {"values": "pixels in [0, 1]" if inside else "(pixels in [0, 1] - mean) / std"},
        "output": "probabilities" if softmax else "logits",
        "degan": {
            "sha256": loaded.sha256,
            "exported_by": {"degan-cli": __version__, **versions},
            **{key: described[key] for key in ("provider", "run", "metrics", "parents", "versions")},
        },
    }
    return Export(classifier=classifier, softmax=softmax, config=config, card=model_card(config, format))
