"""Where data sets are looked for by name, path or expression."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..console import note
from ..errors import BadFile
from ..specs import ImageSet
from .reading import Reading
from .resolve import content, open_images

if TYPE_CHECKING:
    from ..plugins import Plugins

Shape = tuple[int, int, int]
COMPARED_BYTES = 2**26
"""Of images that are compared to tell two sets apart."""


@dataclass(frozen=True, kw_only=True)
class DataFinder:
    """Opens what ``--dataset``, ``--proxy``, ``--samples`` and their like name."""

    plugins: Plugins
    data_dir: Path
    download: bool = False
    reading: Reading = field(default_factory=Reading)

    def open(self, expression: str, split: str = "train", shape: Shape | None = None) -> ImageSet:
        """See :func:`~degan_cli.datasets.resolve.open_images`."""
        return open_images(
            expression,
            split,
            plugins=self.plugins,
            data_dir=self.data_dir,
            download=self.download,
            shape=shape,
            reading=self.reading,
        )

    def content(self, expression: str, split: str) -> str:
        """See :func:`~degan_cli.datasets.resolve.content`."""
        return content(expression, split, plugins=self.plugins, data_dir=self.data_dir, reading=self.reading)

    def labelled(
        self, expression: str, split: str = "train", shape: Shape | None = None, *, what: str, why: str
    ) -> ImageSet:
        """Images with labels; raises BadFile saying of ``what`` that it has none, followed by ``why``."""
        data = self.open(expression, split, shape)
        if data.labels is None:
            raise BadFile(f"{what}: no labels{why}")
        return data

    def test_images(self, expression: str, train: ImageSet) -> ImageSet | None:
        """The test images that go with ``train``, of its shape, without a download.

        None where there are none, which is noted on stderr, or where they are the training images: some folders and
        files give the same images for every split.
        """
        channels, height, width = train.images.shape[1:]
        shape = (channels, height, width)
        try:
            test = replace(self, download=False).open(expression, "test", shape)
        except BadFile as error:
            note(f"no test accuracy: {error}")
            return None
        return None if _are_same(test.images, train.images) else test


def _are_same(some: Tensor, others: Tensor) -> bool:
    """Whether two sets of images are one; of large ones some images, evenly spread, speak for all."""
    step = max(1, some.nbytes // COMPARED_BYTES)
    return some.shape == others.shape and torch.equal(some[::step], others[::step])
