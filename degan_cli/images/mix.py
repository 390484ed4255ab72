"""Images of a batch put together: blended, or with a part of one pasted into another.

Sources: Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018; Yun et al., "CutMix", ICCV 2019;
Beyer et al., "Knowledge distillation: A good teacher is patient and consistent", CVPR 2022, whose teacher and student
see the same mixed image, so that no label has to be mixed. torchvision's transforms do the work; they draw one share
for a whole batch, and each image's partner is its neighbour, of its own process where several share the batch.
"""

from __future__ import annotations

import torch
from torch import Tensor


def mix(images: Tensor, kind: str) -> Tensor:
    """Images (batch, C, H, W) in [0, 1] mixed by pairs; the share is uniform in [0, 1].

    :param kind: ``mixup``, ``cutmix``, or ``both`` for one of them by chance; ``none`` returns the images themselves.
    """
    if kind == "none":
        return images
    from torchvision.transforms import v2  # takes a while to import, which only those who mix should wait for

    if kind == "both":
        kind = "mixup" if torch.rand(()) < 0.5 else "cutmix"
    transform = v2.MixUp if kind == "mixup" else v2.CutMix
    # The labels are a formality: the transform wants some, and the teacher will say what the mixed images are.
    labels = torch.zeros(len(images), dtype=torch.int64, device=images.device)
    mixed: Tensor = transform(num_classes=1)(images, labels)[0]
    return mixed
